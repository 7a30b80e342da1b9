package imetastore

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// caller returns the address that a request comes from: that of the connection, or, if that is a trusted proxy's, the right-most of
// X-Forwarded-For that isn't one. What stands left of that is whatever the caller wrote.
func caller(r *http.Request, trusted []netip.Prefix) string {
	at, ok := addressOf(r.RemoteAddr)
	if !ok || !among(trusted, at) {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		from, ok := addressOf(strings.TrimSpace(hop))
		if !ok {
			break
		}
		if at = from; !among(trusted, at) {
			break
		}
	}
	return at.String()
}

// addressOf reads an address with or without a port.
func addressOf(s string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		at, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = at.Addr()
	}
	return ip.Unmap().WithZone(""), true
}

func among(networks []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}
