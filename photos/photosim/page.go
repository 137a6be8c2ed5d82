package photosim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"
)

// cursor is a place in a listing: behind the element with this key. Keys do not move when elements are added or removed, so pages
// stay whole while a library grows.
type cursor struct {
	time int64 // nanoseconds since 1970
	seq  uint64
}

const macSize = 16

// pageToken makes the opaque token of the next page. It is bound to params, which hold whatever must not change between pages.
func (s *Server) pageToken(params string, at cursor) string {
	raw := binary.AppendVarint(nil, at.time)
	raw = binary.AppendUvarint(raw, at.seq)
	return "C" + base64.RawURLEncoding.EncodeToString(append(raw, s.sign("page", params, raw)...))
}

// openPage reads a page token; "" is the first page.
// SIM: a token that is damaged, or used with other parameters, is a 400.
func (s *Server) openPage(params, token string) (at cursor, first bool, err error) {
	if token == "" {
		return cursor{}, true, nil
	}
	bad := invalidArgument("Request contains an invalid page token.")
	if token[0] != 'C' {
		return cursor{}, false, bad
	}
	raw, decodeErr := base64.RawURLEncoding.DecodeString(token[1:])
	if decodeErr != nil || len(raw) <= macSize {
		return cursor{}, false, bad
	}
	body, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if !hmac.Equal(mac, s.sign("page", params, body)) {
		return cursor{}, false, bad
	}
	var n int
	at.time, n = binary.Varint(body)
	at.seq, _ = binary.Uvarint(body[n:])
	return at, false, nil
}

// sign returns a short keyed hash of data for one purpose and the parameters it is bound to.
func (s *Server) sign(purpose, params string, data []byte) []byte {
	h := hmac.New(sha256.New, s.key[:])
	for _, part := range [][]byte{strconv.AppendQuote(nil, purpose), strconv.AppendQuote(nil, params), data} {
		h.Write(part)
	}
	return h.Sum(nil)[:macSize]
}

// pageSize reads the size of a page: absent or 0 is the default. SIM: too large is coerced down, negative is a 400.
func pageSize(n, standard, most int) (int, error) {
	switch {
	case n < 0:
		return 0, invalidArgument("Request contains an invalid page size.")
	case n == 0:
		return standard, nil
	}
	return min(n, most), nil
}

func queryPageSize(q url.Values, standard, most int) (int, error) {
	text := q.Get("pageSize")
	if text == "" {
		return standard, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalidArgument("Invalid value at 'page_size' (TYPE_INT32), \"%s\"", bound(text))
	}
	return pageSize(int(n), standard, most)
}
