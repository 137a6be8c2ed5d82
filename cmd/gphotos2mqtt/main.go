// Command gphotos2mqtt uploads what is published to MQTT topics to Google Photos, and publishes what is there.
//
// Without an argument it runs the bridge until SIGINT or SIGTERM; `gphotos2mqtt help` lists the others. All settings are environment
// variables, see config.Config. The exit code is 0 when all went well, 1 when something failed, and 2 when a setting or an argument must
// change.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also on machines without time zones

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
	"gphotos2mqtt/mqttapi/broker/embedded"
)

const exitDone, exitFailed, exitUsage = 0, 1, 2 // the exit codes

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	err := dispatch(ctx, call{args, environ, stdin, stdout, stderr})
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errLogged) {
		fmt.Fprintln(stderr, err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func serve(ctx context.Context, c config.Config, warnings []string, stderr io.Writer) error {
	log := newLog(c, stderr)
	embedded.StopSampling()
	early := debug.SetMemoryLimit(-1) == math.MaxInt64
	if early { // while the queue is loaded; see the daemon's memory. With many entries that would take most of the start.
		debug.SetGCPercent(min(10+len(c.Entries)/10, 50))
	}
	for _, warning := range warnings {
		log.WithField("setting", warning).Warn("setting is not used")
	}
	if c.LinkURL = daemon.LinkURL(c); c.LinkURL == "" {
		log.Warn("set GPHOTOS_LINK_URL to where your browser reaches the linking pages, such as http://192.168.1.10:8099")
	}
	d, err := daemon.Open(ctx, c, version(), log)
	if err == nil {
		err = d.Run(ctx, task.Task{Name: "start", Run: func(ctx context.Context) error {
			if err := wake.Sleep(ctx, d.Opened(), 0); err != nil {
				return err
			}
			log.WithField("version", version()).Info("bridge started")
			if early {
				debug.SetGCPercent(max(50-len(c.Entries)/40, 25)) // of what lives, which with many entries is most of the memory
			}
			releaseMemory()
			// Outside of systemd this does nothing: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
			_, _ = systemd.SdNotify(false, systemd.SdNotifyReady)
			for _, pause := range []time.Duration{5 * time.Second, 55 * time.Second} { // what connecting and the first listings needed; of many entries, too
				if err := wake.Sleep(ctx, nil, pause); err != nil {
					return err
				}
				releaseMemory()
			}
			return nil
		}})
		log.Info("bridge stopped")
	}
	if err != nil {
		log.WithError(err).Error("bridge failed")
		return errLogged
	}
	return nil
}

func newLog(c config.Config, stderr io.Writer) *logrus.Entry {
	log := logrus.NewEntry(logrus.New())
	log.Logger.SetOutput(stderr)
	if c.LogFormat == "json" {
		log.Logger.SetFormatter(&logrus.JSONFormatter{})
	}
	log.Logger.Level, _ = logrus.ParseLevel(c.LogLevel) // config takes no other
	return log
}
