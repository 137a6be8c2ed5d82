package photos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errUnlinked = errors.New("the account is not linked") // what a transport that adds tokens may say

func TestLost(t *testing.T) {
	read := func(n int64, err error) transport {
		return func(req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				_, _ = io.CopyN(io.Discard, req.Body, n)
				_ = req.Body.Close()
			}
			return nil, err
		}
	}
	const all = 1 << 20
	tests := []struct {
		name, call string
		network    transport
		lost       bool
	}{
		{"never sent", "create items", read(0, &net.OpError{Op: "dial", Err: errors.New("refused")}), false},
		{"cut in the middle", "create items", read(10, io.ErrUnexpectedEOF), false},
		{"sent, no answer", "create items", read(all, io.ErrUnexpectedEOF), true},
		{"sent, no answer, album", "add items", read(all, io.ErrUnexpectedEOF), true},
		{"bytes sent, no answer", "upload", read(all, io.ErrUnexpectedEOF), true},
		{"only read", "list items", read(all, io.ErrUnexpectedEOF), false},
		{"not linked", "create items", read(0, fmt.Errorf("transport: %w", errUnlinked)), false},
		{"cancelled inside", "create items", read(0, fmt.Errorf("refresh: %w", context.Canceled)), false},
		{"answer cut", "create items", answers(200, cutAfter(`{"newMediaItem`)), true},
		{"answer cut of a read", "get item", answers(200, cutAfter(`{"id":`)), false},
		{"portal's page", "create items", answers(200, strings.NewReader("<html>Welcome!</html>")), true},
		{"empty answer", "create items", answers(200, strings.NewReader("")), true},
		{"too long", "get item", answers(200, readerFunc(func(p []byte) (int, error) { return len(p), nil })), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := calls[test.call](t.Context(), through(test.network))
			if got := refusal(t, err); got.Kind != Transient || got.Lost != test.lost {
				t.Errorf("got %v, lost %v; want transient, lost %v", got, got.Lost, test.lost)
			}
			if errors.Is(err, context.Canceled) {
				t.Errorf("%v passes for a cancellation of the caller's", err)
			}
			if test.name == "not linked" && !errors.Is(err, errUnlinked) {
				t.Errorf("%v hides what the transport said", err)
			}
		})
	}
}

func answers(status int, body io.Reader) transport {
	return func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.Copy(io.Discard, req.Body)
			_ = req.Body.Close()
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body)}, nil
	}
}

func cutAfter(s string) io.Reader {
	return io.MultiReader(strings.NewReader(s), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
}

var errStalled = errors.New("no byte moved for a minute")

func TestContext(t *testing.T) {
	stuck := transport(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.Copy(io.Discard, req.Body)
			_ = req.Body.Close()
		}
		<-req.Context().Done()
		return nil, fmt.Errorf("read tcp: %w", net.ErrClosed) // what a torn connection says first
	})
	tests := []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
		kind Kind
		is   []error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Minute, cancel)
			return ctx, cancel
		}, 0, []error{context.Canceled}},
		{"cancelled with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Minute, func() { cancel(errStalled) })
			return ctx, func() { cancel(nil) }
		}, 0, []error{context.Canceled, errStalled}},
		{"out of time", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 5*time.Minute)
		}, Transient, []error{context.DeadlineExceeded}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := test.end(t.Context())
				defer cancel()
				err := calls["create items"](ctx, through(stuck))
				if got := refusal(t, err); KindOf(err) != test.kind || !got.Lost {
					t.Errorf("got %v of kind %v, lost %v; want kind %v, lost", err, got.Kind, got.Lost, test.kind)
				}
				for _, is := range test.is {
					if !errors.Is(err, is) {
						t.Errorf("%v is not %v", err, is)
					}
				}
				if errors.Is(err, net.ErrClosed) {
					t.Errorf("%v looks like a lost network", err)
				}
			})
		})
	}
}

func TestNoErrorHoldsAnAddress(t *testing.T) {
	const hidden = "SECRET-UPLOAD-ID"
	const session = "https://photoslibrary.googleapis.com/v1/uploads?upload_id=" + hidden
	broken := transport(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	echo := transport(func(req *http.Request) (*http.Response, error) {
		body := "no session at " + req.URL.RequestURI() + ", which is " + hidden
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	})
	for _, network := range []transport{broken, echo} {
		c := through(network)
		_, queried := c.Query(t.Context(), session)
		_, sent := c.Send(t.Context(), session, 0, text("x"), nil)
		_, got := c.Download(t.Context(), "https://lh3.googleusercontent.com/lr/"+hidden, SuffixPhoto)
		_, bad := c.Download(t.Context(), "https://lh3.googleusercontent.com/%zz"+hidden, SuffixPhoto)
		for _, err := range []error{queried, sent, got, bad} {
			if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), hidden) {
				t.Errorf("got %v", err)
			}
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the access token went elsewhere")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	for name, call := range calls {
		if name == "download" {
			continue
		}
		if err := call(t.Context(), c); KindOf(err) != Transient {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
