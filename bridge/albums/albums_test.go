package albums

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

// open returns the albums of an entry that never asks Google.
func open(t *testing.T, log *logrus.Logger) *Albums {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a, err := Open(t.Context(), Config{Entry: "home", Store: s, Owner: func() string { return "sam" }, Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Two albums of one title: the first by id counts, and one warning says so.
func TestTwoAlbumsOfOneTitle(t *testing.T) {
	log, said := logtest.NewNullLogger()
	a := open(t, log)
	list := []photos.Album{{ID: "C", Title: "Garden"}, {ID: "A", Title: "Garden"}, {ID: "B", Title: "Garden"}, {ID: "D", Title: "Door"}}
	for range 2 {
		if _, err := a.listedAll(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if found, _ := a.Known("Garden"); found.ID != "A" || len(said.AllEntries()) != 1 {
		t.Errorf("album %s is used, %d warnings", found.ID, len(said.AllEntries()))
	}
}

// Google's lists may leave an album out, or still have one that is gone.
func TestTitlesOutliveIncompleteLists(t *testing.T) {
	a := open(t, logrus.New())
	steps := []struct {
		what string
		do   func() error
		want map[string]string
	}{
		{"made", func() error { return a.change(t.Context(), func() { a.ids["Garden"] = "A" }) }, map[string]string{"Garden": "A"}},
		{"left out", func() error { _, err := a.listedAll(t.Context(), nil); return err }, map[string]string{"Garden": "A"}},
		{"renamed by somebody", func() error {
			_, err := a.listedAll(t.Context(), []photos.Album{{ID: "A", Title: "Yard"}})
			return err
		}, map[string]string{"Yard": "A"}},
		{"gone", func() error { return a.Forget(t.Context(), "A") }, map[string]string{}},
		{"still listed", func() error {
			left, err := a.listedAll(t.Context(), []photos.Album{{ID: "A", Title: "Yard"}})
			if len(left) != 0 {
				err = fmt.Errorf("%v is taken for an album", left)
			}
			return err
		}, map[string]string{}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(s.what, err)
		}
		if diff := cmp.Diff(s.want, a.ids); diff != "" {
			t.Error(s.what, diff)
		}
	}
}

// Titles are compared as Google stores them, and the id of a known album means that album, with one warning.
func TestTitlesAsGoogleHasThem(t *testing.T) {
	log, said := logtest.NewNullLogger()
	a := open(t, log)
	list := []photos.Album{{ID: "A", Title: "Front door"}, {ID: "B", Title: "T\u00fcr"}, {ID: "C", Title: "T\u00fcr"}, {ID: "D", Title: "C"}}
	if _, err := a.listedAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	said.Reset() // two albums have one title
	for title, want := range map[string]store.Album{
		"Front door": {ID: "A", Title: "Front door"}, " Front door": {ID: "A", Title: "Front door"},
		"Front door\u00a0\n": {ID: "A", Title: "Front door"}, "Tu\u0308r": {ID: "B", Title: "T\u00fcr"}, "C": {ID: "D", Title: "C"},
		"B": {ID: "B", Title: "T\u00fcr"}, " B ": {ID: "B", Title: "T\u00fcr"}, "front door": {}, "Front  door": {}, "a": {},
	} {
		if got, ok := a.Known(title); ok != (want.ID != "") || ok && got != want {
			t.Errorf("%q: got %+v %v, want %+v", title, got, ok, want)
		}
	}
	if got := said.AllEntries(); len(got) != 1 || got[0].Data["album"] != "B" {
		t.Errorf("got the warnings %v, want one about B", got)
	}
	if err := a.Forget(t.Context(), "B"); err != nil {
		t.Fatal(err)
	}
	if got, ok := a.Known("B"); ok {
		t.Errorf("forgotten, but found %+v", got)
	}
}

// Titles that an earlier version saved with white space around them are found.
func TestSavedTitles(t *testing.T) {
	a := open(t, logrus.New())
	if err := a.cfg.Store.SaveState(t.Context(), "home", record, map[string]string{" Garden ": "A"}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), a.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := again.Known("Garden"); !ok || got.ID != "A" {
		t.Errorf("got %+v %v", got, ok)
	}
}

// Another account is linked, also while the bridge is away: it has none of the albums, and none that is new.
func TestAlbumsAreOfOneAccount(t *testing.T) {
	a := open(t, logrus.New())
	owner := "sam"
	a.cfg.Owner = func() string { return owner }
	for _, err := range []error{
		a.follow(t.Context()), a.noteNew(t.Context(), "A"), a.change(t.Context(), func() { a.ids["Garden"] = "A" }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, restarts := range []bool{false, true} {
		for _, now := range []string{"sam", "", "sam", "ann", "ann"} {
			if owner = now; restarts {
				again, err := Open(t.Context(), a.cfg)
				if err != nil {
					t.Fatal(err)
				}
				a = again
			}
			if err := a.follow(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, known := a.Known("Garden")
			if known != (now != "ann" && !restarts) || now == "sam" && a.IsNew("A") == restarts || now == "ann" && a.IsNew("A") {
				t.Errorf("of %q, restarts %v: known %v, new %v", now, restarts, known, a.IsNew("A"))
			}
		}
	}
}
