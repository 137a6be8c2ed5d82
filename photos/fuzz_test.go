package photos

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"unicode/utf8"
)

// FuzzRefusal reads error bodies: any of them must have a kind, a short printable message and no panic.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{
		dailyBody, minuteBody, concurrentBody, scopeBody, disabledBody, html502, "\x89PNG", "", "[]", "{}", `{"error":"invalid_grant"}`,
		`{"error":{"details":[{"metadata":{"quota_limit":""}}]}}`, `[{"error":{"code":404}}]`, `{"error":null}`, `{"code":3,"message":"no"}`,
	} {
		for _, status := range []int{200, 302, 400, 403, 404, 429, 500} {
			f.Add(body, status, "application/json", "30")
		}
	}
	f.Fuzz(func(t *testing.T, body string, status int, contentType, wait string) {
		a := parseAnswer([]byte(body), contentType)
		a.status, a.wait = status, retryAfter(wait, fixedNow)
		if utf8.RuneCountInString(a.message) > maxMessage || !utf8.ValidString(a.message) || a.message != plain(a.message) {
			t.Errorf("message %q", a.message)
		}
		if a.wait < 0 || a.wait > maxWait {
			t.Errorf("wait %v", a.wait)
		}
		for about := aboutLibrary; about <= aboutBytes; about <<= 1 {
			r := request{op: "fuzz", about: about, write: true}
			if e := r.judged(a); e.Kind < Transient || e.Kind > Invalid || e.Error() == "" {
				t.Errorf("about %d: %v", about, e)
			}
			if status == http.StatusUnauthorized && a.said == "" && len(a.reasons) == 0 && a.reason == "" && judge(about, a) != Unauthorized {
				t.Errorf("about %d: a bare 401 is %v", about, judge(about, a))
			}
		}
		withoutSecrets(a.message, &url.URL{Path: body, RawQuery: body})
	})
}

// FuzzReceipt reads answers to uploads: a token is one printable word and never a document.
func FuzzReceipt(f *testing.F) {
	for _, body := range []string{"CAIS6QIAKTW-a_b==\n", "", " ", html502, scopeBody, `{"code":3}`, `["x"]`, `"x"`, "two words", "\xff"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := request{op: "upload", about: aboutUpload, write: true}
		token, err := r.receipt(reply{status: http.StatusOK, header: http.Header{}, text: body})
		if (err == nil) != (token != "") {
			t.Fatalf("got %q and %v", string(token), err)
		}
		if err != nil && KindOf(err) == 0 {
			t.Errorf("no kind in %v", err)
		}
		var document map[string]any
		if json.Unmarshal([]byte(token), &document) == nil || len(token) > maxToken {
			t.Errorf("%q passes for a token", string(token))
		}
	})
}

// FuzzDecode reads items, albums and results: nothing is made up, and each asked item has one answer.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		photoJSON, albumJSON, `{}`, `null`, `{"newMediaItemResults":[{"uploadToken":"t1","mediaItem":{"id":"i"}}]}`,
		`{"newMediaItemResults":[{"uploadToken":"t2","status":{"code":6}},{}]}`, `{"error":{"code":429}}`, `{"mediaItemsCount":-1}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, got := request{op: "fuzz", write: true}, reply{status: http.StatusOK, text: body}
		var item Item
		if err := r.decode(got, &item); err == nil {
			if (item.ViewURL() == "") != (item.BaseURL == "") {
				t.Errorf("got %+v", item)
			}
		} else if KindOf(err) == 0 {
			t.Errorf("no kind in %v", err)
		}
		var album Album
		if err := r.decode(got, &album); err != nil && KindOf(err) == 0 {
			t.Errorf("no kind in %v", err)
		}
		var created results
		if r.decode(got, &created) != nil {
			return
		}
		items := []NewItem{{Token: "t1"}, {Token: "t2"}}
		all := created.match(r, items)
		if len(all) != len(items) {
			t.Fatalf("got %d results", len(all))
		}
		for i, one := range all {
			if one.Token != items[i].Token || (one.Err == nil) != (one.Item.ID != "") {
				t.Errorf("item %d: %+v", i, one)
			}
		}
	})
}
