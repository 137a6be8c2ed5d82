package homeassistant

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gphotos2mqtt/bridge/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTopics(t *testing.T) {
	t.Parallel()
	r := Removed{Listed: func(_ context.Context, entry string) ([]string, error) {
		if entry == "broken" {
			return nil, store.ErrEngine
		}
		return map[string][]string{"garden": {"one", "a/b"}}[entry], nil
	}}
	home := []string{"g/home/availability", "g/home/state", "g/home/albums", "g/home/media", "g/home/image", "g/home/upload/progress", "g/bridge/info", "g/bridge/health"}
	for _, test := range []struct {
		what    string
		entries []Presence
		want    []string
		err     error
	}{
		{"nobody", nil, nil, nil},
		{"without discovery", []Presence{{"home", "g", ""}}, home, nil},
		{"with discovery", []Presence{{"home", "g", "ha"}}, append(slices.Clone(home), "ha/device/gphotos_home/config"), nil},
		{
			"with listings",
			[]Presence{{"garden", "x", ""}},
			[]string{
				"x/garden/availability", "x/garden/state", "x/garden/albums", "x/garden/media", "x/garden/image",
				"x/garden/upload/progress", "x/bridge/info", "x/bridge/health", "x/garden/albums/one", "x/garden/albums/a%2Fb",
			},
			nil,
		},
		{"the store fails", []Presence{{"broken", "g", ""}}, nil, store.ErrEngine},
	} {
		got, err := r.topics(t.Context(), test.entries...)
		if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, (-want +got):\n%s", test.what, err, diff)
		}
	}
}

// What an earlier run published and this one does not is cleared, once, and nothing else.
func TestClearTopics(t *testing.T) {
	t.Parallel()
	home, moved, bare := Presence{"home", "g", "ha"}, Presence{"home", "g", "other"}, Presence{"home", "g", ""}
	for _, test := range []struct {
		what        string
		before, now []Presence
		want        []string
	}{
		{"the same", []Presence{home}, []Presence{home}, nil},
		{"the first run", nil, []Presence{home}, nil},
		{"another prefix", []Presence{home}, []Presence{moved}, []string{"ha/device/gphotos_home/config"}},
		{"no discovery any more", []Presence{home, moved}, []Presence{bare}, []string{"ha/device/gphotos_home/config", "other/device/gphotos_home/config"}},
		{
			"another root",
			[]Presence{bare},
			[]Presence{{"home", "x", ""}},
			[]string{
				"g/home/availability", "g/home/state", "g/home/albums", "g/home/media", "g/home/image", "g/home/upload/progress",
				"g/bridge/info", "g/bridge/health",
			},
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			log := logrus.New()
			log.SetOutput(io.Discard)
			s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: logrus.NewEntry(log)})
			must(t, err)
			defer func() { must(t, s.Close()) }()
			var cleared []string
			lost := errors.New("the broker is gone")
			r := Removed{
				Store:  s,
				Clear:  func(context.Context, string) error { return lost },
				Listed: func(context.Context, string) ([]string, error) { return nil, nil },
				Log:    logrus.NewEntry(log),
			}
			must(t, r.RecordTopics(t.Context(), test.before))
			must(t, r.RecordTopics(t.Context(), test.now))
			if err := r.ClearTopics(t.Context(), test.now); (err != nil) != (test.want != nil) || err != nil && !errors.Is(err, lost) {
				t.Errorf("without a broker: %v", err)
			}
			r.Clear = func(_ context.Context, topic string) error {
				cleared = append(cleared, topic)
				return nil
			}
			for range 2 { // what was cleared is free for another bridge
				must(t, r.ClearTopics(t.Context(), test.now))
			}
			if diff := cmp.Diff(test.want, cleared); diff != "" {
				t.Errorf("cleared (-want +got):\n%s", diff)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
