package photos

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
)

// steps keeps what a client asked of a session.
type steps struct {
	got []string
}

// record writes down a request's line, protocol headers and body.
func (s *steps) record(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := []string{r.Method, r.URL.String(), "length=" + r.Header.Get("Content-Length")}
	for _, name := range []string{headerProtocol, headerCommand, headerOffset, headerRawSize, headerMIMEType} {
		if value := r.Header.Get(name); value != "" {
			line = append(line, strings.TrimPrefix(name, "X-Goog-Upload-")+"="+value)
		}
	}
	s.got = append(s.got, strings.Join(append(line, string(body)), " | "))
}

func TestSessionOnTheWire(t *testing.T) {
	var seen steps
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		seen.record(r)
		h := w.Header()
		switch r.Header.Get(headerCommand) {
		case "start":
			h.Set(headerStatus, "active")
			h.Set(headerURL, "http://"+r.Host+"/v1/uploads?upload_id=1&upload_protocol=resumable")
		case "query":
			h.Set(headerStatus, "active")
			h.Set(headerReceived, "3")
		case "upload, finalize":
			h.Set(headerStatus, "final")
			_, _ = io.WriteString(w, "token\n")
		}
	})
	s, err := c.Start(t.Context(), text("bytes"))
	if err != nil || !strings.HasSuffix(string(s), "/v1/uploads?upload_id=1&upload_protocol=resumable") {
		t.Fatalf("got %q, %v", string(s), err)
	}
	p, err := c.Query(t.Context(), s)
	if diff := cmp.Diff(Progress{Received: 3}, p); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	var at int64
	token, err := c.Send(t.Context(), s, p.Received, text("bytes"), func(n int64) { at = n })
	if string(token) != "token" || at != 5 || err != nil {
		t.Errorf("got %q, %v at %d", string(token), err, at)
	}
	if token, err := c.Send(t.Context(), s, 5, text("bytes"), nil); string(token) != "token" || err != nil {
		t.Errorf("got %q, %v when only the end was missing", string(token), err)
	}
	const session = "POST | /v1/uploads?upload_id=1&upload_protocol=resumable | "
	want := []string{
		"POST | /v1/uploads | length=0 | Protocol=resumable | Command=start | Raw-Size=5 | Content-Type=image/jpeg | ",
		session + "length=0 | Protocol=resumable | Command=query | ",
		session + "length=2 | Protocol=resumable | Command=upload, finalize | Offset=3 | es",
		session + "length=0 | Protocol=resumable | Command=upload, finalize | Offset=5 | ",
	}
	if diff := cmp.Diff(want, seen.got); diff != "" {
		t.Error(diff)
	}
}

func TestSessionAnswers(t *testing.T) {
	query := func(c *Client) error { _, err := c.Query(t.Context(), c.sessionForTest()); return err }
	start := func(c *Client) error { _, err := c.Start(t.Context(), text("x")); return err }
	send := func(c *Client) error {
		_, err := c.Send(t.Context(), c.sessionForTest(), 0, text("x"), nil)
		return err
	}
	tests := []struct {
		name          string
		call          func(*Client) error
		status, other string // headers: X-Goog-Upload-Status, and "name: value"
		body          string
		want          Kind
	}{
		{"start without a session", start, "active", "", "", Transient},
		{"start turned down", start, "final", "", "", Rejected},
		{"start turned down with words", start, "final", "", scopeBody, ScopeMissing},
		{"session elsewhere", start, "active", headerURL + ": https://evil.example/v1/uploads?upload_id=1", "", Untrusted},
		{"session without a status", start, "", headerURL + ": HERE", "", 0},
		{"query, active", query, "active", headerReceived + ": 0", "", 0},
		{"query, final", query, "final", "", "token", 0},
		{"query, final without a token", query, "final", "", "", 0},
		{"query, final with JSON", query, "final", "", scopeBody, 0},
		{"query, cancelled", query, "cancelled", "", "", Expired},
		{"query, canceled", query, "canceled", "", "", Expired},
		{"query, silent", query, "", "", "", Transient},
		{"query, no number", query, "active", headerReceived + ": many", "", Transient},
		{"query, negative", query, "active", headerReceived + ": -1", "", Transient},
		{"send, wants more", send, "active", "", "", Transient},
		{"send, cancelled", send, "cancelled", "", "", Expired},
		{"send, no receipt", send, "final", "", "", Transient},
		{"send, refused", send, "final", "", minuteBody, RateLimited},
		{"send, no status", send, "", "", "token", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := google(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set(headerStatus, test.status)
				if name, value, ok := strings.Cut(test.other, ": "); ok {
					w.Header().Set(name, strings.Replace(value, "HERE", "http://"+r.Host+"/up", 1))
				}
				_, _ = io.WriteString(w, test.body)
			})
			if err := test.call(c); KindOf(err) != test.want || (err == nil) != (test.want == 0) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestSessionOfSomebodyElse(t *testing.T) {
	c := through(func(req *http.Request) (*http.Response, error) {
		t.Errorf("the access token went to %s", req.URL)
		return nil, io.EOF
	})
	for _, address := range []secret.Text{
		"", "https://evil.example/v1/uploads?upload_id=1", "http://photoslibrary.googleapis.com/v1/uploads",
		"https://evilgoogleapis.com/", "https://me@photoslibrary.googleapis.com/", "%", "https://photoslibrary.googleapis.com.evil.example/",
	} {
		if _, err := c.Query(t.Context(), address); KindOf(err) != Expired {
			t.Errorf("%q: got %v", string(address), err)
		}
	}
	if !c.owns("https://upload.googleapis.com/v1/uploads?upload_id=1") {
		t.Error("another host of Google's is refused")
	}
	for _, offset := range []int64{-1, 2} {
		_, err := c.Send(t.Context(), c.sessionForTest(), offset, text("x"), nil)
		if KindOf(err) != Expired {
			t.Errorf("offset %d: got %v", offset, err)
		}
	}
}

func TestSendGoesOnAfterACut(t *testing.T) {
	const size, cut = 3 << 20, 1 << 20
	var received atomic.Int64
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.ParseInt(r.Header.Get(headerOffset), 10, 64)
		switch {
		case r.Header.Get(headerCommand) == "query":
			w.Header().Set(headerStatus, "active")
			w.Header().Set(headerReceived, strconv.FormatInt(received.Load(), 10))
		case offset != received.Load():
			t.Errorf("bytes from %d on, want %d", offset, received.Load())
		case offset == 0:
			n, _ := io.CopyN(io.Discard, r.Body, cut)
			received.Add(n)
			panic(http.ErrAbortHandler)
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			received.Add(n)
			_, _ = io.WriteString(w, "token")
		}
	})
	s := c.sessionForTest()
	_, err := c.Send(t.Context(), s, 0, generated(size), nil)
	if KindOf(err) != Transient {
		t.Fatalf("got %v after a cut", err)
	}
	p, err := c.Query(t.Context(), s)
	if err != nil || p.Received != cut {
		t.Fatalf("got %+v, %v", p, err)
	}
	if _, err := c.Send(t.Context(), s, p.Received, generated(size), nil); err != nil || received.Load() != size {
		t.Errorf("got %v with %d bytes", err, received.Load())
	}
}
