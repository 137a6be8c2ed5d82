package bridge

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// mirrored starts an entry with a mirror of two albums.
func mirrored(t *testing.T, change func(*Mirror)) *harness {
	t.Helper()
	r := newHarness(t)
	r.config = func(c *EntryConfig) {
		c.Mirror = Mirror{Titles: []string{"Front door", "Garden"}, Folder: filepath.Join(r.media, "google"), Items: 3, MaxBytes: 1 << 20}
		if change != nil {
			change(&c.Mirror)
		}
	}
	return r
}

// files are what is below the mirror's folder, without the dates.
func (r *harness) files() (names []string) {
	root := filepath.Join(r.media, "google")
	r.must(os.MkdirAll(root, 0o755))
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			dir, name := filepath.Split(strings.TrimPrefix(path, root+"/"))
			if at, err := time.ParseInLocation("2006-01-02 15.04.05 ", name[:min(20, len(name))], time.Local); err == nil && at.Year() > 1999 {
				name = name[20:]
			}
			names = append(names, dir+name)
		}
		return nil
	})
	r.must(err)
	slices.Sort(names)
	return names
}

func (r *harness) wantFiles(what string, want ...string) {
	r.t.Helper()
	synctest.Wait()
	time.Sleep(time.Minute) // of virtual time
	synctest.Wait()
	if diff := cmp.Diff(want, r.files()); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (r *harness) downloads() int { return r.sim.Stats().Routes["bytes"].Requests }

// The newest items of each chosen album are files, those that leave it are none, and each is fetched once.
func TestMirrorFollowsTheAlbums(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mirrored(t, nil)
		r.start()
		var results []map[string]any
		for i := range 4 {
			path := r.write(fmt.Sprintf("%d.jpg", i), jpegOf(i))
			results = append(results, r.upload(fmt.Sprintf(`{"path": %q, "album": "Front door", "name": "cam/%d.JPG"}`, path, i)))
			time.Sleep(time.Minute)
		}
		r.uploadTo("Garden", 7)
		r.uploadTo("Elsewhere", 8)
		r.wantFiles("three of each", "Front door/cam_1.jpg", "Front door/cam_2.jpg", "Front door/cam_3.jpg", "Garden/Garden-7.jpg")
		shown := r.downloads()

		own := filepath.Join(r.media, "google", "Front door", "2001-01-01 00.00.00 mine.jpg")
		r.must(os.WriteFile(own, []byte("mine"), 0o600))
		id := results[2]["items"].([]any)[0].(map[string]any)["media_item_id"].(string)
		r.command(broker.Delivery{
			Topic: "gphotos/home/request/album/remove", QoS: 1, Payload: fmt.Appendf(nil, `{"album": "Front door", "media_item_ids": [%q]}`, id),
		})
		r.wantFiles("one has left and made place for an older one",
			"Front door/cam_0.jpg", "Front door/cam_1.jpg", "Front door/cam_3.jpg", "Front door/mine.jpg", "Garden/Garden-7.jpg")
		if n := r.downloads() - shown; n != 1 {
			t.Errorf("%d downloads for one file that was not there", n)
		}
		shown = r.downloads()
		r.restart()
		time.Sleep(3 * time.Hour)
		r.wantFiles("the same after a restart",
			"Front door/cam_0.jpg", "Front door/cam_1.jpg", "Front door/cam_3.jpg", "Front door/mine.jpg", "Garden/Garden-7.jpg")
		if n := r.downloads() - shown; n > 1 { // E/image
			t.Errorf("%d downloads after a restart", n)
		}

		garden := r.sim.Library()[0].Albums[1]
		r.must(r.sim.Delete(garden.ID))
		time.Sleep(time.Hour)
		r.wantFiles("without the album that is gone", "Front door/cam_0.jpg", "Front door/cam_1.jpg", "Front door/cam_3.jpg", "Front door/mine.jpg")
		if _, err := os.Stat(filepath.Join(r.media, "google", "Garden")); err == nil {
			t.Error("its empty folder is still there")
		}
		r.config = func(*EntryConfig) {}
		r.restart()
		r.wantFiles("what was not ours, without a mirror", "Front door/mine.jpg")
		r.stop()
	})
}

// What somebody has put in the place of a file, or made of it, is theirs.
func TestMirrorLeavesWhatOthersWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mirrored(t, nil)
		r.start()
		r.uploadTo("Front door", 1)
		r.uploadTo("Front door", 2)
		r.wantFiles("both", "Front door/Front door-1.jpg", "Front door/Front door-2.jpg")
		paths, err := filepath.Glob(filepath.Join(r.media, "google", "*", "*.jpg"))
		r.must(err)
		r.must(os.WriteFile(paths[0], []byte("painted over"), 0o600))
		r.must(os.Remove(paths[1]))
		r.uploadTo("Front door", 3)
		r.wantFiles("what was removed is there again", "Front door/Front door-1.jpg", "Front door/Front door-2.jpg", "Front door/Front door-3.jpg")
		r.config = func(*EntryConfig) {}
		r.restart()
		r.wantFiles("the changed one stays", strings.TrimPrefix(filepath.Base(filepath.Dir(paths[0]))+"/"+filepath.Base(paths[0])[20:], "/"))
		r.stop()
	})
}

// All files together keep to the limit: the newest first.
func TestMirrorIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := int64(len(noise(1, 300, 200)))
		r := mirrored(t, func(m *Mirror) { m.MaxBytes = 2*size + size/2 })
		r.start()
		for i := range 3 {
			path := r.write(fmt.Sprintf("%d.jpg", i), noise(uint64(i), 300, 200))
			r.upload(fmt.Sprintf(`{"path": %q, "album": "Front door"}`, path))
			time.Sleep(time.Minute)
		}
		r.wantFiles("the newest two", "Front door/1.jpg", "Front door/2.jpg")
		path := r.write("large.jpg", noise(9, 900, 600))
		r.upload(fmt.Sprintf(`{"path": %q, "album": "Garden"}`, path))
		r.wantFiles("one that is too large takes no place", "Front door/1.jpg", "Front door/2.jpg")
		before := r.downloads()
		time.Sleep(5 * time.Hour)
		r.restart()
		time.Sleep(5 * time.Hour)
		if n := r.downloads() - before; n > 1 {
			t.Errorf("%d downloads for what has no room", n)
		}
		r.stop()
	})
}

// A stop in the middle of a file leaves nothing of it, and a folder that cannot be written costs no request.
func TestMirrorAfterTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mirrored(t, nil)
		blocked := filepath.Join(r.media, "google")
		r.must(os.WriteFile(blocked, nil, 0o600))
		r.start()
		r.uploadTo("Front door", 1)
		time.Sleep(3 * time.Hour)
		if n := r.downloads(); n != 1 { // E/image
			t.Errorf("%d downloads into a folder that is none", n)
		}
		r.stop()
		r.must(os.Remove(blocked))
		half := filepath.Join(blocked, "Front door", ".gphotos2mqtt-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		r.must(os.MkdirAll(filepath.Dir(half), 0o755))
		r.must(os.WriteFile(half, []byte("half"), 0o600))
		r.must(os.Chtimes(half, time.Now(), time.Now().Add(-time.Hour)))
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Calls: photosim.Calls{1, 2, 3, 4}, Mode: photosim.Cut, After: new(int64(100))}))
		r.start()
		time.Sleep(time.Hour)
		r.wantFiles("the file alone", "Front door/Front door-1.jpg")
		r.stop()
	})
}

// An item that Google does not give holds up no other.
func TestMirrorGoesOnWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mirrored(t, nil)
		r.start()
		r.uploadTo("Garden", 1)
		r.wantFiles("one", "Garden/Garden-1.jpg")
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Error: "unavailable"}))
		r.uploadTo("Garden", 2)
		time.Sleep(3 * time.Hour)
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
		r.uploadTo("Garden", 3)
		time.Sleep(time.Minute)
		r.wantFiles("all", "Garden/Garden-1.jpg", "Garden/Garden-2.jpg", "Garden/Garden-3.jpg")
		r.stop()
	})
}

// A video is there once Google has finished it, as what Google makes of it.
func TestMirrorOfVideos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mirrored(t, nil)
		r.start()
		film := append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x08moov\x00\x00\x04\x00mdat"), make([]byte, 1016)...)
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Error: "unavailable"}))
		r.upload(fmt.Sprintf(`{"path": %q, "album": "Garden"}`, r.write("Film.MOV", film)))
		item := r.items()[0]
		r.must(r.sim.ChangeItem(photosim.ItemChange{ID: item.ID, VideoStatus: new("PROCESSING")}))
		r.must(r.sim.Faults())
		r.restart()
		time.Sleep(5 * time.Minute)
		if got := r.files(); len(got) > 0 {
			t.Errorf("%v of a video that is not finished", got)
		}
		r.must(r.sim.ChangeItem(photosim.ItemChange{ID: item.ID, VideoStatus: new("READY")}))
		time.Sleep(time.Hour)
		r.wantFiles("the video", "Garden/Film.mp4")
		r.stop()
	})
}
