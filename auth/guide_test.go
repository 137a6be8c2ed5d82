package auth

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestGuide compares docs/google.md with what the bridge itself says.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../docs/google.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(text)
	says := func(sentence string) {
		t.Helper()
		if !strings.Contains(guide, sentence) {
			t.Errorf("the guide does not say: %s", sentence)
		}
	}
	row := func(cells ...string) { says("| " + strings.Join(cells, " | ") + " |") }

	const local = "http://localhost:8099" + CallbackPath
	granted := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	says("> " + endReason(&record{Granted: granted, Renewed: granted.Add(6 * 24 * time.Hour)}, granted.Add(testingLife)))
	for _, wrong := range []string{"http://192.168.1.10:8099", "http://photos.example.org"} {
		says("`GPHOTOS_PUBLIC_URL=" + wrong + "`")
		e, ok := CheckRedirect(wrong + CallbackPath).(*Error) //nolint:errorlint // it is one
		if !ok {
			t.Fatalf("%s is taken", wrong)
		}
		says("> " + e.Message)
	}
	for _, right := range []string{local, "http://localhost:9000" + CallbackPath, "https://photos.example.org" + CallbackPath} {
		if err := CheckRedirect(right); err != nil {
			t.Error(err)
		}
		says("| `" + right + "` |")
	}
	for _, scope := range Scopes {
		if words, ok := features[scope]; ok {
			row("`"+scope+"`", words)
		} else {
			says("| `" + scope + "` | ")
		}
	}
	for _, code := range []string{
		"access_denied", "redirect_uri_mismatch", "invalid_client", "deleted_client", "org_internal", "admin_policy_enforced",
		"disallowed_useragent", "invalid_grant",
	} {
		row("`"+code+"`", explain(code, "", local, nil).Message)
	}
}
