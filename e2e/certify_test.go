package e2e_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// certify writes ca.pem, and broker.pem and client.pem that it has signed, with
// their keys in broker.key and client.key.
func (e *env) certify(ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("the argument is DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ca := certificate("ca")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	key := writeCertificate(ts, dir, ca, ca, nil)
	for _, name := range []string{"broker", "client"} {
		writeCertificate(ts, dir, certificate(name), ca, key)
	}
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// writeCertificate makes a key for the certificate and returns it; without a key
// of the signer the certificate signs itself.
func writeCertificate(ts *testscript.TestScript, dir string, c, signer *x509.Certificate, signerKey crypto.Signer) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	if signerKey == nil {
		signerKey = key
	}
	signed, err := x509.CreateCertificate(rand.Reader, c, signer, key.Public(), signerKey)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for ending, block := range map[string]*pem.Block{
		".pem": {Type: "CERTIFICATE", Bytes: signed}, ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		ts.Check(os.WriteFile(filepath.Join(dir, c.Subject.CommonName+ending), pem.EncodeToMemory(block), 0o600))
	}
	return key
}
