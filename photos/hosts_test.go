package photos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

// elsewhere are addresses that no answer may lead to when Google is Google.
var elsewhere = []string{
	"http://127.0.0.1/lr/x", "https://127.0.0.1/lr/x", "http://127.0.0.1:8123/api", "https://[::1]/lr/x", "http://[::ffff:127.0.0.1]/",
	"http://169.254.169.254/latest/meta-data", "https://169.254.169.254/", "http://192.168.1.1/", "https://localhost/", "https://2130706433/",
	"https://evil.example/lr/x", "//evil.example/lr/x", "http://lh3.googleusercontent.com/lr/x", "HTTP://lh3.googleusercontent.com/",
	"https://googleusercontent.com.evil.example/", "https://evilgoogleusercontent.com/", "https://googleusercontent.com:pw@evil.example/",
	"https://lh3.googleusercontent.com@evil.example/", "https://me@lh3.googleusercontent.com/", "https://:@lh3.googleusercontent.com/",
	"https://evil.example#.googleusercontent.com/", "https://evil.example?.googleusercontent.com/", "https://evil.example/.googleusercontent.com",
	`https://evil.example\.googleusercontent.com/`, `https://lh3.googleusercontent.com\@evil.example/`, "https://evil.example%2f.googleusercontent.com/",
	"https://lh3.googleusercontent.com:8443/", "https://lh3.googleusercontent.com:80/", "https://lh3.googleusercontent.com:/",
	"https://lh3.googleusercontent.com./", "https://.googleusercontent.com/", "https://lh3..googleusercontent.com/", "https://lh3_.googleusercontent.com/",
	"https://lh3.googleusercontent。com/", "https://lh3.ｇoogleusercontent.com/", "https://lh3.gооgleusercontent.com/", "https://xn--ggleusercontent-2cf.com/",
	"https:lh3.googleusercontent.com/", "https:///lh3.googleusercontent.com/", "ftp://lh3.googleusercontent.com/", "file:///etc/passwd",
	"data:text/html,x", "javascript:alert(1)", "lh3.googleusercontent.com/lr/x", "https://photoslibrary.googleapis.com/v1/albums", "https://",
	"https://lh3.googleusercontent.com/\"onload=x", "https://lh3.googleusercontent.com/<x>", "https://lh3.googleusercontent.com/a b", "https://lh3.googleusercontent.com/\nx",
	"https://lh3.googleusercontent.com/x#y", "https://lh3.googleusercontent.com/ä",
}

func TestBytesComeFromGoogleAlone(t *testing.T) {
	c := through(func(req *http.Request) (*http.Response, error) {
		t.Errorf("asked %s", req.URL)
		return nil, io.EOF
	})
	for _, address := range append(slices.Clone(elsewhere), "https://lh3.googleusercontent.com/%zz") {
		_, err := c.Download(t.Context(), secret.Text(address), SuffixPhoto)
		if KindOf(err) != Untrusted {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// redirected answers each address with a redirect to the next, and the last with bytes; asked are all that it was asked for.
func redirected(asked *[]*http.Request, hops ...string) transport {
	return func(req *http.Request) (*http.Response, error) {
		*asked = append(*asked, req)
		resp := &http.Response{StatusCode: http.StatusFound, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("bytes")), Request: req}
		if len(*asked) > len(hops) {
			resp.StatusCode = http.StatusOK
		} else {
			resp.Header.Set("Location", hops[len(*asked)-1])
		}
		return resp, nil
	}
}

func TestRedirectsOfBytes(t *testing.T) {
	const base = "https://lh3.googleusercontent.com/lr/SECRET-BASE-URL"
	for _, address := range elsewhere {
		if strings.ContainsAny(address, "\" <#ä") || !strings.Contains(address, ":") && !strings.HasPrefix(address, "//") {
			continue // net/http makes a harmless address of it, or one of the same host
		}
		for _, hops := range [][]string{{address}, {"https://video-downloads.googleusercontent.com/x", address}} {
			var asked []*http.Request
			_, err := through(redirected(&asked, hops...)).Download(t.Context(), base, SuffixVideo)
			if err == nil || len(asked) != len(hops) || KindOf(err) != Untrusted && KindOf(err) != Transient {
				t.Errorf("%q: got %v after %d requests, want a refusal after %d", hops, err, len(asked), len(hops))
			}
			if strings.Contains(fmt.Sprint(err), "SECRET") || strings.Contains(fmt.Sprint(err), "meta-data") {
				t.Errorf("%v gives an address away", err)
			}
		}
	}
	var unread []*http.Request
	_, err := through(redirected(&unread, "https://lh3.googleusercontent.com/%zz?SECRET")).Download(t.Context(), base, SuffixPhoto)
	if KindOf(err) != Untrusted || strings.Contains(fmt.Sprint(err), "SECRET") {
		t.Errorf("got %v for an address that cannot be read", err)
	}
	for _, address := range []string{"http://127.0.0.1/", "http://169.254.169.254/x", "https://evil.example/", "http://lh3.googleusercontent.com/lr/x"} {
		var asked []*http.Request
		_, err := through(redirected(&asked, address)).Download(t.Context(), base, SuffixPhoto)
		if host := strings.Split(address, "/")[2]; KindOf(err) != Untrusted || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: got %v, want one that names the host", address, err)
		}
	}

	var asked []*http.Request
	c := through(redirected(&asked, "https://video-downloads.googleusercontent.com/a?id=1&itag=22", "/b", "https://LH4.googleusercontent.com:443/c"))
	got, err := c.Download(t.Context(), base, SuffixVideo)
	if err != nil || len(asked) != 4 {
		t.Fatalf("got %+v, %v after %d requests", got, err, len(asked))
	}
	if body, err := io.ReadAll(got.Body); string(body) != "bytes" || err != nil || got.Body.Close() != nil {
		t.Errorf("got %q, %v", body, err)
	}
	for _, req := range asked {
		if req.Header.Get("Referer") != "" || req.Header.Get("Authorization") != "" {
			t.Errorf("%s got %v", req.URL.Host, req.Header)
		}
	}
	asked = nil
	if _, err := through(redirected(&asked, slices.Repeat([]string{base}, 20)...)).Download(t.Context(), base, SuffixPhoto); KindOf(err) != Transient || len(asked) != maxHops+1 {
		t.Errorf("got %v after %d requests in a circle", err, len(asked))
	}
}

func TestSimulatorIsTrustedByItsAddress(t *testing.T) {
	for library, allowed := range map[string]map[string]bool{
		"http://127.0.0.1:8085/library": {
			"http://127.0.0.1:8085/bytes/lr/x": true, "https://lh3.googleusercontent.com/lr/x": true, "http://127.0.0.1:8086/bytes/lr/x": false,
			"https://127.0.0.1:8085/bytes/lr/x": false, "http://me@127.0.0.1:8085/bytes/lr/x": false, "http://localhost:8085/bytes/lr/x": false,
			"http://127.0.0.1/bytes/lr/x": false, "http://127.0.0.1:8085\\@evil.example/": false,
		},
		DefaultLibrary + "/": {DefaultLibrary + "/lr/x": false, "https://lh3.googleusercontent.com/lr/x": true},
		"":                   {"http:///lr/x": false, "https:///lr/x": false, "/lr/x": false},
		"/library":           {"/bytes/lr/x": false, "https://lh3.googleusercontent.com/lr/x": true},
	} {
		c := New(Config{Library: library})
		for address, want := range allowed {
			if got := c.trusts(address, mediaHosts); got != want {
				t.Errorf("with %s: %s trusted %v, want %v", library, address, got, want)
			}
		}
	}
	c := New(Config{Library: "http://127.0.0.1:8085/library"})
	if c.owns("https://photoslibrary.googleapis.com/v1/uploads?upload_id=1") || !c.owns("http://127.0.0.1:8085/library/v1/uploads?upload_id=1") {
		t.Error("the simulator's tokens go to Google, or not to it")
	}
}

func TestSessionsAreOnUploadHosts(t *testing.T) {
	for _, address := range append(slices.Clone(elsewhere),
		"https://storage.googleapis.com/bucket", "https://photoslibrary.googleapis.com:8080/v1/uploads", "https://photoslibrary.googleapis.com./v1/uploads",
		"https://lh3.googleusercontent.com/v1/uploads", "https://upload.googleapis.com.evil.example/",
	) {
		if strings.HasPrefix(address, "https://photoslibrary.googleapis.com/v1/") || strings.Contains(address, "\n") {
			continue
		}
		asked := 0
		c := through(func(*http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{headerStatus: {"active"}, headerURL: {address}}, Body: http.NoBody}, nil
		})
		session, err := c.Start(t.Context(), text("x"))
		if KindOf(err) != Untrusted || session != "" {
			t.Errorf("%s: got %v", address, err)
		}
		_, queried := c.Query(t.Context(), secret.Text(address))
		_, sent := c.Send(t.Context(), secret.Text(address), 0, text("x"), nil)
		if KindOf(queried) != Expired || KindOf(sent) != Expired || asked != 1 {
			t.Errorf("%s: got %v and %v after %d requests", address, queried, sent, asked)
		}
	}
}

func TestDownloadsHaveALimit(t *testing.T) {
	tests := []struct {
		suffix    string
		announced int64
		want      error
	}{
		{SuffixPhoto, spec.MaxPhotoSize + 1, &Error{Kind: TooLarge}},
		{"=w512-h512", spec.MaxVideoSize, &Error{Kind: TooLarge}},
		{SuffixVideo, spec.MaxVideoSize + 1, &Error{Kind: TooLarge}},
		{SuffixVideo, spec.MaxVideoSize, nil},
		{SuffixPhoto, spec.MaxPhotoSize, nil},
	}
	for _, test := range tests {
		c := through(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, ContentLength: test.announced}, nil
		})
		if _, err := c.Download(t.Context(), "https://lh3.googleusercontent.com/lr/x", test.suffix); KindOf(err) != KindOf(test.want) {
			t.Errorf("%s of %d bytes: got %v", test.suffix, test.announced, err)
		}
	}
	endless := readerFunc(func(p []byte) (int, error) { return len(p), nil })
	c := through(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(endless), ContentLength: -1}, nil
	})
	got, err := c.Download(t.Context(), "https://lh3.googleusercontent.com/lr/x", SuffixPhoto)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, got.Body); n != spec.MaxPhotoSize || KindOf(err) != TooLarge {
		t.Errorf("got %d bytes and %v without an end", n, err)
	}
	exact := &incoming{io.NopCloser(strings.NewReader("bytes")), t.Context(), request{op: "download"}, 5}
	if body, err := io.ReadAll(exact); string(body) != "bytes" || err != nil {
		t.Errorf("got %q, %v for a file that just fits", body, err)
	}
}

// forms of an item and an album, with the address of the bytes and that of the product.
const (
	wholeItem  = `{"id":"i","baseUrl":%q,"productUrl":%q}`
	wholeAlbum = `{"id":"i","coverPhotoBaseUrl":%q,"productUrl":%q}`
)

// A way is a call by whose answer an address comes in.
type way struct {
	body, form string
	get        func(context.Context, *Client) ([]string, error)
}

// waysIn are all that there are.
func waysIn() map[string]way {
	item := func(i Item, err error) ([]string, error) {
		return []string{string(i.BaseURL), i.ProductURL, i.ViewURL(), i.ThumbnailURL(), i.DownloadURL()}, err
	}
	album := func(a Album, err error) ([]string, error) {
		return []string{string(a.CoverURL), a.ProductURL, a.CoverThumbnailURL()}, err
	}
	return map[string]way{
		"item":        {"%s", wholeItem, func(ctx context.Context, c *Client) ([]string, error) { return item(c.Item(ctx, "i")) }},
		"description": {"%s", wholeItem, func(ctx context.Context, c *Client) ([]string, error) { return item(c.UpdateDescription(ctx, "i", "")) }},
		"album":       {"%s", wholeAlbum, func(ctx context.Context, c *Client) ([]string, error) { return album(c.Album(ctx, "i")) }},
		"new album":   {"%s", wholeAlbum, func(ctx context.Context, c *Client) ([]string, error) { return album(c.CreateAlbum(ctx, "i")) }},
		"title": {"%s", wholeAlbum, func(ctx context.Context, c *Client) ([]string, error) {
			return album(c.UpdateAlbum(ctx, "i", AlbumUpdate{Title: "i"}))
		}},
		"items": {`{"mediaItemResults":[{"mediaItem":%s}]}`, wholeItem, func(ctx context.Context, c *Client) ([]string, error) {
			got, err := c.Items(ctx, []string{"i"})
			return item(got[0].Item, err)
		}},
		"new items": {`{"newMediaItemResults":[{"uploadToken":"t","mediaItem":%s}]}`, wholeItem, func(ctx context.Context, c *Client) ([]string, error) {
			got, err := c.CreateItems(ctx, "", []NewItem{{Token: "t"}})
			return item(got[0].Item, err)
		}},
		"list": {`{"mediaItems":[%s]}`, wholeItem, func(ctx context.Context, c *Client) ([]string, error) {
			got, err := c.ListItems(ctx, 0, "")
			return item(got.Items[0], err)
		}},
		"search": {`{"mediaItems":[%s]}`, wholeItem, func(ctx context.Context, c *Client) ([]string, error) {
			got, err := c.SearchItems(ctx, Search{})
			return item(got.Items[0], err)
		}},
		"albums": {`{"albums":[%s]}`, wholeAlbum, func(ctx context.Context, c *Client) ([]string, error) {
			got, err := c.ListAlbums(ctx, 0, "")
			return album(got.Albums[0], err)
		}},
		"all albums": {`{"albums":[%s]}`, wholeAlbum, func(ctx context.Context, c *Client) ([]string, error) {
			for a, err := range c.AllAlbums(ctx) {
				return album(a, err)
			}
			return nil, io.EOF
		}},
	}
}

// Every address in an answer ends in a document, so all ways by which one comes are tried.
func TestForeignAddressesAreLeftOut(t *testing.T) {
	const (
		base, cover = "https://lh3.googleusercontent.com/lr/x", "https://lh5.googleusercontent.com/lr/c"
		photo       = "https://photos.google.com/lr/photo/i"
	)
	for name, way := range waysIn() {
		get := func(address, product string) ([]string, []error) {
			body := fmt.Sprintf(way.body, fmt.Sprintf(way.form, address, product))
			c := through(answers(http.StatusOK, strings.NewReader(body)))
			var told []error
			c.foreign = func(err error) { told = append(told, err) }
			got, err := way.get(t.Context(), c)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return got, told
		}
		for _, bad := range append(slices.Clone(elsewhere), base+"?x=y") {
			bad = strings.NewReplacer("\n", "", "ä", "%00").Replace(bad)
			if bad == "https://lh3.googleusercontent.com/x" || bad == "https://lh3.googleusercontent.com/%00" {
				continue
			}
			got, told := get(bad, bad)
			if strings.Join(got, "") != "" || len(told) != 1 || KindOf(told[0]) != Untrusted {
				t.Errorf("%s: %s is believed: %q, told %v", name, bad, got, told)
			}
		}
		for _, bad := range []string{"http://photos.google.com/lr/photo/i", "https://photos.google.com.evil.example/", "https://google.com/", base} {
			if got, told := get(base, bad); got[1] != "" || got[0] != base || len(told) != 1 {
				t.Errorf("%s: %s is believed: %q", name, bad, got)
			}
		}
		for _, good := range []string{base, cover, ""} {
			if got, told := get(good, photo); got[0] != good || got[1] != photo || len(told) != 0 {
				t.Errorf("%s: got %q, told %v", name, got, told)
			}
		}
	}
	left := New(Config{})
	i := Item{BaseURL: "https://evil.example/lr/x", ID: "i"}
	if left.believe("get item", &i); !cmp.Equal(i, Item{ID: "i"}) {
		t.Errorf("got %+v when nobody wants to be told", i)
	}
}

// FuzzAddresses: what is trusted is taken apart alike by every reader, and is Google's.
func FuzzAddresses(f *testing.F) {
	for _, address := range append(slices.Clone(elsewhere), "https://lh3.googleusercontent.com/lr/x=d", "https://LH3.googleusercontent.com:443/x?a=b%20c") {
		f.Add(address)
	}
	c := New(Config{})
	form := regexp.MustCompile(`^(?i:https)://([A-Za-z0-9-]+\.)*(?i:googleusercontent\.com)(:443)?([/?][^"\\<>#\s]*)?$`)
	f.Fuzz(func(t *testing.T, address string) {
		if c.trusts(address, mediaHosts) && !form.MatchString(address) {
			t.Errorf("%q is trusted", address)
		}
	})
}
