package live

import (
	"fmt"
	"iter"

	"github.com/go-json-experiment/json"

	"parlance"
)

// A Kind says what an event is about.
type Kind string

// The kinds. Nodes ignore those they don't know.
const (
	// Revoked: a credential no longer counts, or its expiry changed. Digest names it.
	Revoked Kind = "revoked"
	// Records: records of Workspace changed; Names are those that were replaced. An empty
	// Workspace means that nothing shows the change but the records themselves.
	Records Kind = "records"
	// Appended: the log of Workspace's Conversation goes up to Number now, or further.
	Appended Kind = "appended"
	// Usage: credentials made requests that were let through. Usage says how many.
	Usage Kind = "usage"
	// Missed: events of another node may not have arrived here. It is never published; the
	// bus tells it to subscribers after a connection was lost, and when numbers are missing.
	Missed Kind = "missed"
)

// An Event is something that other nodes should know at once. Kind says which fields
// are set; slices and maps are shared: don't change them.
type Event struct {
	Kind         Kind                    `json:"kind,omitzero"`
	Digest       []byte                  `json:"digest,omitzero"` // 1 to 64 bytes
	Workspace    parlance.WorkspaceID    `json:"workspace,omitzero"`
	Names        []string                `json:"names,omitempty"`
	Conversation parlance.ConversationID `json:"conversation,omitzero"`
	Number       uint64                  `json:"number,omitzero"` // from 1
	Usage        map[string]int          `json:"usage,omitempty"` // requests by the credential's reader, above 0

	// Remote says that another node published it. The bus sets it.
	Remote bool `json:"-"`
}

// maxMessage is the largest message in bytes.
const maxMessage = 64 << 10

// maxDigest is the longest digest in bytes.
const maxDigest = 64

// maxRequests is the highest number of requests in an event.
const maxRequests = 1_000_000_000

// A message is what goes over the wire. One without an event is a heartbeat.
type message struct {
	// Number is the event's, or for a heartbeat that of the node's last event; 0 if there was none.
	Number uint64 `json:"seq"`
	Event  *Event `json:"event,omitzero"`
}

// encode returns m's form on the wire. What is too large or isn't UTF-8 is an error.
func (m *message) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err == nil && len(b) > maxMessage {
		err = fmt.Errorf("it is %d bytes long, at most %d are allowed", len(b), maxMessage)
	}
	if err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	return b, nil
}

// decode reads a message that another node wrote. An event that can't be is an error, one of
// an unknown kind is not.
func decode(b []byte) (message, error) {
	var m message
	if len(b) > maxMessage {
		return message{}, fmt.Errorf("decode a message: it is %d bytes long, at most %d are allowed", len(b), maxMessage)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return message{}, fmt.Errorf("decode a message: %w", err)
	}
	if m.Event == nil {
		return m, nil
	}
	if m.Number == 0 {
		return message{}, fmt.Errorf("decode a message: its event has no number")
	}
	if err := m.Event.check(); err != nil {
		return message{}, fmt.Errorf("decode an event of kind %q: %w", m.Event.Kind, err)
	}
	m.Event.Remote = true
	return m, nil
}

// check reports what an event can't say.
func (e *Event) check() error {
	switch e.Kind {
	case Revoked:
		if n := len(e.Digest); n == 0 || n > maxDigest {
			return fmt.Errorf("digest is %d bytes long, want 1 to %d", n, maxDigest)
		}
	case Records:
		if e.Workspace != "" {
			return parlance.CheckWorkspace(e.Workspace)
		}
	case Appended:
		if e.Number == 0 {
			return fmt.Errorf("log number is 0")
		}
		if err := parlance.CheckWorkspace(e.Workspace); err != nil {
			return err
		}
		return parlance.CheckID("conversation", e.Conversation)
	case Usage:
		for _, n := range e.Usage {
			if n < 1 || n > maxRequests {
				return fmt.Errorf("%d requests, want 1 to %d", n, maxRequests)
			}
		}
	case Missed:
		return fmt.Errorf("it is not for other nodes")
	}
	return nil
}

// parts returns e cut to what fits into a message.
func (e Event) parts() iter.Seq[*Event] {
	// A byte becomes six at most; the rest is for what is not cut.
	const room = maxMessage - 8<<10
	cost := func(s string) int { return 6*len(s) + 20 }
	return func(yield func(*Event) bool) {
		size, part := 0, e
		part.Names, part.Usage = nil, nil
		// next makes room for s, and reports whether to go on.
		next := func(s string) bool {
			if size > 0 && size+cost(s) > room {
				full := part
				if !yield(&full) {
					return false
				}
				size, part.Names, part.Usage = 0, nil, nil
			}
			size += cost(s)
			return true
		}
		for _, name := range e.Names {
			if !next(name) {
				return
			}
			part.Names = append(part.Names, name)
		}
		for reader, n := range e.Usage {
			if !next(reader) {
				return
			}
			if part.Usage == nil {
				part.Usage = map[string]int{}
			}
			part.Usage[reader] = n
		}
		yield(&part)
	}
}
