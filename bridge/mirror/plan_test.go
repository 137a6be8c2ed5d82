package mirror

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/photos"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	at := func(id string, day int) photos.Item {
		return photos.Item{ID: id, Created: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), BaseURL: "https://lh3/x"}
	}
	garden := Album{ID: "G", Title: "Garden", Known: true, Items: []photos.Item{at("g3", 9), at("g2", 5), at("g1", 1)}}
	door := Album{ID: "D", Title: "Door", Known: true, Items: []photos.Item{at("d1", 7)}}
	unknown := Album{ID: "D", Title: "Door"}
	in := func(folder, item string, size int64) file {
		return file{Item: item, Path: "/m/" + folder + "/" + item, Size: size}
	}
	type files = map[string][]file
	for name, tc := range map[string]struct {
		albums       []Album
		recorded     files
		items        int
		most         int64
		wanted, drop []string
	}{
		"all is new": {[]Album{garden, door}, nil, 9, 100, []string{"g3", "d1", "g2", "g1"}, nil},
		"the newest of each": {
			[]Album{garden, door}, files{"G": {in("Garden", "g1", 1), in("Garden", "g2", 1)}}, 2, 100, []string{"g3", "d1", "g2"}, []string{"g1 forgotten"},
		},
		"what is older has no room, but a smaller one": {
			[]Album{garden, door},
			files{"G": {in("Garden", "g3", 60), in("Garden", "g2", 50), in("Garden", "g1", 10)}, "D": {in("Door", "d1", 30)}},
			9, 100,
			[]string{"g3", "d1", "g1"},
			[]string{"g2"},
		},
		"known to be too large": {[]Album{door}, files{"D": {{Item: "d1", Size: 101}}}, 9, 100, nil, nil},
		"an album that is not chosen": {
			[]Album{door}, files{"G": {in("Garden", "g3", 1)}, "D": {in("Door", "d1", 1)}}, 9, 100, []string{"d1"}, []string{"g3 forgotten"},
		},
		"an album with another name": {
			[]Album{door}, files{"D": {in("Old door", "d1", 1)}}, 9, 100, []string{"d1"}, []string{"d1 forgotten"},
		},
		"an album that is unknown keeps its files and their room": {
			[]Album{garden, unknown},
			files{"D": {in("Door", "d1", 60), in("Door", "d0", 39)}, "G": {in("Garden", "g3", 2), in("Garden", "g2", 1)}},
			2, 100,
			[]string{"g2"},
			[]string{"g3"},
		},
	} {
		m := &Mirror{cfg: Config{Folder: "/m", Items: tc.items, MaxBytes: tc.most}, albums: tc.recorded}
		wants, drops := m.plan(tc.albums)
		var wanted, drop []string
		for _, w := range wants {
			wanted = append(wanted, w.item.ID)
		}
		for _, d := range drops {
			what := d.file.Item
			if d.forget {
				what += " forgotten"
			}
			drop = append(drop, what)
		}
		if diff := cmp.Diff(tc.wanted, wanted) + cmp.Diff(tc.drop, drop); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
