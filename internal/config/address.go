package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// CheckAddress reports what is wrong with an address to listen on, as host:port.
func CheckAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("want host:port, such as 127.0.0.1:8080")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("port %q: want 0 to 65535", port)
	}
	return nil
}

// Loopback reports whether an address, as host:port, can be reached from this machine only.
// Names other than localhost are taken to be reachable from elsewhere.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
