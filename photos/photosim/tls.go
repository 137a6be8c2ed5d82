package photosim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"time"
)

// CA is a certificate authority that lives in memory and has issued one server certificate. Its own key is thrown away as soon as
// that is done, so trusting its certificate cannot be abused to pretend to be anybody else; name constraints say the same.
type CA struct {
	cert   *x509.Certificate
	server tls.Certificate
}

// NewCA issues a certificate for the given host names and IP addresses; none means Google's hosts, localhost, 127.0.0.1 and ::1.
// It is valid for a year from an hour ago.
func NewCA(hosts ...string) (*CA, error) { return NewCAFrom(time.Now().Add(-time.Hour), hosts...) }

// NewCAFrom is NewCA with certificates that are valid for a year from a time: one that is to come makes any client see what a
// clock sees that is behind.
func NewCAFrom(from time.Time, hosts ...string) (*CA, error) {
	if len(hosts) == 0 {
		hosts = append(Hosts(), "localhost", "127.0.0.1", "::1")
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make ca key: %w", err)
	}
	root := certificate(1, "photosim CA", from)
	root.IsCA, root.BasicConstraintsValid = true, true
	root.MaxPathLenZero = true
	root.KeyUsage = x509.KeyUsageCertSign
	leaf := certificate(2, hosts[0], from)
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	root.PermittedDNSDomainsCritical = true
	for _, h := range hosts {
		if ip, err := netip.ParseAddr(h); err == nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip.AsSlice())
			bits := ip.BitLen()
			root.PermittedIPRanges = append(root.PermittedIPRanges, &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(bits, bits)})
		} else {
			leaf.DNSNames = append(leaf.DNSNames, h)
			root.PermittedDNSDomains = append(root.PermittedDNSDomains, h)
		}
	}
	ca, err := sign(root, root, caKey, caKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	cert, err := sign(leaf, ca, key, caKey)
	if err != nil {
		return nil, err
	}
	return &CA{cert: ca, server: tls.Certificate{Certificate: [][]byte{cert.Raw, ca.Raw}, PrivateKey: key, Leaf: cert}}, nil
}

func certificate(serial int64, name string, from time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano() + serial), Subject: pkix.Name{CommonName: name, Organization: []string{"photosim"}},
		NotBefore: from, NotAfter: from.AddDate(1, 0, 0),
	}
}

func sign(t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	raw, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(raw)
}

// PEM is the CA's certificate in the form of a CA file.
func (c *CA) PEM() []byte {
	var buf bytes.Buffer
	_ = pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}) // a buffer takes everything
	return buf.Bytes()
}

// Pool trusts the CA alone.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

// ServerConfig serves the certificate with TLS 1.2 and up, and HTTP/2.
func (c *CA) ServerConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.server}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
}

// WriteFile writes the certificate to dir/ca.pem, making dir when needed. A reader never sees half a file.
func (c *CA) WriteFile(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the certificate is for everybody
		return fmt.Errorf("write ca: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write ca: %w", err)
	}
	err = root.WriteFile("ca.pem.new", c.PEM(), 0o644)
	if err == nil {
		err = root.Rename("ca.pem.new", "ca.pem")
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return fmt.Errorf("write ca: %w", err)
	}
	return nil
}
