package mqttapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"gphotos2mqtt/photos/spec"
)

// Types of values whose Go type does not say what they are.
type (
	prose    string   // may be empty and have line breaks
	title    string   // of an album, without the white space around it, as Google stores it
	filePath string   // also as a file URI
	items    []string // ids of items, none twice
)

// read reads the next value, place in messages, into to, whose type decides; a func(place string) reads by itself. Refused: not kept.
func (r *reader) read(place string, to any, limit int) {
	switch to := to.(type) {
	case func(place string):
		to(place)
	case *string:
		*to = r.line(place, limit)
	case *title:
		*to = title(strings.TrimSpace(r.line(place, limit)))
	case *prose:
		*to = prose(r.text(place, limit))
	case *filePath:
		name, err := readPath(r.text(place, MaxPath))
		r.within(place, err)
		*to = filePath(name)
	case *int:
		if n := r.number(place, "a whole number"); n >= 1 && n <= float64(limit) {
			*to = int(n)
		} else {
			r.fail("%q must be from 1 to %d.", place, limit)
		}
	case *float64:
		*to = r.number(place, "a number")
	case *time.Duration:
		if n := r.number(place, "a number of seconds"); n >= 0 && n <= float64(limit) {
			*to = time.Duration(n * float64(time.Second))
		} else {
			r.fail("%q must be from 0 to %d seconds.", place, limit)
		}
	case *bool:
		raw := r.value()
		if *to = raw.Kind() == 't'; !*to && raw.Kind() != 'f' {
			r.mistyped(place, "true or false", raw)
		}
	case *Data:
		*to = r.data(place)
	case *json.RawMessage:
		*to = r.asWritten(place, limit)
	default:
		r.readParts(place, to, limit)
	}
}

func (r *reader) readParts(place string, to any, limit int) {
	switch to := to.(type) {
	case *[]string:
		list(r, place, to, math.MaxInt, limit)
	case *items:
		*to = r.items(place)
	case *[]filePath:
		files(r, place, to)
	case *[]UploadFile:
		files(r, place, to)
	case *UploadFile:
		r.object(place, field{"path", (*filePath)(&to.Path), 0}, field{"data", &to.Data, 0}, field{"type", r.isBuffer, 0},
			field{"name", &to.Name, spec.MaxFileName}, field{"description", (*prose)(&to.Description), spec.MaxDescription}).chooseOne("path", "data")
	case *After:
		*to = r.after(place)
	case *spec.Date:
		*to = r.date(place)
	case *[]spec.Date:
		list(r, place, to, math.MaxInt, 0)
	case *spec.DateRange:
		r.object(place, field{"start", &to.Start, 0}, field{"end", &to.End, 0}).need("start", "end")
	case *[]spec.DateRange:
		list(r, place, to, math.MaxInt, 0)
	case **spec.Filters:
		*to = new(spec.Filters)
		f := *to
		o := r.object(place, field{"dates", &f.Dates, 0}, field{"ranges", &f.Ranges, 0}, field{"media_type", &f.MediaType, maxWord},
			field{"categories", func(place string) {
				if r.dec.PeekKind() == '{' {
					r.object(place, field{"include", &f.Include, maxWord}, field{"exclude", &f.Exclude, maxWord})
				} else {
					r.read(place, &f.Include, maxWord)
				}
			}, 0}, field{"favorites", &f.Favorites, 0}, field{"archived", &f.Archived, 0})
		o.check(f.Check())
	case *spec.Place:
		r.object(place, field{"name", &to.Name, spec.MaxPlaceName}, field{"latitude", &to.Latitude, 0}, field{"longitude", &to.Longitude, 0}).
			need("name", "latitude", "longitude")
	case **spec.Place:
		*to = new(spec.Place)
		r.read(place, *to, 0)
	case **spec.Route:
		*to = new(spec.Route)
		r.object(place, field{"origin", &(*to).Origin, 0}, field{"destination", &(*to).Destination, 0}).need("origin", "destination")
	case *spec.Position:
		if r.dec.PeekKind() == '"' {
			to.First = r.word(place, "first", "last") == "first"
			return
		}
		r.object(place, field{"after_media_item_id", &to.AfterItemID, spec.MaxID}, field{"after_enrichment_id", &to.AfterEnrichmentID, spec.MaxID}).
			chooseOne("after_media_item_id", "after_enrichment_id")
	}
}

// list reads an array of at least one value, the first most of them. It returns how many there are.
func list[T any](r *reader, place string, to *[]T, most, limit int) (n int) {
	if r.dec.PeekKind() != '[' {
		r.mistyped(place, "an array", r.value())
		return 0
	}
	for r.token(); r.more(']'); n++ {
		if n >= most {
			r.value()
			continue
		}
		*to = append(*to, *new(T))
		r.read(fmt.Sprintf("%s[%d]", place, n), &(*to)[len(*to)-1], limit)
	}
	if n == 0 {
		r.fail("%q is an empty array.", place)
	}
	return n
}

func files[T any](r *reader, place string, to *[]T) {
	if n := list(r, place, to, MaxFiles, 0); n > MaxFiles {
		r.note(Errorf(CodeTooManyFiles, "%q has %d files; one command uploads at most %d: send the others in a second command.", place, n, MaxFiles))
	}
}

func (r *reader) items(place string) (ids []string) {
	if n := list(r, place, &ids, spec.MaxAlbumItems, spec.MaxID); n > spec.MaxAlbumItems {
		r.fail("%q has %d elements; at most %d are possible.", place, n, spec.MaxAlbumItems)
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			r.fail("%q has %q twice.", place, clip(id))
		}
		seen[id] = true
	}
	return ids
}

// after reads "keep", "delete" or "move:" and a folder.
func (r *reader) after(place string) (after After) {
	s := r.text(place, MaxPath)
	action, folder, move := strings.Cut(s, ":")
	switch {
	case s == "keep", s == "delete":
		after.Action = s
	case move && action == "move" && folder != "":
		name, err := readPath(folder)
		r.within(place, err)
		after = After{action, name}
	case action == "move":
		r.fail(`%q lacks the folder: write "move:/folder".`, place)
	default:
		r.fail("%q is %q; possible are keep, delete, move:/folder.", place, clip(s))
	}
	return after
}

func (r *reader) word(place string, words ...string) string {
	s := r.text(place, maxWord)
	if !slices.Contains(words, s) {
		r.fail("%q is %q; possible are %s.", place, clip(s), strings.Join(words, ", "))
	}
	return s
}

const maxWord = 500 // characters, more than any word of the contract has

// line reads a text that is not blank and has no line breaks, "" if refused.
func (r *reader) line(place string, limit int) string {
	s := r.text(place, limit)
	switch {
	case strings.TrimSpace(s) == "":
		r.fail("%q is empty.", place)
	case strings.ContainsFunc(strings.TrimSpace(s), unicode.IsControl):
		r.fail("%q has a control character, such as NUL or a line break.", place)
	default:
		return s
	}
	return ""
}

// text reads at most limit characters, "" if refused. Longer by its bytes (an escaped character takes at most 12): not even unescaped.
func (r *reader) text(place string, limit int) string {
	raw := r.value()
	switch {
	case raw.Kind() != '"':
		r.mistyped(place, "a string", raw)
	case len(raw) > 12*limit+2:
		r.fail("%q is too long; at most %d characters are possible.", place, limit)
	case !utf8.Valid(raw):
		r.badText(place, raw)
	default:
		unquoted, _ := jsontext.AppendUnquote(nil, raw) // half an emoji is replaced and no error
		if s := string(unquoted); spec.Length(s) <= limit {
			return s
		}
		r.fail("%q is too long; at most %d characters are possible.", place, limit)
	}
	return ""
}

func (r *reader) badText(place string, raw []byte) {
	at := bytes.IndexFunc(raw, func(c rune) bool { return c == utf8.RuneError })
	r.fail("%q is no valid text in UTF-8, but has the byte 0x%02X: send it in UTF-8, not in Latin-1 or Windows-1252.", place, raw[at])
}

func (r *reader) number(place, want string) float64 {
	raw := r.value()
	n, err := strconv.ParseFloat(string(raw), 64)
	if raw.Kind() != '0' || err != nil || want == "a whole number" && n != math.Trunc(n) {
		r.mistyped(place, want, raw)
	}
	return n
}

// asWritten reads a JSON value of at most limit bytes as it is written, null included, into memory of its own.
func (r *reader) asWritten(place string, limit int) json.RawMessage {
	const maxDepth = 32 // other people's programs read it too
	raw, deepest := r.value(), 0
	if !r.broken && len(raw) <= limit {
		for in := newReader(raw); !in.broken; in.token() {
			deepest = max(deepest, in.dec.StackDepth())
		}
	}
	switch {
	case r.broken:
	case len(raw) > limit:
		r.fail("%q has %d bytes; at most %d are possible.", place, len(raw), limit)
	case !utf8.Valid(raw):
		r.badText(place, raw)
	case deepest > maxDepth:
		r.fail("%q is nested more than %d levels deep: make it flatter.", place, maxDepth)
	default:
		return bytes.Clone(raw)
	}
	return nil
}
