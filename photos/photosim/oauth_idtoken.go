package photosim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// The primes of the key that signs id tokens, in base 62. They are no secret and protect nothing: making a key anew takes half a
// second, which every server in every test would pay.
const (
	idKeyName = "photosim"
	primeP    = "LJV9ROM8pG5k3uvFGMiJgC8vJdE9Agv4LpmeNFFOrxgtvANOVMkbc6dm07aLSSQiNX2DpLAXl1zgx1gq79idhmE5swl31ZQnanBs" +
		"erkshvmt27KjHEFjPdaQ8mSdc9cIqcixWwV6aeghmmgShWy3vAFd71zjguidW3uYjzIzJGoZ"
	primeQ = "HKV0lP77d2nBfe6i4iqeJxKbncVb4kcPFXmPlHqW4gosTdrfgYsBrezKdYJ1zAJJ9gNrCMIHiEkvffAK8nbevPQptmlKavpKC2xR" +
		"lCIXkEIZU1TKJIZCQAuFJocnChIUoDWKJpc5jmc2mprLQEAAZ24VGYrkHA8RLITciIfiZI1R"
)

// idKey puts the key together.
func idKey() *rsa.PrivateKey {
	one, e := big.NewInt(1), big.NewInt(65537)
	p, _ := new(big.Int).SetString(primeP, 62)
	q, _ := new(big.Int).SetString(primeQ, 62)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(e.Int64())},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	return key
}

// idToken makes the signed statement of who signed in,
// https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
func (s *Server) idToken(c *authCode, access string) (string, error) {
	a, _ := s.account(c.account)
	now := time.Now()
	half := sha256.Sum256([]byte(access))
	claims := struct {
		Issuer   string `json:"iss"`
		Client   string `json:"azp"`
		Audience string `json:"aud"`
		userInfo
		AccessHash string `json:"at_hash"`
		Nonce      string `json:"nonce,omitempty"`
		Issued     int64  `json:"iat"`
		Expires    int64  `json:"exp"`
	}{
		issuer, c.client, c.client, a.info(c.scopes, false), base64.RawURLEncoding.EncodeToString(half[:16]), c.nonce,
		now.Unix(), now.Add(time.Hour).Unix(),
	}
	head, err := json.Marshal(map[string]string{"alg": "RS256", "kid": idKeyName, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, idKey(), crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign id token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// serveCerts publishes the key of the id tokens as a JSON Web Key Set.
func (s *Server) serveCerts(x *exchange) {
	key := idKey()
	x.sendJSON(http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": idKeyName,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
}
