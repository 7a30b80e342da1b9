package httpd

import (
	"crypto/tls"
	"fmt"
)

// A Certificate is what a server speaks TLS with.
type Certificate struct{ pair tls.Certificate }

// LoadCertificate reads a certificate chain and its key from files in PEM.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the TLS certificate %s with the key %s: %w", certFile, keyFile, err)
	}
	return &Certificate{pair}, nil
}

func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c.pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
}
