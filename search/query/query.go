// Package query is the language in which people search: it hides how a query is read, and says of a message whether
// it matches and of an index what a match must contain.
//
//	酒店 refund          both; a bare word of letters matches words that begin with it, of CJK anything that contains it
//	A1234                a word with a digit matches inside of words too
//	"see you"            these signs, one after another, wherever they stand
//	-word  a OR b  (…)   not; either; groups. OR binds weaker than what stands side by side
//	\" \( \- \: \\      the sign itself, in a word; in quotes \" and \\
//	in:ID from:ID kind:shop platform:shopline type:image has:file|image|audio|video|link|place
//	before:2026-11-01 after:2026-10 during:2026   days, months, years of the zone, or an RFC 3339 time
//	is:edited is:recalled in:history
package query

import (
	"time"

	"parlance"
)

// A Query is a query that was read. It is immutable.
type Query struct {
	root    Node
	history bool
	zone    *time.Location
}

// Bounds of a query.
const (
	MaxBytes = 2048
	MaxTerms = 64
)

// History reports whether the query asks for earlier versions, too (in:history).
func (q *Query) History() bool { return q.history }

// Root returns what a match must be.
func (q *Query) Root() Node { return q.root }

// A Node is one of And, Or, Not, Text and Fact.
type Node interface{ node() }

// And matches what all of its parts match; Or what one of them does. Neither is ever empty.
type (
	And []Node
	Or  []Node
	Not struct{ Node Node }
)

// Text matches messages by their folded text: see [Text.Match]. Signs is folded and not empty.
type Text struct {
	Signs  string
	Quoted bool // wherever Signs stands; else a word's beginning, unless it is CJK or has a digit
}

// A Fact matches messages by what is known of them besides their text.
type Fact struct {
	Field Field
	Value string        // of all but Time
	From  parlance.Time // of Time: From <= Created < To
	To    parlance.Time
}

// A Field says what a Fact is about.
type Field uint8

// The fields.
const (
	Conversation Field = iota // in:
	Sender                    // from:
	Kind                      // kind:
	Platform                  // platform:
	Type                      // type:
	Has                       // has:
	Time                      // before: after: during:
	Is                        // is:edited, is:recalled
)

func (And) node()  {}
func (Or) node()   {}
func (Not) node()  {}
func (Text) node() {}
func (Fact) node() {}

// A Document is what a query looks at of one version of a message.
type Document struct {
	Folded       string // of Message.Text, as package fold makes it
	Conversation parlance.ConversationID
	Kind         parlance.Kind
	Platform     parlance.Dialect
	Message      *parlance.Message
}
