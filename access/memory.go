package access

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"parlance"
)

// maxRemembered is how many credentials are remembered at most.
const maxRemembered = 1 << 16

// A memory remembers the credentials that passed.
//
// A check that reads the store and then remembers what it read may be overtaken by a
// revocation in between. So each credential belongs to a stripe, which counts
// revocations. A check notes the count before it reads, and what it remembers holds only
// while the count is the same.
type memory struct {
	passed  *otter.Cache[digest, passed]
	stripes [1 << 12]atomic.Uint32
}

// passed is what is remembered of a credential.
type passed struct {
	grant *Grant
	until parlance.Time // exclusive
	at    mark
}

// A mark is a moment in the history of a stripe.
type mark struct {
	stripe uint16
	count  uint32
}

func newMemory() *memory {
	return &memory{passed: otter.Must(&otter.Options[digest, passed]{MaximumSize: maxRemembered})}
}

// mark notes the moment before a credential is read. What is revoked later under the same
// digest undoes what is remembered with the mark.
func (m *memory) mark(of digest) mark {
	i := binary.BigEndian.Uint16(of[:]) % uint16(len(m.stripes))
	return mark{stripe: i, count: m.stripes[i].Load()}
}

// recall returns what d was granted, if that still holds at now.
func (m *memory) recall(d digest, now parlance.Time) (Grant, bool) {
	p, ok := m.passed.GetIfPresent(d)
	if !ok || now >= p.until || m.stripes[p.at.stripe].Load() != p.at.count {
		return Grant{}, false
	}
	return *p.grant, true
}

// remember keeps g as d's grant until it expires, at most for Recheck from now.
func (m *memory) remember(d digest, g Grant, at mark, now parlance.Time) {
	until := now + parlance.Time(Recheck.Milliseconds())
	if g.Expires != 0 {
		until = min(until, g.Expires)
	}
	m.passed.Set(d, passed{grant: &g, until: until, at: at})
}

// forgetAll undoes all that was remembered, and whatever checks under way are about to.
func (m *memory) forgetAll() {
	for i := range m.stripes {
		m.stripes[i].Add(1)
	}
	m.passed.InvalidateAll()
}

// forget undoes what was remembered with marks of d, and whatever a check under way is about to.
func (m *memory) forget(d digest) {
	m.stripes[m.mark(d).stripe].Add(1)
	m.passed.Invalidate(d)
}
