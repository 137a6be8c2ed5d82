package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
)

// A bridge whose entries are all added at run time needs none in its settings, and no OAuth client.
func TestNoEntries(t *testing.T) {
	c := read(t, []string{"HOME=/home/ada", "GPHOTOS_ENTRIES=none"})
	if len(c.Entries) != 0 || len(c.EntryNames) != 0 {
		t.Errorf("%q", c.EntryNames)
	}
	if _, _, err := Read(with(minimal(), "ENTRIES=home,none")); err != nil {
		t.Errorf("a name beside others: %v", err)
	}
}

func TestProjects(t *testing.T) {
	c := read(t, []string{
		"HOME=/home/ada", "GPHOTOS_ENTRIES=home,garden", "GPHOTOS_PROJECTS=one, two-b",
		"GPHOTOS_PROJECT_ONE_CLIENT_ID=1", "GPHOTOS_PROJECT_ONE_CLIENT_SECRET=a",
		"GPHOTOS_PROJECT_TWO_B_CLIENT_ID=2", "GPHOTOS_PROJECT_TWO_B_CLIENT_SECRET=b",
		"GPHOTOS_ENTRY_HOME_PROJECT=two-b", "GPHOTOS_ENTRY_GARDEN_PROJECT=one",
	})
	if home, garden := c.Entries[0], c.Entries[1]; home.ClientID != "2" || home.ClientSecret != "b" || garden.ClientID != "1" || home.Own {
		t.Errorf("%+v", c.Entries)
	}
	_, _, err := Read([]string{
		"HOME=/home/ada", "GPHOTOS_ENTRIES=home,garden,attic", "GPHOTOS_PROJECTS=one,one", "GPHOTOS_PROJECT_ONE_CLIENT_ID=1",
		"GPHOTOS_ENTRY_HOME_PROJECT=three", "GPHOTOS_ENTRY_GARDEN_PROJECT=one", "GPHOTOS_ENTRY_GARDEN_CLIENT_ID=own",
		"GPHOTOS_ENTRY_ATTIC_PROJECT=one",
	})
	const want = `GPHOTOS_PROJECTS="one,one": write one once
GPHOTOS_PROJECT_ONE_CLIENT_SECRET is not set: write the client secret of this OAuth client from https://console.cloud.google.com/auth/clients
GPHOTOS_ENTRY_HOME_PROJECT="three": write one of the names in GPHOTOS_PROJECTS: one, one
GPHOTOS_ENTRY_GARDEN_PROJECT="one": the entry has a client id of its own as well; leave one of them out`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

// An entry of a request is read as one of the settings is, and told of in the words of a request.
func TestReadEntry(t *testing.T) {
	media := t.TempDir()
	c := read(t, with(minimal(), "MEDIA_DIRS="+media, "PROJECTS=two", "PROJECT_TWO_CLIENT_ID=2", "PROJECT_TWO_CLIENT_SECRET=b"))
	for _, tt := range []struct {
		settings map[string]string
		secret   secret.Text
		want     Entry
		says     string
	}{
		{nil, "", Entry{ClientID: "id", ClientSecret: "hush"}, ""},
		{
			map[string]string{"album": " Beds ", "listings": `Birds,"Summer, 2026"`, "album_images": "0", "project": "two", "name": ""},
			"",
			Entry{Album: "Beds", Listings: Listings{Titles: []string{"Birds", "Summer, 2026"}}, ClientID: "2", ClientSecret: "b", Project: "two"},
			"",
		},
		{map[string]string{"client_id": "own"}, "s", Entry{ClientID: "own", ClientSecret: "s", Own: true}, ""},
		{
			map[string]string{"mirror": "Birds", "mirror_folder": media + "/g", "mirror_items": "3", "mirror_max": "20MB"},
			"",
			Entry{ClientID: "id", ClientSecret: "hush", Mirror: Titles{"Birds"}, MirrorFolder: media + "/g", MirrorItems: 3, MirrorMax: 20_000_000},
			"",
		},
		{map[string]string{"client_id": "own"}, "", Entry{}, `"client_secret" is missing: write the secret that belongs to client_id.`},
		{nil, "secret-words", Entry{}, `"client_id" is missing: write the client id that belongs to client_secret.`},
		{map[string]string{"project": "three"}, "", Entry{}, `"project" is "three": write one of the names in GPHOTOS_PROJECTS: two.`},
		{
			map[string]string{"album_images": "51", "mirror_items": "0", "mirror": "Birds"},
			"",
			Entry{},
			`"album_images" is "51": write a whole number from 0 to 50, or at most as many titles. ` +
				`"mirror_folder" is missing: write the absolute path of a folder in one of GPHOTOS_MEDIA_DIRS, such as /media/google-photos. ` +
				`"mirror_items" is "0": write a whole number from 1 to 500.`,
		},
		{map[string]string{"mirror_max": "20X"}, "", Entry{}, `"mirror_max" is "20X": write a size such as 256KiB, 20MB or 2GiB, or a number of bytes.`},
		{map[string]string{"album": strings.Repeat("x", 501)}, "", Entry{}, `"album" is "` + strings.Repeat("x", 80) + `…": write a title of at most 500 characters.`},
	} {
		got, err := c.ReadEntry("garden", tt.settings, tt.secret)
		says := ""
		if err != nil {
			says = err.Error()
		} else {
			tt.want.Name = "garden"
			defaults(&tt.want, tt.settings)
		}
		if says != tt.says {
			t.Errorf("%v: %s", tt.settings, says)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v: %s", tt.settings, diff)
		}
	}
	c = read(t, []string{"HOME=/home/ada", "GPHOTOS_ENTRIES=none"})
	if _, err := c.ReadEntry("garden", nil, ""); err == nil || !strings.HasPrefix(err.Error(), `"client_id" is missing: write the client id of your OAuth client`) {
		t.Error(err)
	}
}

// defaults are what an entry has that says nothing else.
func defaults(e *Entry, given map[string]string) {
	if given["listings"] == "" {
		e.Listings.All = true
	}
	if given["album_images"] == "" {
		e.AlbumImages.Newest = 5
	}
	if given["mirror_items"] == "" {
		e.MirrorItems = 50
	}
	if given["mirror_max"] == "" {
		e.MirrorMax = 1 << 30
	}
}

// The built-in broker serves so many entries, another one as many as one says.
func TestMostEntries(t *testing.T) {
	names := func(count int) string {
		var all []string
		for n := range count {
			all = append(all, fmt.Sprint("entry-", n))
		}
		return "ENTRIES=" + strings.Join(all, ",")
	}
	const own = "MQTT_URL=mqtt://broker"
	if c, _, err := Read(with(minimal(), names(MaxBuiltIn))); err != nil || c.MaxEntries != MaxBuiltIn {
		t.Errorf("as many as it serves: %d, %v", c.MaxEntries, err)
	}
	if c, _, err := Read(with(minimal(), names(MaxBuiltIn+1), own)); err != nil || c.MaxEntries != 1000 {
		t.Errorf("with another broker: %d, %v", c.MaxEntries, err)
	}
	_, _, err := Read(with(minimal(), names(MaxBuiltIn+1)))
	if err == nil || !strings.Contains(err.Error(), "name at most 200 entries, which are what the built-in broker serves") {
		t.Errorf("one too many: %v", err)
	}
}
