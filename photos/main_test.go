package photos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// google serves h on loopback as if it were Google and gives a client for it.
func google(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return New(Config{Library: server.URL, HTTP: server.Client(), Bytes: server.Client()})
}

// says answers every request alike.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// transport is a network of one function.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

func through(t transport) *Client {
	return New(Config{Library: "https://photoslibrary.googleapis.com", HTTP: &http.Client{Transport: t}, Bytes: &http.Client{Transport: t}})
}

// text is media with the given bytes.
func text(s string) Media {
	return Media{
		Size: int64(len(s)), MIMEType: "image/jpeg",
		Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(s[offset:])), nil
		},
	}
}

// refusal gives the *Error in err's chain.
func refusal(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}
