package photosim

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// boxed is a box of the parts.
func boxed(kind string, parts ...any) []byte {
	var body bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&body, binary.BigEndian, p); err != nil {
			panic(err)
		}
	}
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+body.Len())), kind...), body.Bytes()...)
}

// filmOf is a film of two seconds with 60 frames, 1920 by 1080, whose moov box comes last.
func filmOf(turned bool, more ...[]byte) []byte {
	matrix := [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}
	if turned {
		matrix = [9]uint32{0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000}
	}
	sound := boxed("trak", boxed("mdia", boxed("hdlr", [8]byte{}, []byte("soun"), [12]byte{})))
	pictures := boxed("trak",
		boxed("tkhd", [40]byte{}, matrix, uint32(1920<<16), uint32(1080<<16)),
		boxed("mdia", boxed("mdhd", uint32(0), [2]uint32{}, uint32(600), uint32(1200), uint32(0)), boxed("hdlr", [8]byte{}, []byte("vide"), [12]byte{}),
			boxed("minf", boxed("stbl", boxed("stts", uint32(0), uint32(2), [4]uint32{40, 20, 20, 20})))))
	created := uint32(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Unix() + 2_082_844_800)
	moov := boxed("moov", boxed("mvhd", uint32(0), created, [20]uint32{}), sound, pictures, bytes.Join(more, nil))
	return bytes.Join([][]byte{boxed("ftyp", []byte("qt  "), uint32(0), []byte("qt  ")), boxed("mdat", make([]byte, 100)), moov}, nil)
}

func TestFilmMetadata(t *testing.T) {
	apple := boxed("meta", boxed("hdlr", [24]byte{}),
		boxed("keys", uint32(0), uint32(2), boxed("mdta", []byte("com.apple.quicktime.model")), boxed("mdta", []byte("com.apple.quicktime.make"))),
		boxed("ilst",
			boxed("\x00\x00\x00\x01", boxed("data", uint32(1), uint32(0), []byte("iPhone 15"))),
			boxed("\x00\x00\x00\x02", boxed("data", uint32(1), uint32(0), []byte("Apple")))))
	android := boxed("udta", boxed("\xA9mak", uint16(6), uint16(0), []byte("Google")), boxed("\xA9mod", uint16(7), uint16(0), []byte("Pixel 9")))
	m := newSim(t, Config{})
	for name, tt := range map[string]struct {
		data []byte
		want mediaMetadata
	}{
		"apple":           {filmOf(false, apple), mediaMetadata{Width: 1920, Height: 1080, Video: &videoMeta{CameraMake: "Apple", CameraModel: "iPhone 15"}}},
		"android, turned": {filmOf(true, android), mediaMetadata{Width: 1080, Height: 1920, Video: &videoMeta{CameraMake: "Google", CameraModel: "Pixel 9"}}},
		"nothing more":    {filmOf(false), mediaMetadata{Width: 1920, Height: 1080, Video: &videoMeta{}}},
	} {
		tt.want.Video.FPS, tt.want.Video.Status = 30, "READY"
		var i mediaItem
		m.call("GET", "/v1/mediaItems/"+m.item(tt.data), "").decode(t, &i)
		tt.want.Created = "2024-05-06T07:08:09Z"
		if diff := cmp.Diff(tt.want, i.Metadata); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzFilm(f *testing.F) {
	f.Add(filmOf(false))
	f.Add(filmOf(true)[:200])
	f.Add([]byte("\x00\x00\x00\x01moov\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := readFilm(bytes.NewReader(data)); got.width < 0 || got.fps < 0 {
			t.Errorf("%+v", got)
		}
	})
}
