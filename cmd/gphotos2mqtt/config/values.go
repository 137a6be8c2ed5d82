package config

import (
	"cmp"
	"encoding/csv"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// Size is a number of bytes, in the environment a whole number alone or with one of the units below, in capitals or not. A letter alone
// is what it is to Docker: https://docs.docker.com/engine/containers/run/#runtime-constraints-on-resources.
type Size int64

var units = map[string]uint64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
	"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	size := strings.TrimSpace(string(text))
	end := strings.LastIndexAny(size, "0123456789") + 1
	n, err := strconv.ParseUint(size[:end], 10, 63)
	unit := units[strings.ToUpper(strings.TrimSpace(size[end:]))]
	if err != nil || unit == 0 || n > math.MaxInt64/unit {
		return errors.New("write a size such as 256KiB, 20MB or 2GiB, or a number of bytes")
	}
	*s = Size(n * unit) //nolint:gosec // G115: it is not larger than that
	return nil
}

// Paths is a list of absolute, clean folder paths, in the environment separated by "," or the system's ":" or ";".
type Paths []string

// UnmarshalText reads the list; spaces around a path and empty elements do not count.
func (p *Paths) UnmarshalText(text []byte) error {
	for path := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == filepath.ListSeparator || r == ',' }) {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			return errors.New("write absolute paths, such as /media:/config/www")
		}
		*p = append(*p, filepath.Clean(path))
	}
	return nil
}

func (p Paths) String() string { return strings.Join(p, string(filepath.ListSeparator)) }

// Listings says which albums get a retained listing: all of them, or those with one of the titles; none with the zero value.
type Listings struct {
	All    bool
	Titles []string
}

// UnmarshalText reads "all", "none" or titles as one line of comma-separated values.
func (l *Listings) UnmarshalText(text []byte) (err error) {
	choice := strings.ToLower(strings.TrimSpace(string(text)))
	*l = Listings{All: choice == "all"}
	if l.All || choice == "none" {
		return nil
	}
	l.Titles, err = readTitles(text, "all, none, or ")
	return err
}

func (l Listings) String() string {
	if l.All {
		return "all"
	}
	return cmp.Or(writeTitles(l.Titles), "none")
}

// Images says which albums are images in Home Assistant: so many, the one that was changed last first, or those with one of the titles.
type Images struct {
	Newest int
	Titles []string
}

// UnmarshalText reads a number, or titles as Listings does.
func (i *Images) UnmarshalText(text []byte) (err error) {
	*i = Images{}
	if i.Newest, err = strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		return nil
	}
	i.Titles, err = readTitles(text, "a whole number, or ")
	return err
}

func (i Images) String() string { return cmp.Or(writeTitles(i.Titles), strconv.Itoa(i.Newest)) }

// Titles are those of albums.
type Titles []string

// UnmarshalText reads titles as Listings does.
func (t *Titles) UnmarshalText(text []byte) (err error) {
	*t, err = readTitles(text, "")
	return err
}

func (t Titles) String() string { return writeTitles(t) }

func readTitles(text []byte, or string) (titles []string, err error) {
	lines := csv.NewReader(strings.NewReader(string(text)))
	lines.TrimLeadingSpace = true
	all, err := lines.Read()
	if err != nil {
		return nil, errors.New("write " + or + `titles separated by commas, such as Front door,"Summer, 2026"`)
	}
	for _, title := range all {
		if title = strings.TrimSpace(title); title != "" {
			titles = append(titles, title)
		}
	}
	return titles, nil
}

func writeTitles(titles []string) string { return strings.Join(titles, ",") }
