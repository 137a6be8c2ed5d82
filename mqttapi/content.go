package mqttapi

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// Data is a file's content inside a command's payload, which must not change meanwhile; no copy, decoded when read. Zero is no data.
type Data struct {
	raw      []byte           // the part of the payload that holds the content
	alphabet *base64.Encoding // nil: raw is the content itself
	quoted   bool             // raw stands in a JSON string and may have its escapes
	array    bool             // raw is the elements of a JSON array of bytes
	size     int64            // of the content
}

// Len returns how many bytes of content there are.
func (d Data) Len() int64 { return d.size }

// Open returns a new reader from the first byte, so reading can be repeated. It fails only when the payload was changed after ParseUpload.
func (d Data) Open() io.Reader {
	switch {
	case d.array:
		return &elements{in: d.raw}
	case d.alphabet == nil:
		return bytes.NewReader(d.raw)
	}
	return base64.NewDecoder(d.alphabet, &letters{in: d.raw, quoted: d.quoted})
}

// head returns the first bytes of the content, as many as MediaType looks at.
func (d Data) head() []byte {
	head := make([]byte, min(d.size, HeadSize))
	n, _ := io.ReadFull(d.Open(), head) // what cannot be read is not recognised
	return head[:n]
}

// isDataURI reports whether text starts like a data URI. Source: https://www.rfc-editor.org/rfc/rfc2397
func isDataURI(text []byte) bool { return len(text) >= 5 && bytes.EqualFold(text[:5], []byte("data:")) }

// decoded returns the data of a data URI or of base64; quoted says that text is the inside of a JSON string.
func decoded(text []byte, quoted bool) (Data, error) {
	if !isDataURI(text) {
		return readBase64(text, quoted)
	}
	const maxHead = 1024 // a media type has 30 bytes, and some programs add the file's name; it is not looked at: the content decides
	comma := bytes.IndexByte(text[:min(len(text), maxHead)], ',')
	if comma < 0 {
		return Data{}, Errorf(CodeBadPayload, "The data URI has no comma after its media type: write data:image/jpeg;base64, and then the base64.")
	}
	if head := strings.TrimSpace(string(text[:comma])); !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return Data{}, Errorf(CodeBadPayload, "The data URI is not in base64: write data:image/jpeg;base64, and then the base64.")
	}
	return readBase64(text[comma+1:], quoted)
}

// readBase64 checks text and returns the data it stands for. It accepts both alphabets (RFC 4648, sections 4 and 5), but not a
// mixture, with and without padding, and white space anywhere; quoted says that text is the inside of a JSON string, whose escapes may
// stand for any character. One pass over the text, no copy. Source: https://www.rfc-editor.org/rfc/rfc4648
func readBase64(text []byte, quoted bool) (Data, error) {
	var letters, pads int64
	var used byte // kinds of letters
	end := 0      // behind the last letter
	for at := 0; at < len(text); {
		start := at
		for at < len(text) && kinds[text[at]] < charSpace { // most of the text
			used |= kinds[text[at]]
			at++
		}
		run := int64(at - start)
		if run == 0 {
			c, width := text[at], 1
			if quoted && (c == '\\' || c < ' ') {
				c, width = unescape(text[at:])
			}
			at += width
			switch kinds[c] {
			case charSpace:
				continue
			case charPad:
				pads++
				continue
			case charBad:
				r := rune(c)
				if width == 1 {
					r, _ = utf8.DecodeRune(text[start:])
				}
				return Data{}, Errorf(CodeBadPayload, "%s at byte %d is no character of base64: check that nothing else got into the data.", strconv.QuoteRune(r), start)
			}
			used |= kinds[c]
			run = 1
		}
		if pads > 0 {
			return Data{}, Errorf(CodeBadPayload, "The base64 goes on after its end, behind the '=' before byte %d: send one file only, encoded in one piece.", start)
		}
		letters += run
		end = at
	}
	alphabet := base64.RawStdEncoding
	switch {
	case letters == 0 && pads == 0:
		return Data{}, Errorf(CodeEmpty, "The data has no content: check what encodes it.")
	case used == charStd|charURL:
		return Data{}, Errorf(CodeBadPayload, "The base64 mixes the standard alphabet (+ and /) with the URL alphabet (- and _): use one of them.")
	case letters%4 == 1, pads > 0 && (pads > 2 || (letters+pads)%4 != 0):
		return Data{}, Errorf(CodeBadPayload, "The base64 is cut off or incomplete: its %d characters are no whole number of bytes.", letters)
	case used == charURL:
		alphabet = base64.RawURLEncoding
	}
	return Data{raw: text[:end], alphabet: alphabet, quoted: quoted, size: letters * 6 / 8}, nil
}

// letters reads base64's letters out of text, without white space, JSON's escapes resolved. All else passes, for the decoder to refuse.
type letters struct {
	in     []byte
	quoted bool
}

func (l *letters) Read(p []byte) (n int, err error) {
	for n < len(p) && len(l.in) > 0 {
		c, width := l.in[0], 1
		if l.quoted && c == '\\' {
			c, width = unescape(l.in)
		}
		l.in = l.in[width:]
		if kinds[c] != charSpace {
			p[n] = c
			n++
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// unescape returns the character that an escape of JSON at the start of text stands for, and how long the escape is; a backslash for
// what is no escape, or stands for no character of base64. Source: https://www.rfc-editor.org/rfc/rfc8259#section-7
func unescape(text []byte) (c byte, width int) {
	if len(text) >= 2 && text[0] == '\\' {
		switch text[1] {
		case '/', '\\', '"':
			return text[1], 2
		case 'n', 'r', 't':
			return '\n', 2
		case 'u':
			if n, err := strconv.ParseUint(string(text[2:min(len(text), 6)]), 16, 16); err == nil && len(text) >= 6 && n < utf8.RuneSelf {
				return byte(n), 6
			}
		}
	}
	return '\\', 1
}

// The kinds of characters in base64. The letters come first; those of both alphabets have no bit of their own.
const (
	charStd   = 1 << iota // of the standard alphabet only
	charURL               // of the URL alphabet only
	charSpace             // white space of JSON and of mail
	charPad
	charBad
)

// kinds tells the kind of each byte, 0 for a letter of both alphabets.
var kinds = func() (table [256]byte) {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for c := range table {
		table[c] = charBad
	}
	for kind, chars := range map[byte]string{0: letters, charStd: "+/", charURL: "-_", charSpace: " \t\r\n", charPad: "="} {
		for _, c := range chars {
			table[c] = kind
		}
	}
	return table
}()

// HeadSize is how many bytes from the start of a file MediaType looks at.
const HeadSize = 4096

// MediaType tells from the first bytes of a file what it is; names and declared types are never believed. ok says that it is an image or a
// video of a format in Google's list. Raw images whose format is a TIFF (NEF, ARW, PEF, SRW) are called image/tiff. An unknown content is
// application/octet-stream. Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
func MediaType(head []byte) (mime string, ok bool) {
	head = head[:min(len(head), HeadSize)]
	for _, s := range signatures {
		if len(head) > s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) && (s.and == nil || s.and(head)) {
			return s.mime, true
		}
	}
	found, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	found = cmp.Or(otherNames[found], found)
	return found, endings[found] != "" && (found != "image/x-icon" || head[2] == 1) // else a mouse cursor, or a Targa picture
}

var endings = map[string]string{
	"image/avif": ".avif", "image/bmp": ".bmp", "image/gif": ".gif", "image/heic": ".heic", "image/heif": ".heif", "image/jpeg": ".jpg",
	"image/png": ".png", "image/tiff": ".tiff", "image/webp": ".webp", "image/x-icon": ".ico",
	"image/x-adobe-dng": ".dng", "image/x-canon-cr2": ".cr2", "image/x-canon-cr3": ".cr3", "image/x-fuji-raf": ".raf",
	"image/x-olympus-orf": ".orf", "image/x-panasonic-rw2": ".rw2",
	"video/3gpp": ".3gp", "video/3gpp2": ".3g2", "video/mp2t": ".mts", "video/mp4": ".mp4", "video/mpeg": ".mpg", "video/quicktime": ".mov",
	"video/x-m4v": ".m4v", "video/x-matroska": ".mkv", "video/x-ms-asf": ".wmv", "video/x-msvideo": ".avi",
}

// otherNames are what mimetype calls formats that are in endings under another name.
var otherNames = map[string]string{
	"image/apng": "image/png", "image/heic-sequence": "image/heic", "image/heif-sequence": "image/heif", "video/matroska": "video/x-matroska",
}

// signatures are the formats of Google's list that mimetype v1.4.16 does not know or names otherwise. Each has a byte that no path and
// no base64 has, or is too long to come about by chance. Source of the raw formats:
// https://github.com/file/file/blob/master/magic/Magdir/images
var signatures = []struct {
	at    int
	magic string
	and   func(head []byte) bool
	mime  string
}{
	{at: 0, magic: "FUJIFILMCCD-RAW", mime: "image/x-fuji-raf"},
	{at: 0, magic: "IIRO\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{at: 0, magic: "IIRS\x08\x00\x00\x00", mime: "image/x-olympus-orf"},
	{at: 0, magic: "MMOR\x00\x00\x00\x08", mime: "image/x-olympus-orf"},
	{at: 0, magic: "IIU\x00", mime: "image/x-panasonic-rw2"},
	{at: 0, magic: "II*\x00\x10\x00\x00\x00CR\x02", mime: "image/x-canon-cr2"},
	{at: 0, magic: "II*\x00", and: isDNG, mime: "image/x-adobe-dng"},
	{at: 0, magic: "MM\x00*", and: isDNG, mime: "image/x-adobe-dng"},
	{at: 4, magic: "ftypcrx ", mime: "image/x-canon-cr3"},
	{at: 4, magic: "ftypMSNV", mime: "video/mp4"}, // Sony cameras; audio/mp4 to mimetype
	{at: 4, magic: "ftyp3gp", mime: "video/3gpp"}, // also releases after 7
	{at: 8, magic: "AVI ", and: func(head []byte) bool { return bytes.HasPrefix(head, []byte("RIFF")) }, mime: "video/x-msvideo"},
	{at: 0, magic: "G", and: syncs(0, 188), mime: "video/mp2t"},
	{at: 4, magic: "G", and: syncs(4, 192), mime: "video/mp2t"}, // with the time stamps of AVCHD
}

// isDNG looks for tag DNGVersion (0xC612: 4 bytes) in both byte orders, early as in the first directory. Adobe's DNG 1.7, chapter 4.
func isDNG(head []byte) bool {
	return bytes.Contains(head, []byte("\x12\xc6\x01\x00\x04\x00\x00\x00")) || bytes.Contains(head, []byte("\xc6\x12\x00\x01\x00\x00\x00\x04"))
}

// syncs tells an MPEG transport stream by three packets' sync bytes and, unlike text, a byte outside ASCII. ISO/IEC 13818-1, 2.4.3.2.
func syncs(first, length int) func(head []byte) bool {
	return func(head []byte) bool {
		return len(head) > first+2*length && head[first+length] == 'G' && head[first+2*length] == 'G' &&
			bytes.ContainsFunc(head, func(r rune) bool { return r == 0 || r > '~' })
	}
}
