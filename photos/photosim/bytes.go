package photosim

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"image/png"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// baseLength is how many bytes a base URL holds, in base64: of all recorded ones the address has 871 characters,
// https://github.com/gilesknap/gphotos-sync/issues/211
const baseLength = 625

// baseURL makes a capability address for an item's bytes. It needs no Authorization header and dies after Config.BaseURLLife.
func (s *Server) baseURL(id string, p place) string {
	return p.url(byteHost) + "/lr/" + s.capability("base", id)
}

// capability signs an item's id for one purpose, with the time until which it opens the item, and fills up to baseLength.
func (s *Server) capability(purpose, id string) string {
	raw := binary.AppendVarint(nil, time.Now().Add(s.cfg.BaseURLLife).UnixNano())
	raw = binary.AppendUvarint(raw, s.epoch)
	raw = append(binary.AppendUvarint(raw, uint64(len(id))), id...)
	raw = append(raw, s.filling[len(raw)+macSize:]...)
	return base64.RawURLEncoding.EncodeToString(append(raw, s.sign(purpose, "", raw)...))
}

// openCapability reads what capability made. dead is true for one that was good once.
func (s *Server) openCapability(purpose, text string) (id string, dead, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != baseLength {
		return "", false, false
	}
	body, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if !hmac.Equal(mac, s.sign(purpose, "", body)) {
		return "", false, false
	}
	s.mu.Lock()
	now := s.epoch
	s.mu.Unlock()
	expires, n := binary.Varint(body)
	body = body[n:]
	epoch, n := binary.Uvarint(body)
	body = body[n:]
	size, n := binary.Uvarint(body)
	return string(body[n:][:size]), !time.Now().Before(time.Unix(0, expires)) || epoch != now, true
}

// suffix is what follows a base URL, https://developers.google.com/photos/library/guides/access-media-items#base-urls
type suffix struct {
	width, height        int
	crop, download, film bool
}

const maxSide = 16383 // pixels, of w and h

// readSuffix reads "w2048-h1024-c", "d" or "dv".
func readSuffix(text string) (suffix, bool) {
	var out suffix
	for part := range strings.SplitSeq(text, "-") {
		switch {
		case part == "d":
			out.download = true
		case part == "dv":
			out.film = true
		case part == "c":
			out.crop = true
		case part == "no": // without the play button, which the frames here never have
		case len(part) > 1 && (part[0] == 'w' || part[0] == 'h'):
			n, err := strconv.ParseUint(part[1:], 10, 16)
			if err != nil || n == 0 || n > maxSide {
				return suffix{}, false
			}
			if part[0] == 'w' {
				out.width = int(n)
			} else {
				out.height = int(n)
			}
		default:
			return suffix{}, false
		}
	}
	sized := out.width > 0 || out.height > 0
	kinds := 0
	for _, is := range []bool{sized, out.download, out.film} {
		if is {
			kinds++
		}
	}
	return out, kinds == 1 && (!out.crop || out.width > 0 && out.height > 0)
}

// serveBytes is the byte host.
func (s *Server) serveBytes(x *exchange) {
	if !s.beginBytes(x) {
		return
	}
	name, ok := strings.CutPrefix(x.place.path, "/lr/")
	token, options, hasSuffix := strings.Cut(name, "=")
	id, dead, found := s.openCapability("base", token)
	switch {
	case !ok || !found:
		writeMissing(x.w)
		return
	case dead: // SIM: 403
		writeDead(x.w)
		return
	case !hasSuffix: // SIM: 400
		writeText(x.w, http.StatusBadRequest, "A base URL needs a suffix such as =w2048-h1024, =d or =dv.")
		return
	}
	want, ok := readSuffix(options)
	if !ok {
		writeText(x.w, http.StatusBadRequest, "Unknown suffix.")
		return
	}
	i, spent := s.fetch(id)
	switch {
	case spent:
		x.fail(errDailyQuota(i.projects[0], dailyBytes))
	case i == nil:
		writeMissing(x.w)
	default:
		s.sendMedia(x, i, want)
	}
}

// beginBytes does what the hosts of bytes have in common; false when the request has its answer.
func (s *Server) beginBytes(x *exchange) bool {
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		writeHTML(x.w, http.StatusMethodNotAllowed, "Error 405 (Method Not Allowed)!!1", "The request method is inappropriate for this address.")
		return false
	}
	if !s.pause(x.r.Context(), x.route) {
		abort()
	}
	return true
}

func writeDead(w http.ResponseWriter) {
	writeHTML(w, http.StatusForbidden, "Error 403 (Forbidden)!!1", "Your client does not have permission to get this address.")
}

// fetch finds a copy of an item and takes one of the day's byte requests.
func (s *Server) fetch(id string) (copied *item, spent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lib := range s.libraries {
		if i, ok := lib.items[id]; ok {
			c := *i
			return &c, s.cfg.Quotas && !s.quota.spend(&s.quota.bytes, i.projects[0], dailyBytes)
		}
	}
	return nil, false
}

// writeMissing is the 404 of the byte host: it comes with a picture.
func writeMissing(w http.ResponseWriter) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, drawn(96, 96, "404")); err != nil {
		abort() // encoding to memory does not fail
	}
	write(w, http.StatusNotFound, "image/png", buf.Bytes())
}

// sendMedia sends the original, the video, or a scaled picture.
func (s *Server) sendMedia(x *exchange, i *item, want suffix) {
	h := x.w.Header()
	h.Set("Cache-Control", "private, max-age=3600")
	switch {
	case want.film && !i.facts.video:
		writeText(x.w, http.StatusBadRequest, "This item is no video.")
		return
	case want.film && i.status() != "READY":
		writeMissing(x.w) // a video that is still processed has no bytes yet
		return
	case want.film: // https://github.com/gilesknap/gphotos-sync/issues/131
		h.Set("Location", x.place.url(videoHost)+"/"+s.capability("video", i.id))
		write(x.w, http.StatusFound, "text/html; charset=utf-8", nil)
		return
	case want.download && !i.facts.video:
		s.sendFile(x, i)
	default:
		s.sendPicture(x, i, want)
	}
}

// serveVideo is the host that an address with =dv leads to. It takes nothing from the day's byte requests: that one did.
func (s *Server) serveVideo(x *exchange) {
	if !s.beginBytes(x) {
		return
	}
	id, dead, ok := s.openCapability("video", strings.TrimPrefix(x.place.path, "/"))
	s.mu.Lock()
	var i *item
	if found, _ := s.itemAnywhere(id); found != nil {
		i = new(*found)
	}
	s.mu.Unlock()
	switch {
	case !ok || i == nil:
		writeMissing(x.w)
	case dead:
		writeDead(x.w)
	default:
		x.w.Header().Set("Cache-Control", "private, max-age=3600")
		s.sendFile(x, i)
	}
}

// sendFile sends the original; a seeded item, which has none, is drawn.
func (s *Server) sendFile(x *exchange, i *item) {
	h := x.w.Header()
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": i.fileName}))
	if i.payload == nil {
		h.Set("Content-Type", "image/jpeg")
		s.sendPicture(x, i, suffix{width: int(i.facts.width), height: int(i.facts.height)})
		return
	}
	h.Set("Content-Type", i.facts.mime)
	r, err := i.payload.open()
	if err != nil { // the item was deleted, or the server reset, since the look-up
		h.Del("Content-Disposition")
		writeMissing(x.w)
		return
	}
	defer closeQuietly(r)
	http.ServeContent(x.w, x.r, "", i.uploaded, r)
}
