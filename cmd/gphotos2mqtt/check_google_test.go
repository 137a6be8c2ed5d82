package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// google stands in for the forms of Google's own answers that the simulator does not have: it leads to a page of errors whose address has
// the code in a message of unknown form, and its clock is its own.
func google(t *testing.T, code string, token string, clock time.Time) config.Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		to := "/v3/signin/identifier?continue=x"
		if code != "" {
			hidden := "\n" + string(rune(len(code))) + code + "\x12\x1fThe OAuth client was not found.\x20\x91\x03"
			to = "/signin/oauth/error?authError=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(hidden)))
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(token))
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", clock.UTC().Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return read(t, with(minimal, "GOOGLE_AUTH_URL="+s.URL+"/auth", "GOOGLE_TOKEN_URL="+s.URL+"/token", "GOOGLE_REVOKE_URL="+s.URL+"/revoke",
		"GOOGLE_USERINFO_URL="+s.URL+"/userinfo", "GOOGLE_LIBRARY_URL="+s.URL))
}

func TestCheckGoogle(t *testing.T) {
	const wrongCode = `{"error": "invalid_grant", "error_description": "Malformed auth code."}`
	for name, tt := range map[string]struct {
		code, token string
		ahead       time.Duration
		want        []string
	}{
		"well":           {"", wrongCode, 0, []string{"ok    clock         it is right", "ok    oauth client  Google knows it"}},
		"redirect":       {"redirect_uri_mismatch", wrongCode, 0, []string{"BAD   oauth client  Google does not know the redirect address"}},
		"client":         {"invalid_client", wrongCode, 0, []string{"BAD   oauth client  Google does not accept the client id"}},
		"deleted":        {"deleted_client", wrongCode, 0, []string{"BAD   oauth client  The OAuth client was deleted"}},
		"secret":         {"", `{"error": "invalid_client", "error_description": "Unauthorized"}`, 0, []string{"BAD   oauth client  Google does not accept the client secret"}},
		"clock is late":  {"", wrongCode, time.Hour, []string{"BAD   clock         it is wrong by 1h0m", "set it, or let it be set from the network (NTP)"}},
		"clock is early": {"", wrongCode, -24 * time.Hour, []string{"BAD   clock         it is wrong by 24h0m"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			k := &check{config: google(t, tt.code, tt.token, time.Now().Add(tt.ahead)), out: &out}
			k.google(t.Context())
			k.clients(t.Context())
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, &out)
				}
			}
			if bad := strings.Count(out.String(), lineBad); (bad > 0) == (name == "well") || strings.Contains(out.String(), "hush") {
				t.Errorf("%d are bad:\n%s", bad, &out)
			}
		})
	}
}
