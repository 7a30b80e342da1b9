package fake

import (
	"slices"

	"parlance"
)

// A Truth is what an upstream holds at one moment, and what it once held.
type Truth struct {
	Conversations []Conversation // in the order in which they came to be
	Messages      int            // that it holds
}

// A Conversation is a room, a SHOPLINE conversation, or the messages between the seller and one buyer.
type Conversation struct {
	ID       string // on iMetaStore the buyer's digits
	Kind     parlance.Kind
	Title    string
	Gone     bool      // answers 404
	Messages []Message // that it holds: by creation, then by id; on iMetaStore by second, seq, random and accounts
	Vanished []Message // that it held once, as they were last; in the order in which they vanished
}

// A Message is one message.
type Message struct {
	ID       string   // of IMKit and SHOPLINE
	Identity Identity // of iMetaStore

	// Raw is its JSON as a page would hold it now, at the address that was asked last.
	Raw []byte

	// Served is its JSON as it was last in an answer to a history call that wasn't cut off; nil if it never was.
	Served []byte

	Created, Updated, Edited parlance.Time // as they are, whatever [Seconds] makes of them; Edited zero if never
	State                    parlance.State
	Bad                      bool  // Raw is nonsense: see [BadItem]
	File                     *File // nil if it has none
}

// An Identity tells iMetaStore's messages apart.
type Identity struct {
	From, To    string
	Second      int64
	Seq, Random uint32
}

// A File is what a message's attachment leads to.
type File struct {
	URL     string // at the address that was asked last
	Name    string
	Type    parlance.Type
	Body    []byte
	Missing bool // answers 404
}

// Truth returns what u holds now.
func (u *Upstream) Truth() Truth {
	u.mu.Lock()
	defer u.mu.Unlock()
	var t Truth
	for _, c := range u.world.convs {
		held := u.truths(c.ordered(parlance.ByCreated))
		t.Messages += len(held)
		t.Conversations = append(t.Conversations, Conversation{
			ID: c.id, Kind: c.kind, Title: c.title, Gone: c.gone, Messages: held, Vanished: u.truths(c.vanished),
		})
	}
	return t
}

func (u *Upstream) truths(messages []*message) []Message {
	var out []Message
	for _, m := range messages {
		o := Message{
			ID: m.id, Raw: u.render(m), Served: slices.Clone(m.served), Created: m.created, Updated: m.updated, Edited: m.edited, Bad: m.bad > 0,
		}
		if u.platform == parlance.IMetaStore {
			from, to := m.accounts()
			o.Identity = Identity{from, to, m.created.Seconds(), m.seq, m.nonce}
		}
		if m.recalled {
			o.State = parlance.Recalled
		}
		if m.file != nil {
			o.File = &File{URL: u.fileURL(m), Name: m.file.name, Type: m.file.typ, Body: m.file.body, Missing: m.file.missing}
		}
		out = append(out, o)
	}
	return out
}
