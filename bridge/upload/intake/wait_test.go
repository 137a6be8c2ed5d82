package intake

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

var patience = media.Patience{Missing: time.Minute, Quiet: 2 * time.Second, Limit: 5 * time.Minute}

// What passes lets a file wait, for how long depends on the reason; anything else is its end.
func TestPostpone(t *testing.T) {
	t.Parallel()
	missing := mqttapi.NewError(mqttapi.CodeNotFound)
	for name, tc := range map[string]struct {
		cause   error
		missing time.Duration
		status  store.FileStatus
		reason  mqttapi.HoldReason // "" = the file fails
		lasts   time.Duration      // 0 = as long as its job may
	}{
		"a silent folder":           {&media.UnavailableError{Silent: true}, 0, store.FileQueued, mqttapi.WaitSilent, 0},
		"a folder that is away":     {&media.UnavailableError{Err: os.ErrNotExist}, 0, store.FileQueued, mqttapi.WaitAway, 0},
		"not complete":              {&media.UnfinishedError{}, 0, store.FileQueued, mqttapi.WaitUnfinished, patience.Limit},
		"empty":                     {&media.UnfinishedError{Empty: true}, time.Hour, store.FileQueued, mqttapi.WaitUnfinished, time.Hour},
		"empty and not waited for":  {&media.UnfinishedError{Empty: true}, 0, store.FileQueued, "", 0},
		"not there":                 {missing, time.Hour, store.FileQueued, mqttapi.WaitMissing, time.Hour},
		"not there, not waited for": {missing, 0, store.FileQueued, "", 0},
		"read after others":         {errTurn, 0, store.FileQueued, mqttapi.WaitTurn, 0},
		"no room":                   {mqttapi.NewError(mqttapi.CodeBusy), 0, store.FileWaiting, mqttapi.WaitRoom, 0},
		"no room for the command":   {mqttapi.NewError(mqttapi.CodeBusy), 0, store.FileQueued, "", 0},
		"of a wrong type":           {mqttapi.NewError(mqttapi.CodeUnsupportedType), time.Hour, store.FileQueued, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := store.File{Path: "/media/a.jpg", Status: tc.status, Wait: &store.Wait{Missing: tc.missing}}
				err := New(Config{Patience: patience}).postpone(&f, tc.cause)
				if tc.reason == "" {
					if _, refused := errors.AsType[*mqttapi.Error](err); !refused || f.Status != tc.status {
						t.Fatalf("%v, and the file is %v", err, f.Status)
					}
					return
				}
				if err != nil || f.Status != store.FileWaiting || f.Wait.Reason != string(tc.reason) || f.Wait.Lasts != tc.lasts {
					t.Errorf("%v: %v for %q, %v", err, f.Status, f.Wait.Reason, f.Wait.Lasts)
				}
				if f.NotBefore.Sub(wake.Wall()) > laterLook || f.ErrorCode == "" || f.ErrorMessage == "" {
					t.Errorf("next look at %v; %s: %s", f.NotBefore, f.ErrorCode, f.ErrorMessage)
				}
			})
		})
	}
}

// Each look comes later than the one before, and the last one at the end of the wait.
func TestLooksUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := New(Config{Patience: patience})
		f := store.File{Path: "/media/a.jpg", Status: store.FileQueued, Wait: &store.Wait{Missing: time.Minute}}
		began, looks := time.Now(), 0
		for last := time.Duration(0); f.Status != store.FileFailed && looks < 100; looks++ {
			if err := in.tried(&f, mqttapi.NewError(mqttapi.CodeNotFound)); err != nil {
				t.Fatal(err)
			}
			if left := time.Minute - time.Since(began); f.Status == store.FileWaiting && f.Pause < min(last, left) {
				t.Errorf("look %d after %v, the one before after %v", looks, f.Pause, last)
			}
			last = f.Pause
			time.Sleep(f.Pause)
		}
		if took := time.Since(began) - f.Pause; took != time.Minute || f.ErrorCode != string(mqttapi.CodeNotFound) || looks > 40 {
			t.Errorf("%s after %v and %d looks", f.ErrorCode, took, looks)
		}
	})
}

// What was seen on another machine is sought there, whatever is here under its name.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	gone, changed := mqttapi.NewError(mqttapi.CodeNotFound), mqttapi.NewError(mqttapi.CodeChanged)
	away := &media.UnavailableError{}
	for name, tc := range map[string]struct {
		file   store.File
		cause  error
		sought bool
		other  bool
	}{
		"not there":                   {store.File{Machine: "b", Source: &store.Source{}}, gone, true, true},
		"another one is here":         {store.File{Machine: "b", Source: &store.Source{}}, changed, true, true},
		"its folder is away":          {store.File{Machine: "b", Source: &store.Source{}}, away, true, true},
		"was being written":           {store.File{Machine: "b", Wait: &store.Wait{Seen: &store.Source{}}}, gone, true, true},
		"to be deleted":               {store.File{Machine: "b", After: &store.After{}}, gone, true, true},
		"of a share that is away":     {store.File{Machine: "a", Source: &store.Source{}}, away, true, false},
		"of this machine and changed": {store.File{Machine: "a", Source: &store.Source{}}, changed, false, false},
		"never seen":                  {store.File{Machine: "b"}, gone, false, false},
		"of an entry that stays":      {store.File{Source: &store.Source{}}, gone, false, false},
		"Google is away":              {store.File{Machine: "b", Source: &store.Source{}}, errors.New("no route"), false, false},
	} {
		sought := false
		in := New(Config{Machine: "a", Seek: func(store.Source, string) { sought = true }})
		err := in.Elsewhere(&tc.file, tc.cause)
		if sought != tc.sought || errors.Is(err, ErrElsewhere) != tc.other || !tc.other && !errors.Is(err, tc.cause) {
			t.Errorf("%s: %v, sought: %v", name, err, sought)
		}
	}
}
