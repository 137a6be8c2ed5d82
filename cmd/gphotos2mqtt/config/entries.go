package config

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/spec"
)

// noEntries stands in ENTRIES for none.
const noEntries = "none"

func (r *reader) readEntries(names []string) (entries []Entry) {
	for name, own := range r.named("ENTRIES", "ENTRY", names) {
		entry := Entry{Name: name}
		r.read(&entry, own)
		entries = append(entries, entry)
	}
	return entries
}

func (r *reader) readProjects(names []string) (projects []Project) {
	for name, own := range r.named("PROJECTS", "PROJECT", names) {
		p := Project{Name: name}
		r.read(&p, own)
		const where = " of this OAuth client from https://console.cloud.google.com/auth/clients"
		r.want(p.ClientID != "", own+"CLIENT_ID", "write the client id"+where)
		r.want(p.ClientSecret != "", own+"CLIENT_SECRET", "write the client secret"+where)
		projects = append(projects, p)
	}
	return projects
}

// named gives each good name of a list, with the start of its variables.
func (r *reader) named(list, kind string, names []string) iter.Seq2[string, string] {
	return func(yield func(name, own string) bool) {
		owner := make(map[string]string) // start of its variables to the name
		for _, name := range names {
			name = strings.TrimSpace(name)
			own := ownPrefix(kind, name)
			switch other, taken := owner[own]; {
			case name == "bridge" && kind == "ENTRY":
				r.fail(list, "bridge is the name of the bridge's own topics; call the entry something else")
			case !mqttapi.ValidEntry(name):
				r.fail(list, "write names of 1 to 32 of a-z, 0-9, _ and -, separated by commas, such as home,garden")
			case taken && other == name:
				r.fail(list, "write "+name+" once")
			case taken:
				r.fail(list, fmt.Sprintf("%s and %s would share the variables %s…; rename one of them", other, name, Prefix+own))
			default:
				owner[own] = name
				if !yield(name, own) {
					return
				}
			}
		}
	}
}

// ReadEntry reads the settings of an entry that is added at run time, by the ends of the names of its variables in small letters, and as
// they stand there, but for the client secret. What is wrong with them is one error, in a sentence for each.
func (c *Config) ReadEntry(name string, settings map[string]string, clientSecret secret.Text) (Entry, error) {
	r := reader{env: map[string]string{}, faults: map[string]error{}, hidden: map[string]bool{}, said: inRequest}
	for key, value := range settings {
		if strings.TrimSpace(value) != "" {
			r.env[Prefix+strings.ToUpper(key)] = value
		}
	}
	if clientSecret != "" {
		r.env[Prefix+"CLIENT_SECRET"] = string(clientSecret)
	}
	e := Entry{Name: name}
	r.read(&e, "")
	r.checkEntry(c, &e, "")
	var faults []string
	for _, known := range r.known {
		if err := r.faults[known]; err != nil {
			faults = append(faults, err.Error())
		}
	}
	if faults != nil {
		return Entry{}, errors.New(strings.Join(faults, " "))
	}
	return e, nil
}

// inRequest is how a fault of a setting is told to who has sent it in a request.
func inRequest(name, value, advice string) error {
	is := "is missing"
	if value != "" {
		is = fmt.Sprintf("is %q", value)
	}
	return fmt.Errorf("%q %s: %s.", strings.ToLower(name), is, advice) //nolint:revive,staticcheck // it is a sentence
}

// checkEntry gives an entry without an OAuth client that of its project, or the common one.
func (r *reader) checkEntry(c *Config, e *Entry, own string) {
	images := e.AlbumImages
	r.want(images.Newest >= 0 && max(images.Newest, len(images.Titles)) <= library.MaxListings, own+"ALBUM_IMAGES",
		fmt.Sprintf("write a whole number from 0 to %d, or at most as many titles", library.MaxListings))
	r.checkMirror(c, e, own)
	e.Album = strings.TrimSpace(e.Album)
	r.want(spec.Length(e.Album) <= spec.MaxTitle, own+"ALBUM", fmt.Sprintf("write a title of at most %d characters", spec.MaxTitle))
	e.Own = e.ClientID != "" || e.ClientSecret != ""
	at := slices.IndexFunc(c.Projects, func(p Project) bool { return p.Name == e.Project })
	switch {
	case e.Project != "":
		r.want(!e.Own, own+"PROJECT", "the entry has a client id of its own as well; leave one of them out")
		r.want(at >= 0, own+"PROJECT", "write one of the names in "+Prefix+"PROJECTS: "+cmp.Or(strings.Join(c.ProjectNames, ", "), "there are none"))
		if at >= 0 {
			e.ClientID, e.ClientSecret = c.Projects[at].ClientID, c.Projects[at].ClientSecret
		}
	case e.Own:
		r.want(e.ClientID != "", own+"CLIENT_ID", "write the client id that belongs to "+r.name(own+"CLIENT_SECRET"))
		r.want(e.ClientSecret != "", own+"CLIENT_SECRET", "write the secret that belongs to "+r.name(own+"CLIENT_ID"))
	default:
		const where = " of your OAuth client from https://console.cloud.google.com/auth/clients"
		r.want(c.ClientID != "", "CLIENT_ID", "write the client id"+where)
		r.want(c.ClientSecret != "", "CLIENT_SECRET", "write the client secret"+where)
		e.ClientID, e.ClientSecret = c.ClientID, c.ClientSecret
	}
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
