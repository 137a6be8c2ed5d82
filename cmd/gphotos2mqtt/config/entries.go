package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

func (r *reader) readEntries(names []string) (entries []Entry) {
	owner := make(map[string]string) // start of an entry's variables to its name
	for _, name := range names {
		name = strings.TrimSpace(name)
		own := ownPrefix(name)
		switch other, taken := owner[own]; {
		case name == "bridge":
			r.fail("ENTRIES", "bridge is the name of the bridge's own topics; call the entry something else")
		case !mqttapi.ValidEntry(name):
			r.fail("ENTRIES", "write names of 1 to 32 of a-z, 0-9, _ and -, separated by commas, such as home,garden")
		case taken && other == name:
			r.fail("ENTRIES", "write "+name+" once")
		case taken:
			r.fail("ENTRIES", fmt.Sprintf("%s and %s would share the variables %s…; rename one of them", other, name, Prefix+own))
		default:
			owner[own] = name
			entry := Entry{Name: name}
			r.read(&entry, own)
			entries = append(entries, entry)
		}
	}
	return entries
}

// checkEntry gives an entry without an OAuth client the common one.
func (r *reader) checkEntry(c *Config, e *Entry) {
	own := ownPrefix(e.Name)
	images := e.AlbumImages
	r.want(images.Newest >= 0 && max(images.Newest, len(images.Titles)) <= library.MaxListings, own+"ALBUM_IMAGES",
		fmt.Sprintf("write a whole number from 0 to %d, or at most as many titles", library.MaxListings))
	r.checkMirror(c, e, own)
	e.Album = strings.TrimSpace(e.Album)
	r.want(spec.Length(e.Album) <= spec.MaxTitle, own+"ALBUM", fmt.Sprintf("write a title of at most %d characters", spec.MaxTitle))
	if e.ClientID != "" || e.ClientSecret != "" {
		r.want(e.ClientID != "", own+"CLIENT_ID", "write the client id that belongs to "+Prefix+own+"CLIENT_SECRET")
		r.want(e.ClientSecret != "", own+"CLIENT_SECRET", "write the secret that belongs to "+Prefix+own+"CLIENT_ID")
		return
	}
	const where = " of your OAuth client from https://console.cloud.google.com/auth/clients"
	r.want(c.ClientID != "", "CLIENT_ID", "write the client id"+where)
	r.want(c.ClientSecret != "", "CLIENT_SECRET", "write the client secret"+where)
	e.ClientID, e.ClientSecret = c.ClientID, c.ClientSecret
}

func (r *reader) checkMirror(c *Config, e *Entry, own string) {
	r.want(len(e.Mirror) <= library.MaxListings, own+"MIRROR", fmt.Sprintf("write at most %d titles", library.MaxListings))
	r.want(e.MirrorItems >= 1 && e.MirrorItems <= 500, own+"MIRROR_ITEMS", "write a whole number from 1 to 500")
	r.want(e.MirrorMax > 0, own+"MIRROR_MAX", "write a size such as 500MB or 20GiB")
	below := func(dir string) bool {
		rel, err := filepath.Rel(dir, e.MirrorFolder)
		return err == nil && rel != "." && filepath.IsLocal(rel)
	}
	if len(e.Mirror) > 0 || e.MirrorFolder != "" {
		r.want(filepath.IsAbs(e.MirrorFolder) && slices.ContainsFunc(c.MediaDirs, below), own+"MIRROR_FOLDER",
			"write the absolute path of a folder in one of "+Prefix+"MEDIA_DIRS, such as /media/google-photos")
	}
	if e.MirrorFolder != "" {
		e.MirrorFolder = filepath.Clean(e.MirrorFolder)
	}
}
