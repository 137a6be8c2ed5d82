package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for tests.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority writes its own certificate to ca.pem.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "ca"}}
	a.cert, a.key = a.issue(t, "ca", template)
	return a
}

// issue writes name.pem and name.key.
func (a *authority) issue(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", "CERTIFICATE", der)
	a.write(t, name+".key", "PRIVATE KEY", private)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// echo proves that a connection carries messages both ways.
func echo(t *testing.T, cfg Config) {
	t.Helper()
	in := make(chan string, 1)
	cfg.Subscriptions = []Subscription{{Filter: "t/echo", QoS: 1}}
	cfg.Handle = func(_ context.Context, d Delivery) {
		d.Ack()
		in <- string(d.Payload)
	}
	c := start(t, cfg)
	c.online(t)
	large := strings.Repeat("x", 20_000)
	if err := c.Send(t.Context(), "t/echo", []byte(large)); err != nil {
		t.Fatal(err)
	}
	if receiveFrom(t, "the message", in) != large {
		t.Error("the message came back changed")
	}
}

func TestTransports(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue(t, "server", &x509.Certificate{DNSNames: []string{"broker.home"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	a.issue(t, "client", &x509.Certificate{Subject: pkix.Name{CommonName: "bridge"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	secure := []string{"cafile " + a.file("ca.pem"), "certfile " + a.file("server.pem"), "keyfile " + a.file("server.key")}
	web := []string{"protocol websockets", "socket_domain ipv4"}
	ws, wss, mqtts, mutual := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	socket := filepath.Join(t.TempDir(), "broker.sock")
	var lines []string
	lines = append(append(lines, listener(ws)), web...)
	lines = append(append(append(lines, listener(wss)), web...), secure...)
	lines = append(append(lines, listener(mqtts)), secure...)
	lines = append(append(append(lines, listener(mutual)), secure...), "require_certificate true")
	startMosquitto(t, append(lines, "listener 0 "+socket)...)
	trust, err := TLSFiles{CA: a.file("ca.pem")}.Config()
	if err != nil {
		t.Fatal(err)
	}
	known, err := TLSFiles{CA: a.file("ca.pem"), Certificate: a.file("client.pem"), Key: a.file("client.key")}.Config()
	if err != nil {
		t.Fatal(err)
	}
	known.ServerName = "broker.home"
	for name, cfg := range map[string]Config{
		"websocket":          {URL: "ws://" + ws + "/mqtt"},
		"secure websocket":   {URL: "wss://" + wss, TLS: trust},
		"tls":                {URL: "mqtts://" + mqtts, TLS: trust},
		"client certificate": {URL: "mqtts://" + mutual, TLS: known},
		"unix socket":        {URL: "unix://" + socket},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.ClientID = name
			echo(t, cfg)
		})
	}
	for name, cfg := range map[string]Config{
		"no client certificate": {URL: "mqtts://" + mutual, TLS: trust},
		"unknown authority":     {URL: "mqtts://" + mqtts},
		"other name":            {URL: "mqtts://" + mqtts, TLS: &tls.Config{RootCAs: trust.RootCAs, ServerName: "elsewhere", MinVersion: tls.VersionTLS12}},
		"websocket authority":   {URL: "wss://" + wss},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.ClientID = name
			c := start(t, cfg)
			eventually(t, "the reason", func() bool {
				return strings.HasPrefix(c.State().Reason, "no trusted TLS connection to the broker at ")
			})
		})
	}
}

func TestTLSFilesErrors(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		files TLSFiles
		want  string
	}{
		{TLSFiles{CA: "/nowhere"}, "certificate authorities: open /nowhere"},
		{TLSFiles{CA: text}, "holds no certificate in PEM form"},
		{TLSFiles{Certificate: a.file("ca.pem")}, "needs both"},
		{TLSFiles{Key: a.file("ca.key")}, "needs both"},
		{TLSFiles{Certificate: a.file("ca.pem"), Key: text}, "client certificate " + a.file("ca.pem") + " with key " + text},
	} {
		if _, err := test.files.Config(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.files, err, test.want)
		}
	}
	if cfg, err := (TLSFiles{}).Config(); err != nil || cfg.MinVersion != tls.VersionTLS12 || cfg.RootCAs != nil {
		t.Errorf("no files: %+v, %v", cfg, err)
	}
}

func TestBrokenTLS(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		io.EOF:                              false,
		&net.OpError{Op: "dial"}:            false,
		&net.OpError{Op: "remote error"}:    true,
		&tls.CertificateVerificationError{}: true,
	} {
		if got := brokenTLS(errors.Join(err)); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	if !brokenTLS(tls.RecordHeaderError{}) {
		t.Error("an answer without TLS is not seen as such")
	}
}
