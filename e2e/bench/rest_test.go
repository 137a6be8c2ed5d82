package bench

import (
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// idle measures a linked bridge that has nothing to do, over a minute.
func idle(r *run) {
	for _, config := range []e2etest.Config{{}, {Embedded: true}} {
		e := newEnv(r, config)
		e.quiet()
		e.settle()
		span := time.Minute
		if config.Embedded {
			span /= 3
		}
		cpu, woken := e.Bridge.CPU(), e.Bridge.Switches()
		time.Sleep(span) // what is measured is a time
		cpu, woken = e.Bridge.CPU()-cpu, e.Bridge.Switches()-woken
		percent, perSecond := 100*cpu.Seconds()/span.Seconds(), float64(woken)/span.Seconds()
		if config.Embedded {
			r.figure("resident memory with the built-in broker", "MB", megabytes(e.Bridge.Resident()))
			r.figure("processor with it", "% of a core", percent)
			continue
		}
		r.atMost(18, "resident memory of an idle bridge", "MB", megabytes(e.Bridge.Resident()))
		r.atMost(0.1, "processor", "% of a core", percent)
		r.atMost(2, "wake-ups", "a second", perSecond)
		e.Bridge.Stop(0)
	}
}

// start measures from the start of the process until a linked entry is online.
func start(r *run) {
	const online = "gphotos/home/availability"
	e := newEnv(r, e2etest.Config{})
	var took []float64
	for range 11 {
		e.quiet()
		e.Bridge.Stop(0)
		e.Forget(online)
		began := time.Now()
		e.Bridge = e.Run()
		e.Expect(online, "online", func(payload []byte) bool { return string(payload) == "online" })
		took = append(took, ms(time.Since(began)))
	}
	r.atMost(150, "start to online with a linked entry", "ms", took...)
}

// intake measures how many uploads a second are durable and answered with `accepted`,
// while Google takes none, from one connection that publishes.
func intake(r *run) {
	for _, of := range []struct {
		name         string
		photos, size int
		goal         float64
	}{{"27 KB", 3000, small, 800}, {"200 KB", 1500, 200_000, 400}} {
		e := newEnv(r, e2etest.Config{})
		e2etest.Must(r, e.Google.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "daily_quota"}))
		payloads := make([][]byte, of.photos)
		for n := range payloads {
			payloads[n] = e2etest.Photo(n, of.size)
		}
		e.quiet()
		began, cpu := time.Now(), e.Bridge.CPU()
		e.Send(of.photos, func(n int) []byte { return payloads[n] })
		for range of.photos {
			e.Expect(e2etest.ResultTopic, "accepted", nil)
		}
		r.atLeast(of.goal, "accepted photos of "+of.name, "a second", float64(of.photos)/time.Since(began).Seconds())
		r.figure("processor for each", "ms", ms(e.Bridge.CPU()-cpu)/float64(of.photos))
		e.Bridge.Stop(0)
		r.figure("the disk alone: files of "+of.name+" that are synced with their folder, 16 at a time", "a second", disk{e.Temp}.together(r, of.size))
	}
}

// memory measures the bridge's memory with 20 photos of 8 MB, in base64, at once.
func memory(r *run) {
	e := newEnv(r, e2etest.Config{})
	e.quiet()
	e.Bridge.ForgetPeak()
	took := e.burst(0, 20, 8_000_000, "Large")
	r.atMost(120, "resident memory at most with 20 photos of 8 MB in base64 at once", "MB", megabytes(e.Bridge.Peak()))
	r.figure("until they are done", "s", took.Seconds())
}
