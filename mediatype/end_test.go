package mediatype

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// file returns one of testdata, which testdata/make.sh made.
func file(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

func end(content string) Extent { return End(strings.NewReader(content), int64(len(content))) }

// TestEnd proves that files as programs write them are whole, and that none of their beginnings is.
func TestEnd(t *testing.T) {
	unmarked := map[string]bool{
		"clip.m2t": true, "clip.mts": true, "clip.mpg": true, "clip.mod": true, "bare.mpg": true, "live.mkv": true,
		"fragments-open.mp4": true, "make.sh": true,
	}
	names, err := filepath.Glob("testdata/*")
	if err != nil || len(names) < 30 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		content := strings.TrimSuffix(file(t, name), "\r\n--ffmpeg\r\n") // the stream goes on behind the picture
		want := Whole
		if unmarked[name] || !Of([]byte(content)).Taken {
			want = NoMark
		}
		if got := end(content); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		for n := range content {
			if got := end(content[:n]); got == Whole && strings.Trim(content[n:], "\x00") != "" { // a TIFF may end in padding
				t.Errorf("%s: the first %d of %d bytes are %v", name, n, len(content), got)
				break
			}
		}
	}
}

func TestEndTable(t *testing.T) {
	jpeg, mp4, heic, tiff := string(photo()), file(t, "clip.mp4"), file(t, "still.heic"), file(t, "still.tiff")
	xmp := func(text string) string {
		text = "http://ns.adobe.com/xap/1.0/\x00<x " + text + "/>"
		return jpeg[:2] + "\xff\xe1" + string(binary.BigEndian.AppendUint16(nil, uint16(len(text)+2))) + text + jpeg[2:]
	}
	moving, items := xmp(`GCamera:MicroVideoOffset="1964"`), xmp(`Item:Length="0" Item:Length='1964'`)
	jumbo := "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x10"
	moov := "\x00\x00\x00\x08moov"
	qt := "\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  "
	riff := "RIFF\x10\x00\x00\x00AVI LIST\x04\x00\x00\x00hdrl"
	for name, tt := range map[string]struct {
		content string
		want    Extent
	}{
		"nothing":                        {"", NoMark},
		"text":                           {strings.Repeat("a line\n", 100), NoMark},
		"jpeg":                           {jpeg, Whole},
		"jpeg, padded":                   {jpeg + strings.Repeat("\x00", 100_000), Whole},
		"jpeg, a hole at its end":        {jpeg[:len(jpeg)-200] + strings.Repeat("\x00", 100_000), Cut},
		"jpeg, only its header yet":      {jpeg[:20] + strings.Repeat("\x00", 5000), NoMark},
		"jpeg with a film":               {jpeg + mp4, Whole},
		"jpeg cut behind a thumbnail":    {"\xff\xd8\xff\xe1\x04\x00" + jpeg[:900] + "\xff\xd9", Cut},
		"motion photo":                   {moving + mp4, Whole},
		"motion photo, cut":              {moving + mp4[:1500], Cut},
		"motion photo without film":      {moving, Cut},
		"motion photo of today":          {items + mp4, Whole},
		"motion photo of today, cut":     {items + mp4[:1963], Cut},
		"png and more":                   {file(t, "still.png") + "more", Whole},
		"png cut, with padding":          {file(t, "still.png")[:200] + strings.Repeat("\x00", 99), Cut},
		"gif and more":                   {file(t, "moving.gif") + "more", Whole},
		"gif with a trailer in a block":  {file(t, "moving.gif")[:900] + "\x00;", Cut},
		"bmp without its size":           {"BM\x00\x00\x00\x00" + file(t, "still.bmp")[6:], Whole},
		"bmp without its size, cut":      {"BM\x00\x00\x00\x00" + file(t, "still.bmp")[6:3000], Cut},
		"webp and more":                  {file(t, "still.webp") + "\x00", Whole},
		"avi while recording":            {"RIFF\x00\x00\x00\x00" + riff[8:], NoMark},
		"avi of two parts":               {riff + riff, Whole},
		"avi of two parts, cut":          {riff + riff[:20], Cut},
		"heic and a trailer":             {heic + "SEFHe\x00\x00\x00SEFT", Whole},
		"heic with film":                 {heic + "\x00\x00\x07\xb4mpvd" + mp4, Whole},
		"heic with film, cut":            {heic + "\x00\x00\x07\xb4mpvd" + mp4[:1000], Cut},
		"mov, directory first":           {qt + moov + jumbo, Whole},
		"mov, directory last":            {qt + jumbo + moov, Whole},
		"mov without directory yet":      {qt + jumbo, Cut},
		"mov without data yet":           {qt + moov, Cut},
		"mov, long data cut":             {qt + moov + "\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x10", Cut},
		"mov, size with all bits":        {qt + moov + "\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff", Cut},
		"mov, data to the end":           {qt + moov + "\x00\x00\x00\x00mdat123", NoMark},
		"mov, data to the end, no moov":  {qt + "\x00\x00\x00\x00mdat123", Cut},
		"mov with padding":               {qt + jumbo + moov + strings.Repeat("\x00", 4096), Whole},
		"tiff and more":                  {tiff + "more", Whole},
		"tiff without directory yet":     {"II*\x00\x00\x00\x00\x00" + tiff[8:], Cut},
		"tiff whose directory is itself": {"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00", NoMark},
		"mpeg with its end code":         {file(t, "clip.mpg") + "\x00\x00\x01\xb9", Whole},
	} {
		if got := end(tt.content); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// TestEndOfUnreadable proves that a disk that fails is no statement about the file.
func TestEndOfUnreadable(t *testing.T) {
	broken := readerAt(func(p []byte, at int64) (int, error) {
		return iotest.ErrReader(errors.New("input/output error")).Read(p)
	})
	shrunk := strings.NewReader(file(t, "clip.mp4")[:1000])
	if got := End(broken, 4096); got != NoMark {
		t.Errorf("got %v", got)
	}
	if got := End(shrunk, 1964); got != NoMark {
		t.Errorf("shrunk: got %v", got)
	}
}

type readerAt func(p []byte, at int64) (int, error)

func (f readerAt) ReadAt(p []byte, at int64) (int, error) { return f(p, at) }

// TestEndReadsLittle proves that a large file is not read to find its end, and that a hostile one is not read for ever.
func TestEndReadsLittle(t *testing.T) {
	const large = 20 << 30
	qt, zeros := "\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  \x00\x00\x00\x08moov", strings.Repeat("\x00", 60)
	size := binary.BigEndian.AppendUint64(nil, uint64(large-len(qt)))
	for name, tt := range map[string]struct {
		head, rest string
		want       Extent
		most       int64
	}{
		"film":           {qt + "\x00\x00\x00\x01mdat" + string(size), "\x00", Whole, 16 << 10},
		"jpeg":           {string(photo()[:len(photo())-2]), "\xff\xd9", Whole, 16 << 10},
		"endless boxes":  {qt, "\x00\x00\x00\x40free" + zeros[:56], NoMark, 257 << 20},
		"endless coding": {string(photo()[:len(photo())-2]), "\xff\x00" + zeros, NoMark, 257 << 20},
		"endless chunks": {file(t, "still.png")[:33], "\x00\x00\x00\x34tEXt" + zeros[:56], NoMark, 257 << 20},
	} {
		var read int64
		pattern := []byte(strings.Repeat(tt.rest, 64<<10/len(tt.rest)+2))
		got := End(readerAt(func(p []byte, at int64) (int, error) {
			n := 0
			if at < int64(len(tt.head)) {
				n = copy(p, tt.head[at:])
			}
			for n < len(p) {
				n += copy(p[n:], pattern[(at+int64(n-len(tt.head)))%int64(len(tt.rest)):])
			}
			read += int64(n)
			return n, nil
		}), large)
		if got != tt.want || read > tt.most {
			t.Errorf("%s: got %v, want %v; %d bytes read, want at most %d", name, got, tt.want, read, tt.most)
		}
	}
}

// FuzzEnd proves that End ends, and that what follows a whole file does not cut it: but for JPEG and PNG, whose middle is not looked at
// when they end in their mark.
func FuzzEnd(f *testing.F) {
	for _, s := range samples(f) {
		f.Add([]byte(s.head))
	}
	names, _ := filepath.Glob("testdata/*.*")
	for _, name := range names {
		f.Add([]byte(file(f, filepath.Base(name))))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got := End(bytes.NewReader(content), int64(len(content)))
		if got != NoMark && !Of(content).Taken {
			t.Fatalf("%v, and not taken", got)
		}
		if got == Whole && Of(content).MIME != "image/jpeg" && Of(content).MIME != "image/png" {
			longer := append(bytes.Clone(content), 0)
			if got := End(bytes.NewReader(longer), int64(len(longer))); got == Cut {
				t.Fatalf("with one byte more %v", got)
			}
		}
	})
}
