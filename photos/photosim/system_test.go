package photosim

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestAnswersLookLikeGoogles compares a whole answer, as it was recorded of other items.
func TestAnswersLookLikeGoogles(t *testing.T) {
	m := newSim(t, Config{})
	r := m.call("POST", "/v1/albums", `{"album":{"title":"<Öl & Stein>"}}`)
	id := m.Library()[0].Albums[0].ID
	want := "{\n  \"id\": \"" + id + "\",\n  \"title\": \"<Öl & Stein>\",\n  \"productUrl\": \"https://photos.google.com/lr/album/" + id +
		"\",\n  \"isWriteable\": true\n}\n"
	if r.body != want {
		t.Errorf("got %s want %s", r.body, want)
	}
	for name, want := range map[string][]string{
		"Content-Type": {"application/json; charset=UTF-8"}, "Vary": {"Origin", "X-Origin", "Referer"}, "X-Frame-Options": {"SAMEORIGIN"},
		"X-Content-Type-Options": {"nosniff"},
	} {
		if !slices.Equal(r.header[name], want) {
			t.Errorf("%s: %q, want %q", name, r.header[name], want)
		}
	}
	if r := m.call("GET", "/v1/albums?prettyPrint=false&fields=albums/title", ""); r.body != `{"albums":[{"title":"<Öl & Stein>"}]}` {
		t.Errorf("in one line: %q", r.body)
	}
}

// TestTokenInTheAddress signs in as generated clients may: with access_token or oauth_token instead of the header.
func TestTokenInTheAddress(t *testing.T) {
	m := newSim(t, Config{})
	for query, want := range map[string]int{
		"access_token=" + m.token: 200, "oauth_token=" + m.token: 200, "access_token=wrong": 401, "access_token=": 401, "key=k": 401,
	} {
		if r := m.call("GET", "/v1/albums?"+query, "", "Authorization", ""); r.status != want {
			t.Errorf("%s: %d, want %d", query, r.status, want)
		}
	}
	if r := m.call("GET", "/v1/albums?access_token="+m.token, "", "Authorization", "Bearer wrong"); r.status != 401 {
		t.Errorf("a wrong header beside it: %d", r.status)
	}
	r := m.call("POST", "/v1/uploads?upload_protocol=raw&access_token="+m.token, "x", "Authorization", "", "X-Goog-Upload-Protocol", "raw")
	if r.status != 200 {
		t.Errorf("an upload: %d %s", r.status, r.body)
	}
}

func TestCallback(t *testing.T) {
	m := newSim(t, Config{})
	r := m.call("GET", "/v1/albums?callback=app.show", "")
	if r.status != 200 || r.body != "// API callback\napp.show({});" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%d %v %q", r.status, r.header, r.body)
	}
	if r := m.call("GET", "/v1/albums/AF1Qipx?callback=f", ""); r.status != 200 || !strings.Contains(r.body, `"code": 404`) {
		t.Errorf("an error: %d %q", r.status, r.body)
	}
	if r := m.call("POST", "/v1/albums?callback=f", `{"album":{"title":"a"}}`); r.status != 200 || !strings.HasPrefix(r.body, "{") {
		t.Errorf("a POST: %d %q", r.status, r.body)
	}
}

// TestLongAddresses sends a batchGet as google-api-python-client does when its address is too long.
func TestLongAddresses(t *testing.T) {
	m := newSim(t, Config{})
	ids := url.Values{"mediaItemIds": {m.item(photo(1)), m.item(photo(2))}, "alt": {"json"}}
	r := m.call("POST", "/v1/mediaItems:batchGet", ids.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "GET")
	var out batchGetAnswer
	r.decode(t, &out)
	if len(out.Results) != 2 || out.Results[1].Item == nil || m.Stats().Routes["mediaItems.batchGet"].Requests != 1 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := m.call("POST", "/v1/albums/"+m.album("a")+"?updateMask=title", `{"title":"b"}`, "X-HTTP-Method-Override", "PATCH"); r.status != 200 {
		t.Errorf("a PATCH: %d %s", r.status, r.body)
	}
	if r := m.call("POST", "/v1/mediaItems:search", "{}", "X-HTTP-Method-Override", "DELETE"); r.status != 200 {
		t.Errorf("any other is not looked at: %d", r.status)
	}
}
