package cassandrastore

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"parlance/internal/certtest"
)

// In TLS 1.3 a client is done with the handshake before the server has looked at its certificate. Whatever then becomes of
// the server's alert, the error names the client certificate.
func TestRefusedClientCertificateIsNamed(t *testing.T) {
	cert, key, err := certtest.SelfSigned(t.TempDir(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	refusals := map[string]func(*net.TCPConn){
		"the alert comes":            func(c *net.TCPConn) { c.CloseWrite() },
		"a reset overtakes it":       func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"nothing is ever heard":      func(*net.TCPConn) {},
		"the connection just closes": func(c *net.TCPConn) { c.Close() },
	}
	for name, refuse := range refusals {
		for _, own := range []string{"none", "a client certificate"} {
			t.Run(name+", own "+own, func(t *testing.T) {
				t.Parallel()
				c := config([]string{refusing(t, pair, refuse)}, "refused")
				c.Timeout = time.Second
				c.TLS = &tls.Config{InsecureSkipVerify: true}
				want := "without a client certificate"
				if own != "none" {
					c.TLS.Certificates = []tls.Certificate{pair}
					want = "our client certificate"
				}
				_, err := Open(t.Context(), c)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %v, want one that says %q", err, want)
				}
			})
		}
	}
}

// refusing starts a server that ends the handshake and then treats each connection as refuse does. It returns its address.
func refusing(t *testing.T, pair tls.Certificate, refuse func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert})
				if s.Handshake() == nil {
					refuse(c.(*net.TCPConn))
				}
			}()
		}
	}()
	return l.Addr().String()
}
