package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// clientTLS returns how connections to another service are encrypted, from files in PEM: ca are certificates to
// trust instead of the system's, cert and key are our own. Empty names leave their part out. Errors
// name the settings, which begin with prefix.
func clientTLS(prefix, ca, cert, key string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, usage("%s_ca: %w", prefix, err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usage("%s_ca: there is no certificate in %s", prefix, ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, usage("%s_cert: %w", prefix, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
