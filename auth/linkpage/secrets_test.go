package linkpage

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
)

// No page and no report shows a secret, with a Google that repeats in its errors all it has ever heard.
func TestNoPageShowsASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		e := newEnv(t)
		reports := 0
		e.report = func(entry string, err error) {
			reports++
			fmt.Fprintf(&text, "%s: %v\n%+v\n%#v\n", entry, err, err, err)
		}
		e.restart()
		show := func(address string) {
			w := e.get(address)
			fmt.Fprintf(&text, "%v\n%s\n", w.Header(), w.Body)
		}
		gossip := func(kind string, status int, code string) {
			e.answer(kind, status, fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, strings.Join(e.allSecrets(), " ")))
		}
		for _, code := range append(consentCodes, "odd") {
			gossip("token", 400, code)
			show(e.allow(e.consentPage(), sam))
			time.Sleep(time.Minute) // no visitor in haste
		}
		gossip("token", 500, "oops")
		show(e.allow(e.consentPage(), sam))
		gossip("v1/userinfo", 403, "oops")
		show(e.allow(e.consentPage(), sam))
		e.mu.Lock()
		clear(e.answers)
		e.mu.Unlock()
		failed := reports

		back := e.allow(e.consentPage(), sam)
		show(back)
		show(strings.Replace(back, "state=", "state=x", 1))
		if reports != failed || e.link.State().Status != auth.Linked {
			t.Errorf("%d reports of what went well or is of no entry", reports-failed)
		}
		show(back)
		show(e.allow(e.consentPage(), mara))
		if reports != failed+2 {
			t.Errorf("%d reports, want two more than %d", reports, failed)
		}

		secrets := e.allSecrets()
		for _, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret))} {
				if at := strings.Index(text.String(), form); secret != "" && at >= 0 {
					t.Errorf("%.12s… is shown in …%s…", secret, text.String()[max(0, at-200):at])
				}
			}
		}
		if len(secrets) < 50 || text.Len() < 10000 {
			t.Errorf("%d secrets in %d bytes: the run was not whole", len(secrets), text.Len())
		}
	})
}
