package photosim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// consentError is a refusal that the person sees and the app does not: a page, never a redirect.
type consentError struct {
	kind string // the code that Google shows
	text string
}

func (e *consentError) Error() string { return e.kind + ": " + e.text }

// authRequest is a checked authorization request,
// https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
type authRequest struct {
	client         Client
	redirect       *url.URL
	scopes         scopeSet
	state          string
	offline        bool
	includeGranted bool
	hint           string // id of the hinted account; empty when none or unknown
	none           bool   // prompt=none
	consent        bool   // prompt=consent
	selectAccount  bool   // prompt=select_account
	challenge      string
	method         string
	nonce          string
}

// serveConsent shows the consent page (GET) and takes its form (POST).
func (s *Server) serveConsent(x *exchange) {
	if !s.pause(x.r.Context(), x.route) {
		abort()
	}
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodPost && x.r.Method != http.MethodHead {
		writeHTML(x.w, http.StatusMethodNotAllowed, "Error 405 (Method Not Allowed)!!1", "The request method is inappropriate for this address.")
		return
	}
	req, err := s.readAuthRequest(x.r)
	if err == nil {
		if x.r.Method == http.MethodPost {
			err = s.decide(x, req)
		} else {
			s.ask(x, req)
		}
	}
	if err != nil {
		writeConsentError(x.w, err)
	}
}

// oneValue are the parameters that must not be given twice.
var oneValue = []string{
	"client_id", "redirect_uri", "response_type", "scope", "access_type", "state", "include_granted_scopes", "login_hint", "prompt",
	"code_challenge", "code_challenge_method", "nonce",
}

// challengeForm is RFC 7636, 4.2.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// readAuthRequest checks the parameters in the address, which are the same for the page and for its form.
func (s *Server) readAuthRequest(r *http.Request) (*authRequest, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("The address is malformed.")
	}
	for _, name := range oneValue {
		if len(q[name]) > 1 {
			return nil, badRequest("OAuth 2 parameters can only have a single value: " + name)
		}
	}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope"} {
		if strings.TrimSpace(q.Get(name)) == "" {
			return nil, badRequest("Missing required parameter: " + name)
		}
	}
	req := &authRequest{state: q.Get("state"), nonce: q.Get("nonce"), scopes: parseScopes(q.Get("scope"))}
	if req.client, err = s.checkClient(q, r.UserAgent()); err != nil {
		return nil, err
	}
	if req.redirect, err = url.Parse(q.Get("redirect_uri")); err != nil {
		return nil, badRequest("Invalid parameter value for redirect_uri.")
	}
	if unknown := req.scopes.unknown(); unknown != "" {
		return nil, &consentError{"invalid_scope", "Some requested scopes were invalid: " + bound(unknown)}
	}
	if a, ok := s.account(q.Get("login_hint")); ok && q.Get("login_hint") != "" {
		req.hint = a.ID
	}
	if err := req.readChoices(q); err != nil {
		return nil, err
	}
	return req, req.readChallenge(q)
}

func badRequest(text string) *consentError { return &consentError{"invalid_request", text} }

// checkClient finds the client and looks whether the redirect URI is one of its.
func (s *Server) checkClient(q url.Values, userAgent string) (Client, error) {
	c, ok := s.client(q.Get("client_id"))
	switch {
	case !ok:
		return Client{}, &consentError{"invalid_client", "The OAuth client was not found."}
	case c.Deleted:
		return Client{}, &consentError{"deleted_client", "The OAuth client was deleted."}
	case c.Disabled:
		return Client{}, &consentError{"disabled_client", "The OAuth client was disabled."}
	case !c.takes(q.Get("redirect_uri")):
		return Client{}, &consentError{
			"redirect_uri_mismatch",
			"The redirect URI in the request does not match one that is registered for the OAuth client: " + bound(q.Get("redirect_uri")),
		}
	case strings.Contains(userAgent, "; wv)"):
		return Client{}, &consentError{"disallowed_useragent", "Embedded browsers must not be used to sign in."}
	case q.Get("response_type") != "code":
		return Client{}, badRequest("Invalid response_type: " + bound(q.Get("response_type")))
	}
	return c, nil
}

func (req *authRequest) readChoices(q url.Values) error {
	switch q.Get("access_type") {
	case "", "online":
	case "offline":
		req.offline = true
	default:
		return badRequest("Invalid parameter value for access_type: " + bound(q.Get("access_type")))
	}
	switch q.Get("include_granted_scopes") {
	case "", "false":
	case "true":
		req.includeGranted = true
	default:
		return badRequest("Invalid parameter value for include_granted_scopes: " + bound(q.Get("include_granted_scopes")))
	}
	prompts := strings.Fields(q.Get("prompt"))
	for _, p := range prompts {
		switch p {
		case "none":
			req.none = true
		case "consent":
			req.consent = true
		case "select_account":
			req.selectAccount = true
		default:
			return badRequest("Invalid parameter value for prompt: " + bound(p))
		}
	}
	if req.none && len(prompts) > 1 {
		return badRequest("Invalid parameter value for prompt: none must be alone.")
	}
	return nil
}

// readChallenge reads PKCE; a challenge without a method is plain.
func (req *authRequest) readChallenge(q url.Values) error {
	req.challenge, req.method = q.Get("code_challenge"), q.Get("code_challenge_method")
	switch {
	case req.challenge == "" && req.method == "":
		return nil
	case req.challenge == "":
		return badRequest("Missing required parameter: code_challenge")
	case req.method == "":
		req.method = "plain"
	case req.method != "plain" && req.method != "S256":
		return badRequest("Invalid parameter value for code_challenge_method: " + bound(req.method))
	}
	if !challengeForm.MatchString(req.challenge) || req.method == "S256" && len(req.challenge) != 43 {
		return badRequest("Invalid parameter value for code_challenge.")
	}
	return nil
}

// ask shows the page, unless the person need not be asked or must not be.
func (s *Server) ask(x *exchange, req *authRequest) {
	account := req.hint
	if account == "" && len(s.cfg.Accounts) == 1 {
		account = s.cfg.Accounts[0].ID
	}
	asked := req.consent || req.selectAccount
	if account != "" && !asked && s.hasConsent(account, req) {
		s.redirect(x, req, account, req.scopes, false)
		return
	}
	if req.none {
		req.sendBack(x, url.Values{"error": {"interaction_required"}})
		return
	}
	s.showConsent(x, req)
}

func (s *Server) hasConsent(account string, req *authRequest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grants.consents[consent{account, req.client.Project}].covers(req.scopes)
}

// decide takes the form: which account, which boxes are ticked, allow or deny.
func (s *Server) decide(x *exchange, req *authRequest) error {
	body, err := readBody(x.r)
	if err != nil {
		return badRequest("The form could not be read.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return badRequest("The form is malformed.")
	}
	switch form.Get("decision") {
	case "deny":
		req.sendBack(x, url.Values{"error": {"access_denied"}})
		return nil
	case "allow":
	default:
		return badRequest("The form says neither allow nor deny.")
	}
	a, ok := s.account(form.Get("account"))
	ticked := newScopes(form["scope"]...)
	switch {
	case !ok:
		return badRequest("Unknown account.")
	case !req.scopes.covers(ticked):
		return badRequest("The form ticks a scope that was not asked for.")
	case req.client.Organization != "" && req.client.Organization != a.Domain:
		return &consentError{"org_internal", "This app can only be used within its organization."}
	case len(newScopes(a.BlockedScopes...).intersect(req.scopes)) > 0:
		return &consentError{"admin_policy_enforced", "The administrator of " + a.Domain + " does not allow this app these scopes."}
	}
	for _, name := range req.scopes {
		if signIn(name) { // comes with signing in; there is no box for it
			ticked = ticked.union(scopeSet{name})
		}
	}
	if len(ticked) == 0 {
		req.sendBack(x, url.Values{"error": {"access_denied"}})
		return nil
	}
	s.redirect(x, req, a.ID, ticked, req.consent || !s.hasConsent(a.ID, req))
	return nil
}

// redirect hands a code to the app. consented says whether the person was asked in this round: only then does a refresh token
// come with it.
func (s *Server) redirect(x *exchange, req *authRequest, account string, scopes scopeSet, consented bool) {
	key := consent{account, req.client.Project}
	s.mu.Lock()
	s.grants.consents[key] = s.grants.consents[key].union(scopes)
	if req.includeGranted && !req.client.Desktop { // which have no incremental authorization
		scopes = s.grants.consents[key]
	}
	code := s.grants.addCode(&authCode{
		account: account, client: req.client.ID, redirect: x.r.URL.Query().Get("redirect_uri"), scopes: scopes,
		offline: req.offline && consented || req.client.Desktop, challenge: req.challenge, method: req.method, nonce: req.nonce,
		expires: time.Now().Add(codeLife),
	})
	s.mu.Unlock()
	n := slices.IndexFunc(s.cfg.Accounts, func(a Account) bool { return a.ID == account })
	back := url.Values{"code": {code}, "scope": {scopes.String()}, "authuser": {strconv.Itoa(n)}, "prompt": {"none"}, "iss": {issuer}}
	if consented {
		back.Set("prompt", "consent")
	}
	if d := s.cfg.Accounts[n].Domain; d != "" {
		back.Set("hd", d)
	}
	req.sendBack(x, back)
}

// sendBack goes to the redirect URI, which keeps its own query, with the state unchanged.
func (req *authRequest) sendBack(x *exchange, values url.Values) {
	if req.state != "" {
		values.Set("state", req.state)
	}
	to := *req.redirect
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += values.Encode()
	x.w.Header().Set("Location", to.String())
	x.w.Header().Set("Cache-Control", "no-store")
	write(x.w, http.StatusSeeOther, "", nil)
}

// writeConsentError shows why the person cannot go on. SIM: always a 400.
func writeConsentError(w http.ResponseWriter, err error) {
	kind, text := "invalid_request", err.Error()
	if e, ok := errors.AsType[*consentError](err); ok {
		kind, text = e.kind, e.text
	}
	writeHTML(w, http.StatusBadRequest, "Access blocked: authorization error", fmt.Sprintf("Error 400: %s. %s", kind, text))
}
