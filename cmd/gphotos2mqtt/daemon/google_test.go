package daemon

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"gphotos2mqtt/bridge/store"
)

// A process that loses an entry while it sends a body does not send the rest, and begins nothing more.
func TestGuard(t *testing.T) {
	var held atomic.Bool
	var begun atomic.Int32
	whole := make(chan bool, 3)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun.Add(1)
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err == nil
	}))
	defer server.Close()
	base := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: guarded{base, held.Load}}
	send := func(body io.Reader) error {
		answer, err := client.Post(server.URL, "application/octet-stream", body)
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	}
	held.Store(true)
	if err := send(strings.NewReader("all of it")); err != nil || !<-whole {
		t.Errorf("an entry that is held: %v", err)
	}
	first, rest := strings.Repeat("x", 256<<10), strings.NewReader("the end")
	losing := io.MultiReader(strings.NewReader(first), readerFunc(func([]byte) (int, error) {
		held.Store(false)
		return 0, io.EOF
	}), rest)
	if err := send(losing); !errors.Is(err, store.ErrLost) {
		t.Errorf("an entry that is lost meanwhile: %v", err)
	}
	if <-whole {
		t.Error("the request was finished")
	}
	if err := send(strings.NewReader("more")); !errors.Is(err, store.ErrLost) || begun.Load() != 2 {
		t.Errorf("an entry that is lost: %v, %d requests", err, begun.Load())
	}
	if err := send(nil); !errors.Is(err, store.ErrLost) {
		t.Errorf("without a body: %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
