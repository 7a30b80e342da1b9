package files

import (
	"mime"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"parlance"
)

// Of what addresses are read as, only such are asked whose host is named, by http, without a user; and a number that stands
// for a private one is never public, in whatever clothes.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		"https://h/f", "/files/a/b", "//h/f", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://u:p@h/", "HTTP://H:80/../x", "http:///x", "http://1/", "javascript:x", "https://h/%2e%2e/", "\x00",
	} {
		f.Add(s)
	}
	base := &url.URL{Scheme: "https", Host: "platform.example", Path: "/api"}
	f.Fuzz(func(t *testing.T, address string) {
		u, err := parseAddress(address, base)
		if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil) {
			t.Errorf("%q is asked as %s", address, u)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("the error of an address of %d bytes has %d", len(address), len(err.Error()))
		}
		a, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		if public(a) && (a.Unmap().IsPrivate() || a.Unmap().IsLoopback() || a.Unmap().IsLinkLocalUnicast() || a.IsUnspecified()) {
			t.Errorf("%s is public", a)
		}
		if a.Is4() {
			b := a.As4()
			for _, clothes := range []netip.Addr{
				netip.AddrFrom16(a.As16()),
				netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}),
				netip.AddrFrom16([16]byte{0x20, 0x02, b[0], b[1], b[2], b[3]}),
			} {
				if public(clothes) && !public(a) {
					t.Errorf("%s is public, and %s isn't", clothes, a)
				}
			}
		}
	})
}

// Whatever a file is called, a browser is given one name, without folders, of a bounded length, that does nothing.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.png", "../../x", `C:\x\y`, "\u202egnp.exe", "\x1b[2J", "\u0085", "", " . ", "\xff\xfe", strings.Repeat("長", 100)} {
		f.Add(s, "attachment; filename=\""+s+"\"", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name, header string, head []byte) {
		for _, given := range []string{name, dispositionName(header)} {
			got := fileName(&Record{Name: given})
			bad := func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune(`/\"<>|:*?`, r)
			}
			if got == "" || len(got) > 200 || !utf8.ValidString(got) || strings.ContainsFunc(got, bad) || got == "." || got == ".." {
				t.Errorf("%q is called %q", given, got)
			}
		}
		media := mediaType(header, head)
		if _, _, err := mime.ParseMediaType(media); err != nil {
			t.Errorf("the type of %q with %q is %q: %v", head, header, media, err)
		}
		isAnswer(header, media, head)
		if u, err := url.Parse(name); err == nil {
			_ = plausible(Mention{Name: name, Type: parlance.TypeFile}, u, media, len(head))
		}
	})
}
