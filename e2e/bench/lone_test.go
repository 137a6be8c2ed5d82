package bench

import (
	"slices"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

const (
	loneRounds = 300
	loneSize   = 200_000
)

// lonePhoto measures photos of 200 KB one after another, from publish to `done`, while
// Google answers at once; then where that time goes.
func lonePhoto(r *run) {
	e := newEnv(r, e2etest.Config{})
	e.quiet()
	var took []float64
	for n := range loneRounds {
		data := e2etest.Photo(n, loneSize)
		began := time.Now()
		e.upload(data)
		e.done(1)
		took = append(took, ms(time.Since(began)))
	}
	e.Bridge.Stop(0)
	alone := disk{e.Temp}.alone(r, loneSize)
	slices.Sort(took)
	r.atMost(5, "a photo of 200 KB from publish to done, median", "ms", took[len(took)/2])
	r.atMost(15, "99 of 100", "ms", took[len(took)*99/100])
	r.figure("of it, the disk alone: a file of 200 KB and its folder are synced", "ms", alone)
	var rows []figures.Row
	for percent := range 100 {
		rows = append(rows, figures.Row{Cells: []float64{float64(percent), took[percent*len(took)/100]}})
	}
	r.table("lone photos by how many are faster", []string{"photos (%)", "ms"}, rows...)
	loneParts(r)
}
