package files

import (
	"net/netip"
	"net/url"
	"strings"

	"parlance"
)

// reserved are the networks besides those that package netip knows by name where nobody's files are: addresses of carriers,
// documentation, tests and other uses of their own.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by a carrier's customers
	netip.MustParsePrefix("192.0.0.0/24"),    // protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("64:ff9b:1::/48"),  // translated to a network's own IPv4
	netip.MustParsePrefix("100::/64"),        // discarded
	netip.MustParsePrefix("2001::/23"),       // protocols, Teredo among them, which embeds IPv4
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("3fff::/20"),       // documentation
	netip.MustParsePrefix("5f00::/16"),       // segment routing
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

// Prefixes of IPv6 addresses that stand for an IPv4 address.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // in the last four bytes
	sixTo4 = netip.MustParsePrefix("2002::/16")    // in the four bytes behind it
)

// public reports whether an address is one that anybody on the internet may ask: none of a machine itself, of a private or
// link-local network, of a carrier's inside, of many, of nobody, or reserved; in IPv6's clothes neither.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if b := a.As16(); a.Is6() {
		switch {
		case nat64.Contains(a):
			return public(netip.AddrFrom4([4]byte(b[12:16])))
		case sixTo4.Contains(a):
			return public(netip.AddrFrom4([4]byte(b[2:6])))
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" { // the first leaves loopback, link-local, multicast, unspecified out
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// parseAddress reads a file's address. One that begins with a slash is below base, if there is one.
func parseAddress(address string, base *url.URL) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, refused("the address can't be read") // err would show it whole
	}
	if base != nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		u = base.ResolveReference(u)
	}
	return u, checkURL(u)
}

// checkURL returns why u is never asked.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refused("only http and https addresses are fetched, not %s", shown(u.Scheme))
	case u.Hostname() == "":
		return refused("the address names no host")
	case u.User != nil:
		return refused("the address holds a user")
	}
	return nil
}

// refused is the error of what is not tried.
func refused(format string, args ...any) error {
	return parlance.Errorf(parlance.Forbidden, format, args...)
}
