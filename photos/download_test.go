package photos

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gphotos2mqtt/auth/secret"
)

func TestDownload(t *testing.T) {
	google := google(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "":
			t.Error("a base URL got an access token")
		case r.URL.Path == "/lr/x=d":
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = io.WriteString(w, "bytes")
		case r.URL.Path == "/lr/v=dv":
			http.Redirect(w, r, "/lr/x=d", http.StatusFound)
		case r.URL.Path == "/lr/cut=d":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "bytes")
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	c := New(Config{
		Library: google.library, Bytes: &google.bytes,
		HTTP: &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("bytes asked from %s", req.URL)
		})},
	})
	for path, suffix := range map[string]string{"/lr/x": SuffixPhoto, "/lr/v": SuffixVideo} {
		got, err := c.Download(t.Context(), secret.Text(c.library+path), suffix)
		if err != nil || got.MIMEType != "image/jpeg" || got.Size != 5 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if body, err := io.ReadAll(got.Body); string(body) != "bytes" || err != nil || got.Body.Close() != nil {
			t.Errorf("got %q, %v", body, err)
		}
	}
	got, err := c.Download(t.Context(), secret.Text(c.library+"/lr/cut"), SuffixPhoto)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(got.Body); KindOf(err) != Transient || got.Body.Close() != nil {
		t.Errorf("got %v after a cut", err)
	}
	if _, err := c.Download(t.Context(), secret.Text(c.library+"/lr/none"), SuffixPhoto); KindOf(err) != Transient {
		t.Errorf("got %v for no content", err)
	}
	for _, bad := range []struct{ base, suffix string }{{"", SuffixPhoto}, {"https://x/lr/x", ""}, {"https://x/lr/x", "?d"}} {
		if _, err := c.Download(t.Context(), secret.Text(bad.base), bad.suffix); KindOf(err) != Invalid {
			t.Errorf("%v: got %v", bad, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	photo := Item{MIMEType: "image/jpeg", BaseURL: "https://b/p"}
	video := Item{Video: &Video{}, BaseURL: "https://b/v"}
	album := Album{CoverURL: "https://b/c"}
	got := []string{
		photo.ViewURL(), photo.ThumbnailURL(), photo.DownloadURL(), video.ViewURL(), video.ThumbnailURL(), video.DownloadURL(),
		album.CoverThumbnailURL(), Item{}.ViewURL() + Item{}.ThumbnailURL() + Item{MIMEType: "video/mp4"}.DownloadURL() + Album{}.CoverThumbnailURL(),
	}
	want := []string{
		"https://b/p=w2048-h2048", "https://b/p=w512-h512", "https://b/p=d", "https://b/v=dv", "https://b/v=w512-h512", "https://b/v=dv",
		"https://b/c=w512-h512", "",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestSecretsHide(t *testing.T) {
	const hidden = "very-secret-indeed"
	for _, v := range []any{
		secret.Text(hidden),
		Progress{Token: hidden},
		Item{BaseURL: hidden},
		Album{CoverURL: hidden},
		NewItem{Token: hidden},
		&Created{Token: hidden},
		[]secret.Text{hidden},
		map[string]secret.Text{"a": hidden},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, hidden) || strings.Contains(got, fmt.Sprintf("%x", hidden)) {
				t.Errorf("%T with %s gives itself away: %s", v, verb, got)
			}
		}
	}
	if secret.Text("a").String() == secret.Text("b").String() {
		t.Error("secrets cannot be told apart")
	}
}
