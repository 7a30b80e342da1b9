package certificate

import (
	"fmt"
	"time"

	"parlance"
	"parlance/history"
	"parlance/mirror"
)

// A Statement says what an archive has of a workspace's mirrored conversations.
type Statement struct {
	Version   int                  `json:"parlance_certificate"`
	Workspace parlance.WorkspaceID `json:"workspace"`
	Issued    Instant              `json:"issued"` // by the archive's clock
	// Named says that it was asked for some conversations; otherwise it is about all that the sources know.
	Named         bool           `json:"named,omitempty"`
	Sources       []Source       `json:"sources"`           // by name
	Streams       []Stream       `json:"streams,omitempty"` // what Conversations are read with, where that isn't one by itself
	Conversations []Conversation `json:"conversations"`     // by source and id
	Limits        []string       `json:"limits"`            // what is not claimed, for people
	Key           PublicKey      `json:"key"`               // that signs it
}

// A Source is one account on one platform.
type Source struct {
	Name     mirror.Name      `json:"name"`
	Platform parlance.Dialect `json:"platform"`
	URL      string           `json:"url"`
	Account  string           `json:"account,omitempty"` // the platform's id of it, if it tells
	// State is of all that the source should read, whatever the statement is about.
	State mirror.State `json:"state"`
	// Listed is when the platform's list of conversations was last read to its end; zero: never.
	Listed Instant `json:"listed,omitzero"`
	// Named says that it reads the conversations that it was told of, and no others.
	Named bool `json:"named,omitempty"`

	RetentionSeconds float64 `json:"retention_seconds"`          // for how long the platform keeps messages; 0: for ever, as far as is known
	MeasuredSeconds  float64 `json:"measured_retention_seconds"` // what full runs showed; 0: nothing
	// Loses is when the first message that isn't here may vanish there, Issued at the earliest; zero: never.
	Loses   Instant `json:"loses,omitzero"`
	LastRun Instant `json:"last_run,omitzero"`
	Failed  string  `json:"last_error,omitempty"` // what stopped the last run before its end
}

// A Stream is what one walk reads, of several conversations at once or of one whose id the platform doesn't tell.
type Stream struct {
	Source mirror.Name      `json:"source"`
	ID     history.StreamID `json:"id"`
	State  mirror.State     `json:"state"`
	Coverage
}

// A Conversation is one of the workspace's, as one source has it.
type Conversation struct {
	ID     parlance.ConversationID `json:"id"`
	Source mirror.Name             `json:"source,omitempty"` // empty: no source of the statement reads it
	State  mirror.State            `json:"state"`
	Log    Log                     `json:"log"`
	// Stream is what it is read with; what is known of its coverage stands there. Empty: it is read by itself.
	Stream history.StreamID `json:"stream,omitempty"`
	Coverage
}

// A Log says what stands in the archive of a conversation, whoever wrote it.
type Log struct {
	Number   uint64 `json:"number"`         // of the last entry; 0: none
	Hash     string `json:"hash,omitempty"` // of the chain after it, hexadecimal; see docs/storage.md, "The log"
	Messages int    `json:"messages"`       // that aren't deleted
}

// A Coverage is what is known of a history: the ledger of package mirror. Its times but for Checked, Attempted, Gone and those of
// a reading are the platform's.
type Coverage struct {
	Order string `json:"order,omitempty"` // the time that Spans are in: created or updated
	Spans []Span `json:"spans,omitempty"` // stretches of which all messages were read, newest first
	// Beginning is how it is known that nothing is below the lowest of them; empty: it isn't.
	Beginning history.Evidence `json:"beginning,omitempty"`
	Changes   Instant          `json:"changes,omitzero"` // up to here changed messages were read, where the platform can be asked for them

	Mirrored int    `json:"mirrored,omitempty"` // messages here that came from the platform; counted where one conversation is read by itself
	Missing  int    `json:"missing,omitempty"`  // of them, those that it doesn't show any more
	Total    *Total `json:"total,omitempty"`

	Gaps         []Gap     `json:"gaps"`                        // everything that is missing, or not proven to be here
	Acknowledged []Gap     `json:"acknowledged_gaps,omitempty"` // those that somebody said may stay; they don't count in State
	OtherGaps    int       `json:"other_gaps,omitempty"`        // of a stream: in conversations that the statement isn't about
	Findings     []Finding `json:"findings,omitempty"`          // what is odd and loses nothing
	Files        *Files    `json:"files,omitempty"`             // nil: none are mentioned, or they aren't kept

	Checked   Instant `json:"checked,omitzero"`   // when its newest messages were last read; zero: never
	Attempted Instant `json:"attempted,omitzero"` // when reading last failed; zero: the last time it didn't
	Failure   string  `json:"failure,omitempty"`  // why
	Gone      Instant `json:"gone,omitzero"`      // since when the platform doesn't know it any more
	// Loses is when the first of its messages that isn't here may vanish there, Issued at the earliest; zero: never.
	Loses Instant `json:"loses,omitzero"`
}

// A Span is a stretch of history: all messages with Low < time <= High were read.
type Span struct {
	High  Instant `json:"high"`
	Low   Instant `json:"low"`
	Began Instant `json:"read_from"` // when it was read
	Ended Instant `json:"read_to"`
	Pages int     `json:"pages"` // that it was read in
}

// A Total is what the platform counted, and the query that it answered so.
type Total struct {
	Count  int     `json:"count"`
	Query  string  `json:"query"`
	Hidden int     `json:"hidden,omitempty"` // of them that the account isn't given
	At     Instant `json:"at"`
}

// A Gap is a stretch of time of which messages are missing, or may be.
type Gap struct {
	ID           string                  `json:"id"`
	Conversation parlance.ConversationID `json:"conversation,omitempty"` // in a stream only; empty: any of them
	From         Instant                 `json:"from,omitzero"`          // inclusive; zero: the beginning
	To           Instant                 `json:"to,omitzero"`            // inclusive; zero: the newest
	Reason       string                  `json:"reason"`
	Acknowledged Instant                 `json:"acknowledged,omitzero"`
}

// A Finding is something odd that loses nothing.
type Finding struct {
	Text  string  `json:"text"`
	Last  Instant `json:"last"`
	Times int     `json:"times"`
}

// Files count the addresses of attachments.
type Files struct {
	Kept    int `json:"kept"`
	Waiting int `json:"waiting"` // they may still be had
	Lost    int `json:"lost"`    // refused, or gone: they count in no state
}

// An Instant is a time that is written as RFC 3339, UTC, in milliseconds. Zero is not known, or never.
type Instant parlance.Time

// String returns the time as it is written, empty for zero.
func (t Instant) String() string {
	if t == 0 {
		return ""
	}
	return min(max(parlance.Time(t), parlance.MinTime), parlance.MaxTime).String()
}

// MarshalText returns the time as it is written, empty for zero.
func (t Instant) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (t *Instant) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = 0
		return nil
	}
	std, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("read a time: %w", err)
	}
	*t = Instant(parlance.TimeOf(std))
	return nil
}
