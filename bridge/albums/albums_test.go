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
	a, err := Open(t.Context(), Config{Entry: "home", Store: s, Log: logrus.NewEntry(log)})
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
	if id, _ := a.Known("Garden"); id != "A" || len(said.AllEntries()) != 1 {
		t.Errorf("album %s is used, %d warnings", id, len(said.AllEntries()))
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
