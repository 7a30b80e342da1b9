package live

import "sync"

const (
	// silence is after how many heartbeats that did not come a node counts as gone.
	silence = 5

	// maxPeers is how many other nodes are listened to at most.
	maxPeers = 1024

	// maxNode is the longest id of a node in bytes.
	maxNode = 64
)

// peers are the other nodes that were heard of late.
type peers struct {
	mu sync.Mutex
	by map[string]*peer
}

// A peer is what is known of one other node.
type peer struct {
	number uint64 // of its last event that is known of
	quiet  int    // ticks since it was heard
}

// A hearing is what a message says about those before it.
type hearing uint8

const (
	expected hearing = iota // none is missing
	gap                     // some didn't arrive
	fresh                   // the node was not known, and none is missing
	freshGap                // the node was not known, and published events before
	refused                 // too many nodes, or an id that can't be
)

// heard notes a message of a node.
func (p *peers) heard(node string, m message) hearing {
	p.mu.Lock()
	defer p.mu.Unlock()
	one, known := p.by[node], true
	if one == nil {
		if len(p.by) >= maxPeers || len(node) > maxNode {
			return refused
		}
		one, known = &peer{}, false
		p.by[node] = one
	}
	one.quiet = 0
	next := one.number
	if m.Event != nil {
		next++
	}
	one.number = max(one.number, m.Number)
	switch missing := m.Number > next; {
	case known && missing:
		return gap
	case known:
		return expected
	case missing:
		return freshGap
	default:
		return fresh
	}
}

// tick counts a heartbeat's time for all nodes and returns those that have been silent for
// too long, which are forgotten: if they come back, what they published meanwhile counts as missing.
func (p *peers) tick() (gone []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for node, one := range p.by {
		if one.quiet++; one.quiet > silence {
			gone = append(gone, node)
			delete(p.by, node)
		}
	}
	return gone
}

func (p *peers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.by)
}
