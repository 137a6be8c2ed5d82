package photosim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUserInfo(t *testing.T) {
	m := newSim(t, Config{Accounts: []Account{{ID: "42", Name: "Ann von Berg", Email: "ann@corp.example", Domain: "corp.example"}}})
	picture := "https://lh3.googleusercontent.com/a/photosim=s96-c"
	tests := []struct {
		address, scopes string
		want            userInfo
	}{
		{m.target.UserInfoURL, "openid", userInfo{Sub: "42", Picture: picture, Domain: "corp.example"}},
		{m.target.UserInfoURL, "openid email", userInfo{Sub: "42", Picture: picture, Domain: "corp.example", Email: "ann@corp.example", EmailVerified: true}},
		{"https://www.googleapis.com/oauth2/v3/userinfo", "profile", userInfo{Sub: "42", Picture: picture, Domain: "corp.example", Name: "Ann von Berg", GivenName: "Ann", FamilyName: "von Berg"}},
		{"https://www.googleapis.com/oauth2/v2/userinfo", "email", userInfo{ID: "42", Picture: picture, Domain: "corp.example", Email: "ann@corp.example", VerifiedEmail: true}},
		{"https://www.googleapis.com/oauth2/v1/userinfo", "openid", userInfo{ID: "42", Picture: picture, Domain: "corp.example"}},
	}
	for _, tt := range tests {
		var got userInfo
		m.as(GrantRequest{Scopes: strings.Fields(tt.scopes)}).call("GET", tt.address, "").decode(t, &got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.address, tt.scopes, diff)
		}
	}
	photosOnly := m.as(GrantRequest{Scopes: []string{scopeAppend, scopeRead, scopeEdit}})
	checkError(t, photosOnly.call("GET", m.target.UserInfoURL, ""), 403, "PERMISSION_DENIED", "insufficient authentication scopes")
	checkError(t, m.call("GET", m.target.UserInfoURL, "", "Authorization", ""), 401, "UNAUTHENTICATED", "missing")
	if r := m.call("DELETE", m.target.UserInfoURL, ""); r.status != 405 {
		t.Errorf("DELETE: %d", r.status)
	}
}

// TestIDToken checks the signature with the published key, as a client would.
func TestIDToken(t *testing.T) {
	m := newSim(t, Config{})
	var answer tokenAnswer
	m.exchange("grant_type", "authorization_code", "redirect_uri", callback, "code", m.code("nonce", "n-1", "prompt", "consent")).decode(t, &answer)
	parts := strings.Split(answer.IDToken, ".")
	raw := make([][]byte, len(parts))
	for n, p := range parts {
		var err error
		if raw[n], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			t.Fatal(err)
		}
	}
	var discovery struct {
		Certs string `json:"jwks_uri"`
	}
	m.call("GET", "https://accounts.google.com/.well-known/openid-configuration", "").decode(t, &discovery)
	var certs struct {
		Keys []struct{ N, E string }
	}
	m.call("GET", discovery.Certs, "").decode(t, &certs)
	number := func(text string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	key := &rsa.PublicKey{N: number(certs.Keys[0].N), E: int(number(certs.Keys[0].E).Int64())}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw[2]); err != nil {
		t.Error(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw[1], &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"iss": issuer, "aud": DefaultClientID, "azp": DefaultClientID, "sub": DefaultAccountID, "email": DefaultAccountEmail, "nonce": "n-1",
	} {
		if claims[name] != want {
			t.Errorf("%s: %v, want %v", name, claims[name], want)
		}
	}
	if claims["exp"].(float64)-claims["iat"].(float64) != 3600 {
		t.Errorf("claims %v", claims)
	}
}
