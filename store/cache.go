package store

import (
	"container/list"
	"sync"
	"sync/atomic"

	"parlance"
	"parlance/store/internal/format"
)

// A conversation is what this process keeps in memory of one conversation: its head,
// and who is writing to it.
type conversation struct {
	ref        parlance.Ref
	cachedHead atomic.Pointer[format.Head] // nil until read; see known
	write      sync.Mutex                  // held by the one who writes the next group

	// revisions is odd while a group is being written that changes messages which there
	// were before: their pointers go before the head says so.
	revisions atomic.Uint64

	newest atomic.Pointer[newest] // what lists show of it; nil until asked for

	queue struct {
		sync.Mutex
		waiting []*request
	}

	users int           // under conversations.mu
	place *list.Element // in conversations.order
}

// A newest is a conversation's newest message as of one of its log's numbers.
type newest struct {
	state State
	last  *Entry // nil if there is none
}

// head returns the head, nil if it has to be read.
func (c *conversation) head() *format.Head {
	if t := c.cachedHead.Load(); t != nil && !t.Doubtful {
		return t
	}
	return nil
}

// invalidate has the head be read anew. What somebody began to read before doesn't count: it
// may be older than what is discarded.
func (c *conversation) invalidate() { c.cachedHead.Store(&format.Head{Doubtful: true}) }

// maxConversations bounds how many conversations are kept in memory: some 2 kB each,
// up to maxNewest more if lists showed it, and 64 bytes for each thousand messages whose ranges were read.
const maxConversations = 16_384

// conversations is a cache of the conversations used last. One in use is never
// dropped, so that there is only one object, and one writer, for each.
type conversations struct {
	mu    sync.Mutex
	by    map[parlance.Ref]*conversation
	order *list.List // of *conversation, the last used in front
}

func newConversations() *conversations {
	return &conversations{by: map[parlance.Ref]*conversation{}, order: list.New()}
}

// acquire returns ref's conversation, for use until release.
func (cs *conversations) acquire(ref parlance.Ref) *conversation {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.by[ref]
	if c == nil {
		c = &conversation{ref: ref}
		c.place = cs.order.PushFront(c)
		cs.by[ref] = c
	} else {
		cs.order.MoveToFront(c.place)
	}
	c.users++
	for e := cs.order.Back(); e != nil && cs.order.Len() > maxConversations; {
		old := e.Value.(*conversation)
		e = e.Prev()
		if old.users == 0 {
			cs.order.Remove(old.place)
			delete(cs.by, old.ref)
		}
	}
	return c
}

func (cs *conversations) release(c *conversation) {
	cs.mu.Lock()
	c.users--
	cs.mu.Unlock()
}
