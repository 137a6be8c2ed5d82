package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// Size is a number of bytes. In the environment it is a whole number, alone or
// with a unit: KiB, MiB, GiB, TiB of 1024, or B, KB, MB, GB, TB of 1000, in
// capitals or not.
type Size int64

// units are tried in this order: "KIB" also ends in "B".
var units = []struct {
	name  string
	bytes int64
}{
	{"KIB", 1 << 10},
	{"MIB", 1 << 20},
	{"GIB", 1 << 30},
	{"TIB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	upper := strings.ToUpper(strings.TrimSpace(string(text)))
	for _, unit := range units {
		digits, ok := strings.CutSuffix(upper, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.bytes {
			break
		}
		*s = Size(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a size", text)
}

// Paths is a list of absolute, clean folder paths, in the environment separated
// by ":" or ",".
type Paths []string

// UnmarshalText reads the list; spaces around a path and empty elements do not count.
func (p *Paths) UnmarshalText(text []byte) error {
	for path := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ':' || r == ',' }) {
		path = strings.TrimSpace(path)
		switch {
		case path == "":
			continue
		case !filepath.IsAbs(path):
			return errors.New("write absolute paths, such as /media:/config/www")
		}
		*p = append(*p, filepath.Clean(path))
	}
	return nil
}

// Listings says which albums get a retained listing: all of them, or those with
// one of the titles; none with the zero value.
type Listings struct {
	All    bool
	Titles []string
}

// UnmarshalText reads "all", "none" or titles as one line of comma-separated values.
func (l *Listings) UnmarshalText(text []byte) error {
	switch strings.ToLower(strings.TrimSpace(string(text))) {
	case "all":
		*l = Listings{All: true}
		return nil
	case "none":
		*l = Listings{}
		return nil
	}
	lines := csv.NewReader(strings.NewReader(string(text)))
	lines.TrimLeadingSpace = true
	titles, err := lines.Read()
	if err != nil {
		return errors.New(`write all, none, or titles separated by commas, such as Front door,"Summer, 2026"`)
	}
	for _, title := range titles {
		if title = strings.TrimSpace(title); title != "" {
			l.Titles = append(l.Titles, title)
		}
	}
	return nil
}
