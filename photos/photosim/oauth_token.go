package photosim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokenError is the flat error of the OAuth endpoints, which is not the envelope of the APIs.
type tokenError struct {
	code        int
	Kind        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (e *tokenError) Error() string { return e.Kind + ": " + e.Description }

func (e *tokenError) answer(bool) refusalAnswer {
	a := refusalAnswer{code: e.code, header: oauthHeader(), fields: e, bare: rpcStatus{rpcInvalidArgument, e.Error()}}
	if e.code == http.StatusUnauthorized {
		a.header.Set("Www-Authenticate", `Basic realm="https://accounts.google.com/"`)
	}
	return a
}

func (e *tokenError) as(code int) refusal { return &tokenError{code, e.Kind, e.Description} }

func badToken(kind, description string) *tokenError {
	return &tokenError{http.StatusBadRequest, kind, description}
}

func errInvalidGrant() *tokenError {
	return badToken("invalid_grant", "Token has been expired or revoked.")
}

// Refusals of a client, https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
func errClientUnknown() *tokenError {
	return &tokenError{http.StatusUnauthorized, "invalid_client", "The OAuth client was not found."}
}

func errWrongSecret() *tokenError {
	return &tokenError{http.StatusUnauthorized, "invalid_client", "Unauthorized"}
}

func errClientDeleted() *tokenError {
	return &tokenError{http.StatusUnauthorized, "deleted_client", "The OAuth client was deleted."}
}

// errClientDisabled is https://github.com/openpubkey/opkssh/issues/617
func errClientDisabled() *tokenError {
	return &tokenError{http.StatusUnauthorized, "disabled_client", "The OAuth client was disabled."}
}

// errWrongClient is a refresh token of another client.
func errWrongClient() *tokenError {
	return &tokenError{http.StatusUnauthorized, "unauthorized_client", "Unauthorized"}
}

// tokenAnswer is https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	TokenType    string `json:"token_type"`
	IDToken      string `json:"id_token,omitempty"`
}

// serveToken is the token endpoint: code exchange and refresh.
func (s *Server) serveToken(x *exchange) {
	if !s.pause(x.r.Context(), x.route) {
		abort()
	}
	form, err := oauthForm(x.r)
	var answer tokenAnswer
	if err == nil {
		answer, err = s.token(x.r, form)
	}
	x.writeOAuth(answer, err)
}

// writeOAuth sends an answer of the OAuth endpoints.
func (x *exchange) writeOAuth(v any, err error) {
	if err != nil {
		x.fail(err)
		return
	}
	maps.Copy(x.w.Header(), oauthHeader())
	x.sendJSON(http.StatusOK, v)
}

// oauthHeader forbids to keep the answer.
func oauthHeader() http.Header {
	return http.Header{"Cache-Control": {"no-cache, no-store, max-age=0, must-revalidate"}, "Pragma": {"no-cache"}}
}

// oauthForm reads a form post: parameters in the address do not count, and none may be given twice.
func oauthForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, &tokenError{http.StatusMethodNotAllowed, "invalid_request", "Only POST is allowed."}
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" {
		return nil, badToken("invalid_request", "Bad Request")
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, badToken("invalid_request", "Bad Request")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, badToken("invalid_request", "OAuth 2 parameters can only have a single value: "+bound(name))
		}
	}
	return form, nil
}

func (s *Server) token(r *http.Request, form url.Values) (tokenAnswer, error) {
	if form.Get("grant_type") == "" {
		return tokenAnswer{}, errMissing("grant_type")
	}
	c, err := s.authenticate(r, form)
	if err != nil {
		return tokenAnswer{}, err
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return s.exchangeCode(c, form)
	case "refresh_token":
		return s.refreshAccess(c, form)
	}
	return tokenAnswer{}, badToken("unsupported_grant_type", "Invalid grant_type: "+bound(form.Get("grant_type")))
}

func errMissing(name string) *tokenError {
	return badToken("invalid_request", "Missing required parameter: "+name)
}

// authenticate checks the client, by form fields or by HTTP Basic.
func (s *Server) authenticate(r *http.Request, form url.Values) (Client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		// RFC 6749, 2.3.1: both parts are form-encoded.
		if u, err := url.QueryUnescape(user); err == nil {
			user = u
		}
		if p, err := url.QueryUnescape(pass); err == nil {
			pass = p
		}
		id, secret = user, pass
	}
	if id == "" {
		return Client{}, badToken("invalid_request", "Could not determine client ID from request.")
	}
	c, ok := s.client(id)
	switch {
	case !ok:
		return Client{}, errClientUnknown()
	case c.Deleted:
		return Client{}, errClientDeleted()
	case c.Disabled:
		return Client{}, errClientDisabled()
	case secret == "":
		return Client{}, badToken("invalid_request", "client_secret is missing.")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) != 1:
		return Client{}, errWrongSecret()
	}
	return c, nil
}

// exchangeCode spends a code. A verifier that does not match spends it too.
func (s *Server) exchangeCode(c Client, form url.Values) (tokenAnswer, error) {
	for _, name := range []string{"code", "redirect_uri"} {
		if form.Get(name) == "" {
			return tokenAnswer{}, errMissing(name)
		}
	}
	if !strings.HasPrefix(form.Get("code"), "4/") {
		return tokenAnswer{}, badToken("invalid_grant", "Malformed auth code.")
	}
	s.mu.Lock()
	code, ok := s.grants.codes[form.Get("code")]
	switch {
	case !ok || code.used || code.client != c.ID || !time.Now().Before(code.expires):
		s.mu.Unlock()
		return tokenAnswer{}, badToken("invalid_grant", "Bad Request")
	case code.redirect != form.Get("redirect_uri"):
		s.mu.Unlock()
		return tokenAnswer{}, badToken("redirect_uri_mismatch", "Bad Request")
	}
	code.used = true
	if !code.verified(form.Get("code_verifier")) {
		s.mu.Unlock()
		return tokenAnswer{}, badToken("invalid_grant", "Invalid code verifier.")
	}
	answer := tokenAnswer{
		AccessToken: s.grants.addAccess(code.account, c, code.scopes, s.cfg.AccessTokenLife),
		ExpiresIn:   int(s.cfg.AccessTokenLife / time.Second), Scope: code.scopes.String(), TokenType: "Bearer",
	}
	if code.offline {
		answer.RefreshToken = s.grants.addRefresh(code.account, c, code.scopes)
	}
	s.mu.Unlock()
	if code.scopes.has(scopeOpenID) {
		var err error
		if answer.IDToken, err = s.idToken(code, answer.AccessToken); err != nil {
			return tokenAnswer{}, &tokenError{http.StatusInternalServerError, "server_error", err.Error()}
		}
	}
	return answer, nil
}

// verified checks PKCE, RFC 7636. SIM: a code without a challenge ignores the verifier.
func (c *authCode) verified(verifier string) bool {
	switch c.method {
	case "S256":
		sum := sha256.Sum256([]byte(verifier))
		return c.challenge == base64.RawURLEncoding.EncodeToString(sum[:])
	case "plain":
		return c.challenge == verifier
	}
	return true
}

// refreshAccess gives a new access token and no new refresh token.
func (s *Server) refreshAccess(c Client, form url.Values) (tokenAnswer, error) {
	if form.Get("refresh_token") == "" {
		return tokenAnswer{}, errMissing("refresh_token")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.grants.liveRefresh(form.Get("refresh_token"))
	if !ok {
		return tokenAnswer{}, errInvalidGrant()
	}
	if t.client != c.ID {
		return tokenAnswer{}, errWrongClient()
	}
	t.used = time.Now()
	return tokenAnswer{
		AccessToken: s.grants.addAccess(t.account, c, t.scopes, s.cfg.AccessTokenLife),
		ExpiresIn:   int(s.cfg.AccessTokenLife / time.Second), Scope: t.scopes.String(), TokenType: "Bearer",
	}, nil
}

// serveRevoke ends a grant; the token may be in the address or in the form, which may come in parts: rclone sends it so.
// https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (s *Server) serveRevoke(x *exchange) {
	if !s.pause(x.r.Context(), x.route) {
		abort()
	}
	token, err := x.r.URL.Query().Get("token"), error(nil)
	if x.r.Method != http.MethodPost {
		err = &tokenError{http.StatusMethodNotAllowed, "invalid_request", "Only POST is allowed."}
	} else if token == "" {
		token, err = tokenInForm(x.r)
	}
	switch {
	case err != nil:
	case token == "":
		err = errMissing("token")
	default:
		s.mu.Lock()
		if !s.grants.revoke(token) {
			err = badToken("invalid_token", "Token expired or revoked")
		}
		s.mu.Unlock()
	}
	x.writeOAuth(struct{}{}, err)
}

func tokenInForm(r *http.Request) (string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		form, err := oauthForm(r)
		return form.Get("token"), err
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return "", badToken("invalid_request", "Bad Request")
	}
	return url.Values(r.MultipartForm.Value).Get("token"), nil
}
