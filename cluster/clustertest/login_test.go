package clustertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"gphotos2mqtt/cluster"
)

// Each way to log in leads into a server that asks for it, and only that one.
func TestLogins(t *testing.T) {
	seed, nkey := userKey(t)
	operator, creds := operatorMode(t)
	server, client, wrong := certificates(t)
	for name, tc := range map[string]struct {
		more  string
		login func(*cluster.Config)
	}{
		"user":        {"authorization { user: bridge, password: hush }", func(c *cluster.Config) { c.User, c.Password = "bridge", "hush" }},
		"token":       {"authorization { token: hush }", func(c *cluster.Config) { c.Token = "hush" }},
		"nkey":        {"authorization { users: [{nkey: " + nkey + "}] }", func(c *cluster.Config) { c.NKey = seed }},
		"credentials": {operator, func(c *cluster.Config) { c.Creds = creds }},
		"tls":         {server, func(c *cluster.Config) { c.TLS, c.Servers[0] = client, "tls"+c.Servers[0][len("nats"):] }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, 1, tc.more)
			cfg := config(t, s.URLs(), 1)
			tc.login(&cfg)
			must(t, connect(t, cfg).Try(t.Context()))
		})
	}
	t.Run("another authority", func(t *testing.T) {
		t.Parallel()
		cfg := config(t, Start(t, 1, server).URLs(), 1)
		cfg.TLS = wrong
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := cluster.Connect(ctx, cfg); err == nil {
			t.Error("connected")
		}
	})
}

func userKey(t *testing.T) (path, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	must(t, err)
	seed, err := pair.Seed()
	must(t, err)
	public, err = pair.PublicKey()
	must(t, err)
	path = filepath.Join(t.TempDir(), "nkey")
	must(t, os.WriteFile(path, seed, 0o600))
	must(t, cluster.CheckNKey(path))
	return path, public
}

// operatorMode is the configuration of a server whose accounts are signed by an operator, and the path of a user's credentials.
func operatorMode(t *testing.T) (config, creds string) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	must(t, err)
	account, err := nkeys.CreateAccount()
	must(t, err)
	user, err := nkeys.CreateUser()
	must(t, err)
	public := func(pair nkeys.KeyPair) string {
		key, err := pair.PublicKey()
		must(t, err)
		return key
	}
	claims := jwt.NewAccountClaims(public(account))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	accountJWT, err := claims.Encode(operator)
	must(t, err)
	system, err := nkeys.CreateAccount()
	must(t, err)
	systemJWT, err := jwt.NewAccountClaims(public(system)).Encode(operator)
	must(t, err)
	signer := jwt.NewOperatorClaims(public(operator))
	signer.SystemAccount = public(system)
	operatorJWT, err := signer.Encode(operator)
	must(t, err)
	userJWT, err := jwt.NewUserClaims(public(user)).Encode(account)
	must(t, err)
	seed, err := user.Seed()
	must(t, err)
	content, err := jwt.FormatUserConfig(userJWT, seed)
	must(t, err)
	creds = filepath.Join(t.TempDir(), "creds")
	must(t, os.WriteFile(creds, content, 0o600))
	must(t, cluster.CheckCreds(creds))
	return fmt.Sprintf("operator: %q\nresolver: MEMORY\nresolver_preload: { %s: %q, %s: %q }",
		operatorJWT, public(account), accountJWT, public(system), systemJWT), creds
}

// certificates are the configuration of a server that asks for a client certificate, and what a client needs for it; wrong trusts another.
func certificates(t *testing.T) (server string, client, wrong *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	now := time.Now()
	issue := func(name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
			KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if parent == nil {
			parent, by = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		must(t, err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		write := func(kind, suffix string, bytes []byte) {
			must(t, os.WriteFile(filepath.Join(dir, name+suffix), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600))
		}
		write("CERTIFICATE", ".pem", der)
		write("PRIVATE KEY", ".key", private)
		certificate, err := x509.ParseCertificate(der)
		must(t, err)
		return certificate, key
	}
	ca, caKey := issue("ca", nil, nil)
	issue("server", ca, caKey)
	issue("client", ca, caKey)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"))
	must(t, err)
	trust := x509.NewCertPool()
	trust.AddCert(ca)
	client = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trust, Certificates: []tls.Certificate{pair}}
	wrong = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), Certificates: client.Certificates}
	file := func(name string) string { return filepath.Join(dir, name) }
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", file("server.pem"), file("server.key"), file("ca.pem")), client, wrong
}
