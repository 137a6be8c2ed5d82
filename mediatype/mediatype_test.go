package mediatype

import (
	"bytes"
	"image"
	"image/jpeg"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	for _, s := range samples(t) {
		got := Of([]byte(s.head))
		want := Type{MIME: s.mime, Ending: formats[s.mime].ending, Words: formats[s.mime].words, Taken: true, Skip: got.Skip}
		if got != want {
			t.Errorf("%s, %s: got %+v, want %+v", s.mime, s.name, got, want)
		}
		jpeg := strings.HasPrefix(s.head[got.Skip:], "\xff\xd8\xff\xe0")
		if got.Skip > 0 && !jpeg || (got.Skip > 0) != strings.HasSuffix(s.name, " before it") {
			t.Errorf("%s: starts at %d", s.name, got.Skip)
		}
	}
}

// TestTables proves that the tables of kinds in the guide are what is recognised: each row has its samples, each sample its row.
func TestTables(t *testing.T) {
	text, err := os.ReadFile("../docs/mqtt-api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### Kinds of files\n")
	section, _, _ = strings.Cut(section, "\n### ")
	want := map[string][]string{}
	for _, s := range samples(t) {
		if !slices.Contains(want[s.mime], s.name) {
			want[s.mime] = append(want[s.mime], s.name)
		}
	}
	got := map[string][]string{}
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| `([a-z0-9/-]+)` \\| `(\\.[a-z0-9]+)` \\| (.+) \\| (yes|no) \\|$")
	for _, row := range rows.FindAllStringSubmatch(section, -1) {
		mime := row[2]
		got[mime] = strings.Split(row[4], "; ")
		if f := formats[mime]; !strings.HasSuffix(f.words, row[1]) || f.ending != row[3] {
			t.Errorf("the guide has %s as %s with %s, the code as %+v", mime, row[1], row[3], f)
		}
		if ends[mime] == nil != (row[5] == "no") {
			t.Errorf("the guide says of the end of %s: %s", mime, row[5])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of what is taken (-test +guide):\n%s", diff)
	}
	refusals := map[string]string{}
	for _, s := range strangers(t) {
		refusals[s.words] = Of([]byte(s.head)).Hint
	}
	told := map[string]string{}
	_, section, _ = strings.Cut(section, "\n| content | what to do |\n| --- | --- |\n")
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|`]+) \\| ([^|`]+) \\|$").FindAllStringSubmatch(section, -1) {
		for words := range strings.SplitSeq(row[1], "; ") {
			told[words] = row[2]
		}
	}
	if diff := cmp.Diff(refusals, told); diff != "" {
		t.Errorf("the table of what is not taken (-test +guide):\n%s", diff)
	}
}

// However little of a file is written, it is not refused for good.
func TestUndecided(t *testing.T) {
	t.Parallel()
	late := map[string]bool{"cut out of a stream": true, "the head of a multipart stream before it": true} // what tells them comes later
	for _, s := range samples(t) {
		for n := 1; n < min(len(s.head), HeadSize) && !late[s.name]; n++ {
			if head := []byte(s.head[:n]); !Of(head).Taken && !Undecided(head) && len(bytes.Trim(head, "\x00")) > 0 {
				t.Errorf("%d bytes of %s, %s: %+v", n, s.mime, s.name, Of(head))
			}
		}
	}
	for _, s := range []string{"401 Unauthorized", "<html></html>", "{}", strings.Repeat("\xE0\x01", 16), "\x7fELF\x02\x01\x01\x00"} {
		if Undecided([]byte(s)) {
			t.Errorf("%q is undecided", s)
		}
	}
}

// TestOfLooksAtHead proves that no more than HeadSize bytes decide, so that the same file gives the same answer
// from memory and from disk.
func TestOfLooksAtHead(t *testing.T) {
	if got := Of([]byte(strings.Repeat("\x00", HeadSize) + "x")); got.Words != "nothing but zeros" {
		t.Errorf("got %+v", got)
	}
}

func TestFormats(t *testing.T) {
	for mime, f := range formats {
		if !strings.HasPrefix(f.ending, ".") || f.words == "" || refusals[mime].words != "" {
			t.Errorf("%s is %+v", mime, f)
		}
	}
	for other, mime := range otherNames {
		if formats[mime].ending == "" || formats[other].ending != "" {
			t.Errorf("%s is no other name for %s", other, mime)
		}
	}
	for mime := range maps.Keys(ends) {
		if formats[mime].ending == "" {
			t.Errorf("%s has an end and is not taken", mime)
		}
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string]string{
		"door": "door.jpg", "door.jpg": "door.jpg", "door.JPEG": "door.JPEG", "door.mov": "door.mov", "Front door 12.30": "Front door 12.30.jpg",
		"St. Mary": "St. Mary.jpg", "2026.11.22": "2026.11.22.jpg", "door.": "door.jpg", "door.txt": "door.txt.jpg",
		"door.jpg.tmp": "door.jpg.tmp.jpg",
		"clip.MTS":     "clip.MTS", "a/b.c/d": "a/b.c/d.jpg", "tür.jpg": "tür.jpg", "snapshot.jpg ": "snapshot.jpg",
	} {
		if got := Named(name, "image/jpeg"); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := Named("door", "application/pdf"); got != "door" {
		t.Errorf("got %q", got)
	}
	if got := Named("door", ""); got != "door" {
		t.Errorf("got %q", got)
	}
}

// FuzzOf proves that the answer is complete, the same for a longer file, and that what is called a JPEG starts as one.
func FuzzOf(f *testing.F) {
	for _, s := range samples(f) {
		f.Add([]byte(s.head))
	}
	for _, s := range strangers(f) {
		f.Add([]byte(s.head))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got := Of(content)
		if got.MIME == "" || got.Words == "" || got.Taken != (got.Ending != "") || got.Taken != (got.Hint == "") {
			t.Fatalf("got %+v", got)
		}
		if got.Skip < 0 || got.Skip > 0 && (got.MIME != "image/jpeg" || string(content[got.Skip:][:3]) != "\xff\xd8\xff") {
			t.Fatalf("starts at %d", got.Skip)
		}
		if len(content) >= HeadSize && Of(append(content, 1)) != got {
			t.Fatal("more than the head was looked at")
		}
	})
}

// The photo is of 200 KB: alone, with padding, and with a film behind it.
func BenchmarkOf(b *testing.B) {
	for name, content := range snapshots(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Of(content)
			}
		})
	}
}

func BenchmarkEnd(b *testing.B) {
	for name, content := range snapshots(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				End(bytes.NewReader(content), int64(len(content)))
			}
		})
	}
}

func snapshots(b *testing.B) map[string][]byte {
	b.Helper()
	img := image.NewGray(image.Rect(0, 0, 480, 480))
	for i := range img.Pix {
		img.Pix[i] = byte(rand.Uint32())
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, img, &jpeg.Options{Quality: 92}); err != nil {
		b.Fatal(err)
	}
	return map[string][]byte{
		"photo": photo.Bytes(), "padded": append(photo.Bytes(), 0), "bytes before": append([]byte{0}, photo.Bytes()...),
		"film": []byte(file(b, "clip.mp4")), "text": []byte(strings.Repeat("a line of text\n", 300)),
	}
}
