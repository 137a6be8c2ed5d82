package browser_test

import (
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// An env is an environment whose secrets are known.
type env struct {
	*e2etest.Env
	secrets *secrets
}

// newEnv starts everything. The bridge's pages listen on an address, and public, if
// there is one, is where Google leads back to.
func newEnv(t *testing.T, pages, public string) *env {
	t.Helper()
	s := newSecrets()
	return &env{e2etest.New(t, e2etest.Config{
		Embedded: true, Pages: pages, PublicURL: public, Wrap: s.watch, Settings: []string{"GPHOTOS_LOG_LEVEL=debug"},
		Accounts: []photosim.Account{{ID: ada, Email: adaAddress, Name: "Ada Example"}, {ID: ben, Email: "ben@example.com", Name: "Ben Example"}},
	}), s}
}

// state waits until the newest E/state says this of the link.
func (e *env) state(status, email, problem string) {
	e.Helper()
	e.Until("the link to be "+status, func() bool {
		var state struct {
			Link struct {
				Status, Problem string
				Account         struct{ Email string }
			}
		}
		l := &state.Link
		return e.Last("gphotos/home/state", &state) && l.Status == status && l.Account.Email == email &&
			strings.Contains(l.Problem, problem) && (problem != "" || l.Problem == "")
	})
}

// upload publishes a path and waits for an answer of that status.
func (e *env) upload(path, status string) {
	e.Helper()
	e.Forget(e2etest.ResultTopic)
	e.Publish("gphotos/home/upload", []byte(path))
	e.answered(status)
}

// answered waits for one more answer of that status.
func (e *env) answered(status string) {
	e.Helper()
	e.Expect(e2etest.ResultTopic, status, func(payload []byte) bool {
		var r e2etest.Result
		return json.Unmarshal(payload, &r) == nil && r.Status == status
	})
}

// expireCode makes Google take the next code for one that is too old.
func (e *env) expireCode() {
	e.Helper()
	e2etest.Must(e, e.Google.Faults(photosim.Fault{
		Route: "oauth.token", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 400,
		Body: `{"error": "invalid_grant", "error_description": "Bad Request"}`,
	}))
}

// address is where a program says, at the start of a line, that something begins.
func address(t *testing.T, p *e2etest.Process, start string) string {
	t.Helper()
	text := p.Expect("^  (" + start + `\S+)$`)[1]
	if _, err := url.Parse(text); err != nil {
		t.Fatal(err)
	}
	return text
}

// otherHost is an address of this machine that is not localhost, so that a browser
// that uses it looks as if it were on another machine.
func otherHost(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	e2etest.Must(t, err)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address beside localhost")
	return ""
}
