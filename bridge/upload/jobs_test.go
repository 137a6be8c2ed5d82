package upload

import (
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
)

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := newJobs(nil, nil, newQueue(notHeld, func() {}))
		js.add(fileJob(1, "", store.FileQueued).view())
		late := fileJob(2, "", store.FileSent)
		late.note(func(r *store.Job) { r.Ran = time.Hour })
		js.add(late.view())
		old, wait := js.expired(time.Hour+time.Minute, time.Hour)
		if len(old) != 1 || old[0].ID != "job001" || wait != 59*time.Minute {
			t.Errorf("%d expired, wait %v", len(old), wait)
		}
	})
}
