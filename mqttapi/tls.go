package mqttapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// TLSFiles names what a TLS connection to a broker needs beyond the system's
// certificate authorities. The zero value needs nothing.
type TLSFiles struct {
	CA          string // PEM file with the authorities to trust in place of the system's
	Certificate string // PEM file with the client's certificate and its chain; needs Key
	Key         string // PEM file with the client's private key, not encrypted
	ServerName  string // name the broker's certificate must be for; default the host of its address
}

// Config reads the files. TLS is at least 1.2, as RFC 8996 asks. The error names
// the file that is wrong and what is wrong with it.
func (f TLSFiles) Config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities of the broker: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities of the broker: %s holds no certificate in PEM form", f.CA)
		}
	}
	switch {
	case f.Certificate != "" && f.Key != "":
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", f.Certificate, f.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	case f.Certificate != "" || f.Key != "":
		return nil, errors.New("a client certificate for the broker needs both its file and the file of its key")
	}
	return cfg, nil
}

// brokenTLS tells a failed handshake from other errors. Alerts of the other
// side, a missing client certificate for one, are known by their operation alone.
func brokenTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "remote error" || op.Op == "local error")
}
