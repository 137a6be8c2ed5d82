package photos

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

func TestUpload(t *testing.T) {
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := map[string]string{"body": string(body), "request": r.Method + " " + r.URL.String(), "length": r.Header.Get("Content-Length")}
		for _, name := range []string{"Content-Type", headerProtocol, headerMIMEType} {
			got[name] = r.Header.Get(name)
		}
		want := map[string]string{
			"body": "bytes", "request": "POST /v1/uploads", "length": "5", "Content-Type": "application/octet-stream",
			headerProtocol: "raw", headerMIMEType: "image/jpeg",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		_, _ = io.WriteString(w, "  CAIS6QIAKTW-a_b==\r\n")
	})
	token, err := c.Upload(t.Context(), text("bytes"))
	if err != nil || string(token) != "CAIS6QIAKTW-a_b==" {
		t.Errorf("got %q, %v", string(token), err)
	}
}

func TestUploadAnswers(t *testing.T) {
	tests := []struct {
		name, body string
		want       Kind
	}{
		{"empty", "", Transient},
		{"blank", " \n", Transient},
		{"refusal", api(429, "RESOURCE_EXHAUSTED", "slow down"), RateLimited},
		{"no scope", scopeBody, ScopeMissing},
		{"status", `{"code":3,"message":"Payload must not be empty"}`, Rejected},
		{"status of the server", `{"code":13,"message":"Internal error encountered."}`, ItemFault},
		{"envelope with a status", `{"error":{"code":8,"message":"slow down"}}`, RateLimited},
		{"some JSON", `{"token":"abc"}`, Transient},
		{"a list", `["abc"]`, Transient},
		{"quoted", `"abc"`, Transient},
		{"page", html502, Transient},
		{"sentence", "try again later", Transient},
		{"endless", strings.Repeat("a", maxToken+1), Transient},
	}
	for _, test := range tests {
		token, err := google(t, says(200, test.body)).Upload(t.Context(), text("x"))
		if got := refusal(t, err); got.Kind != test.want || token != "" || got.Status != 200 {
			t.Errorf("%s: got %q, %v (status %d), want %v", test.name, string(token), err, got.Status, test.want)
		}
	}
}

func TestMediaIsCheckedFirst(t *testing.T) {
	c := google(t, func(http.ResponseWriter, *http.Request) { t.Error("Google was asked") })
	tests := []struct {
		media Media
		want  Kind
	}{
		{Media{}, Rejected},
		{Media{Size: -1}, Rejected},
		{Media{Size: spec.MaxPhotoSize + 1, MIMEType: "image/png"}, TooLarge},
		{Media{Size: spec.MaxVideoSize + 1, MIMEType: "video/mp4"}, TooLarge},
		{Media{Size: spec.MaxVideoSize + 1}, TooLarge},
		{Media{Size: 1, MIMEType: "image/jpeg\r\nX-Evil: 1"}, Invalid},
		{Media{Size: 1, MIMEType: "not a type"}, Invalid},
	}
	for _, test := range tests {
		_, raw := c.Upload(t.Context(), test.media)
		_, resumable := c.Start(t.Context(), test.media)
		if KindOf(raw) != test.want || KindOf(resumable) != test.want {
			t.Errorf("%+v: got %v and %v, want %v", test.media, raw, resumable, test.want)
		}
	}
	if err := c.beginUpload("upload", Media{Size: spec.MaxPhotoSize + 1, MIMEType: "video/mp4"}, http.Header{}).wrong; err != nil {
		t.Errorf("a video of %d bytes: %v", spec.MaxPhotoSize+1, err)
	}
}

func TestMediaThatFails(t *testing.T) {
	errDisk := errors.New("disk on fire")
	broken := func(ctx context.Context, _ int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("abc"), readerFunc(func([]byte) (int, error) { return 0, errDisk }))), nil
	}
	tests := []struct {
		name  string
		media Media
		want  error
	}{
		{"does not open", Media{Size: 1, Open: func(context.Context, int64) (io.ReadCloser, error) { return nil, errDisk }}, errDisk},
		{"breaks", Media{Size: 9, Open: broken}, errDisk},
		{"too short", Media{Size: 9, Open: text("abc").Open}, ErrMediaChanged},
		{"too long", Media{Size: 2, Open: text("abc").Open}, ErrMediaChanged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := google(t, func(_ http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err == nil {
					t.Errorf("Google got %q as if it were whole", body)
				}
			})
			_, err := c.Upload(t.Context(), test.media)
			if !errors.Is(err, test.want) || KindOf(err) != 0 {
				t.Errorf("got %v of kind %v, want %v and no fault of Google's", err, KindOf(err), test.want)
			}
		})
	}
}

// repeating is what a transport does that refreshes an access token: on a 401 it sends the request again.
func repeating(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	resp.Body.Close()
	again := req.Clone(req.Context())
	if again.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(again)
}

func TestBodiesCanBeRepeated(t *testing.T) {
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	asked := 0
	var session string
	google := google(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked++; asked%2 == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch {
		case string(body) == "bytes", string(body) == "tes":
			_, _ = io.WriteString(w, "token")
		case r.URL.Path == "/v1/albums":
			_, _ = w.Write([]byte(`{"id":"a"}`))
		default:
			t.Errorf("got %s with %q", r.URL, body)
		}
	})
	session = google.library + "/v1/uploads?upload_id=1"
	c := New(Config{Library: google.library, HTTP: &http.Client{Transport: transport(repeating)}})
	if _, err := c.Upload(t.Context(), text("bytes")); err != nil {
		t.Error(err)
	}
	if _, err := c.Send(t.Context(), secret.Text(session), 2, text("bytes"), nil); err != nil {
		t.Error(err)
	}
	if _, err := c.CreateAlbum(t.Context(), "Garden"); err != nil {
		t.Error(err)
	}
	if asked != 6 {
		t.Errorf("%d requests, want 6", asked)
	}
}

// generated is n bytes that nobody holds.
func generated(n int64) Media {
	zeros := readerFunc(func(p []byte) (int, error) { return len(p), nil })
	return Media{Size: n, MIMEType: "video/mp4", Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros, n-offset)), nil
	}}
}

func TestUploadsAreStreamed(t *testing.T) {
	const size = 64 << 20
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n != size || r.ContentLength != size || err != nil {
			t.Errorf("got %d bytes of %d: %v", n, r.ContentLength, err)
		}
		_, _ = io.WriteString(w, "token")
	})
	s := secret.Text(c.library + "/v1/uploads?upload_id=1")
	ways := map[string]func() (secret.Text, error){
		"raw":       func() (secret.Text, error) { return c.Upload(t.Context(), generated(size)) },
		"resumable": func() (secret.Text, error) { return c.Send(t.Context(), s, 0, generated(size), func(int64) {}) },
	}
	for name, way := range ways {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := way(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// Client and server share this process: all that either of them ever allocated, not only what they kept.
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20 {
			t.Errorf("%s: %d bytes of memory for %d bytes of media", name, spent, size)
		}
	}
}
