package photosim

import (
	"net/http"
	"strings"
)

// issuer names Google in id tokens and redirects.
const issuer = "https://accounts.google.com"

// userInfo is https://developers.google.com/identity/openid-connect/openid-connect#obtaininguserprofileinformation, with the
// keys of the older versions 1 and 2 of the address.
type userInfo struct {
	Sub           string `json:"sub,omitempty"`
	ID            string `json:"id,omitempty"`
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Picture       string `json:"picture,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	VerifiedEmail bool   `json:"verified_email,omitempty"`
	Domain        string `json:"hd,omitempty"`
}

// serveUserInfo names the account of an access token. The Photos scopes alone do not open it.
func (s *Server) serveUserInfo(x *exchange) {
	if !s.pause(x.r.Context(), x.route) {
		abort()
	}
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodPost {
		writeHTML(x.w, http.StatusMethodNotAllowed, "Error 405 (Method Not Allowed)!!1", "The request method is inappropriate for this address.")
		return
	}
	t, err := s.bearer(x.r)
	if err == nil && !t.scopes.hasAny([]string{scopeOpenID, scopeEmail, scopeProfile}) {
		err = errScopes()
	}
	if err != nil {
		x.fail(err)
		return
	}
	a, _ := s.account(t.account)
	older := strings.Contains(x.place.path, "/v1/") || strings.Contains(x.place.path, "/v2/")
	older = older && x.place.service == www
	x.sendJSON(http.StatusOK, a.info(t.scopes, older))
}

func (a Account) info(scopes scopeSet, older bool) userInfo {
	info := userInfo{Domain: a.Domain, Picture: "https://lh3.googleusercontent.com/a/photosim=s96-c"}
	if older {
		info.ID = a.ID
	} else {
		info.Sub = a.ID
	}
	if scopes.has(scopeProfile) {
		info.Name = a.Name
		info.GivenName, info.FamilyName, _ = strings.Cut(a.Name, " ")
	}
	if scopes.has(scopeEmail) {
		info.Email, info.EmailVerified, info.VerifiedEmail = a.Email, !older, older
	}
	return info
}

// serveDiscovery is the OpenID discovery document with this server's addresses.
func (s *Server) serveDiscovery(x *exchange) {
	p := x.place
	x.sendJSON(http.StatusOK, map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         p.url(accounts) + "/o/oauth2/v2/auth",
		"token_endpoint":                                 p.url(oauth2) + "/token",
		"revocation_endpoint":                            p.url(oauth2) + "/revoke",
		"userinfo_endpoint":                              p.url(openid) + "/v1/userinfo",
		"jwks_uri":                                       p.url(www) + "/oauth2/v3/certs",
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"scopes_supported":                               []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_post", "client_secret_basic"},
		"code_challenge_methods_supported":               []string{"plain", "S256"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"authorization_response_iss_parameter_supported": true,
	})
}
