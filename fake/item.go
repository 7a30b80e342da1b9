package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf16"
	"unicode/utf8"

	"parlance"
)

type rawJSON = json.RawMessage

// render returns m as the platform writes it now.
func (u *Upstream) render(m *message) []byte {
	switch u.platform {
	case parlance.IMKit:
		return u.imkitItem(m)
	case parlance.Shopline:
		return u.shoplineItem(m)
	default:
		return u.imetastoreItem(m)
	}
}

// items renders a page.
func (u *Upstream) items(page []*message) ([]item, []rawJSON) {
	items, raw := make([]item, len(page)), make([]rawJSON, len(page))
	for i, m := range page {
		raw[i] = u.render(m)
		items[i] = item{m, raw[i]}
	}
	return items, raw
}

// escaped returns b with all that isn't ASCII escaped, if m is written so.
func (u *Upstream) escaped(m *message, b []byte) []byte {
	if !m.ascii {
		return b
	}
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, b[0])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// read counts a read of c's messages, which may be the one that finds it gone.
func (u *Upstream) read(c *conversation) {
	if c == nil || u.calm {
		return
	}
	c.reads++
	if u.faults.Has(Gone) && c.reads > 2 && c == u.doomed && !c.gone {
		c.gone = true
		c.vanished = append(c.vanished, c.ordered(parlance.ByCreated)...)
		c.live = nil
		c.changed()
	}
}

// file returns the file of this id, nil if there is none.
func (u *Upstream) file(id string) *file {
	if f := u.world.files[id]; f != nil && !f.missing {
		return f
	}
	return nil
}

// serveFile answers with the file that c's rest names.
func (u *Upstream) serveFile(c *call) answer {
	if u.linksDie > 0 && u.requests >= u.linksDie {
		return answer{
			status: http.StatusForbidden, header: http.Header{"Content-Type": {"application/xml"}},
			body: []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`),
		}
	}
	f := u.file(c.rest)
	if f == nil {
		return answer{status: http.StatusNotFound, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte("not found")}
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {f.mime}}, body: f.body}
}

// fileURL returns the address of m's file.
func (u *Upstream) fileURL(m *message) string {
	switch u.platform {
	case parlance.IMKit:
		return u.base + "/files/chat/" + m.file.id
	case parlance.Shopline:
		return fmt.Sprintf("%s/media/image_clips/%s/original.png?%d", u.base, m.file.id, m.created.Seconds())
	default:
		if m.file.typ == parlance.TypeImage {
			return u.base + "/im-files/" + m.file.id + "/0"
		}
		return u.base + "/im-files/" + m.file.id
	}
}
