package photos

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestRefusalsBeforeTheBodyIsRead are those of a server that looks at the head of a large upload only. They must arrive
// although the body still flows, and nobody may be told about bytes once the call has returned: the race detector watches at.
func TestRefusalsBeforeTheBodyIsRead(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for status, want := range map[int]Kind{401: Unauthorized, 404: Expired, 413: TooLarge, 429: RateLimited, 503: Transient} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if (r.ProtoMajor == 2) != http2 {
					t.Errorf("the test is not run with %s", r.Proto)
				}
				w.WriteHeader(status)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			c := New(Config{Library: server.URL, HTTP: server.Client()})
			var at int64
			_, err := c.Send(t.Context(), c.sessionForTest(), 0, generated(32<<20), func(n int64) { at = n })
			if KindOf(err) != want || at == 32<<20 {
				t.Errorf("http2 %v, %d: got %v after %d bytes, want %v", http2, status, err, at, want)
			}
			server.Close()
		}
	}
}
