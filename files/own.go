package files

import (
	"net/netip"
	"net/url"
	"strings"
)

// address reads the address that a message names. One of the platform's own host that lacks the lock is asked with it, if the platform has one.
func (f *Fetcher) address(address string) (*url.URL, error) {
	u, err := parseAddress(address, f.o.Origin)
	if err != nil {
		return nil, err
	}
	if o := f.o.Origin; o != nil && o.Scheme == "https" && u.Scheme == "http" && u.Port() == "" && o.Port() == "" && sameHost(u, o) {
		u.Scheme = "https"
	}
	return u, nil
}

// owns reports whether u is on the platform's own host, by its own scheme, and written without any tricks.
func (f *Fetcher) owns(u *url.URL) bool {
	o := f.o.Origin
	return o != nil && u.Scheme == o.Scheme && u.User == nil && strings.EqualFold(hostPort(u), hostPort(o))
}

// isOwnHost reports whether u leads to the platform's own host, however it is written: by either scheme, with a dot behind the name.
func (f *Fetcher) isOwnHost(u *url.URL) bool {
	o := f.o.Origin
	if o == nil || !sameHost(u, o) {
		return false
	}
	return portOf(u) == portOf(o) || isWebPort(u) && isWebPort(o)
}

func sameHost(a, b *url.URL) bool {
	if x, err := netip.ParseAddr(a.Hostname()); err == nil {
		y, err := netip.ParseAddr(b.Hostname())
		return err == nil && x.Unmap() == y.Unmap()
	}
	return strings.EqualFold(strings.TrimRight(a.Hostname(), "."), strings.TrimRight(b.Hostname(), "."))
}

// portOf returns u's port, its scheme's if it names none.
func portOf(u *url.URL) string {
	switch p := strings.TrimLeft(u.Port(), "0"); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func isWebPort(u *url.URL) bool { return portOf(u) == "80" || portOf(u) == "443" }

// checkRedirect returns why u isn't gone to. Somebody else's host must not choose what the platform is asked for, and neither must the
// platform's file call, whose answer may be what a user put there.
func (f *Fetcher) checkRedirect(u *url.URL) error {
	if err := checkURL(u); err != nil {
		return err
	}
	if f.isOwnHost(u) {
		return refused("a redirect to the platform itself")
	}
	for _, c := range u.Hostname() {
		if c > '~' { // a resolver might read it as some other name
			return refused("a redirect to a host whose name isn't plain")
		}
	}
	return nil
}
