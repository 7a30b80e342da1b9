// Package history is the seam between a platform's paged history call and whoever wants to own what it
// holds. It says what is read, in which portions, and what counts as proof that nothing was passed over;
// how a platform is asked so that its traps lose nothing is each dialect's.
//
// A [Source] is one account on one platform. It has [Stream]s; each is walked from its newest message
// down to its beginning. A walk gives [Page]s. Whoever stores a page's items durably may store its
// [Place] too and go on from there later.
//
// # What a walk promises
//
// After a page whose Low is p, everything of the stream that stood above p.Time when the walk began, and
// at or below the place where it began, has been given, in this page or an earlier one; except what Gaps
// name. Messages of the very millisecond p.Time need not all have been given: who goes on from p is
// given all of them, some once more. A walk ends in one of three ways: a page whose End isn't empty, after which there is nothing older; a break
// of the caller's; or an error. It never ends otherwise, and it never goes on for ever: every step
// brings a message that this walk hasn't given yet, or a lower place, or it is an error of kind [parlance.Broken].
//
// Nothing here sleeps or repeats a call that failed: the caller decides when to walk on from the
// last place. Errors are of package parlance's kinds:
//
//	Unauthenticated  the credential is no good (any more): a login is needed
//	Forbidden        this account may not read this stream
//	NotFound         the stream is gone
//	Limited          slow down; parlance.RetryAfter says for how long, if the platform did
//	Broken           the answer is not what the platform promises: asking again may or may not help
//	Unavailable      no answer, or only a part of one: try again
//	Invalid          the platform refused the question itself
package history

import (
	"context"
	"iter"
	"net/http"
	"time"

	"parlance"
)

// A Source reads what one account sees on one platform. Its methods may be called by several goroutines.
type Source interface {
	// Traits says what is known of the platform.
	Traits() Traits

	// Account returns the platform's own id of the account whose credential is used, "" if the
	// platform has no call that tells. It asks each time.
	Account(ctx context.Context) (string, error)

	// Streams lists what can be walked, newest activity first where the platform sorts so. A stream may be given
	// twice. If it ends without an error, it was complete.
	Streams(ctx context.Context) iter.Seq2[Stream, error]

	// Same reports whether a message that was read again says no more than the version that it gave before, although
	// the two differ: in a signed address, say, or in the name that its sender has now.
	Same(old, new *parlance.Message) bool

	// Walk reads a stream downwards. An id that the platform doesn't know is an error of
	// kind [parlance.NotFound].
	Walk(ctx context.Context, id StreamID, w Window) iter.Seq2[Page, error]
}

// A Changer is a [Source] that can be asked for what changed, apart from the walk. It is, where
// messages that change don't move to the top of the walk.
type Changer interface {
	// Changes reads the messages of a stream that were changed after since, newest change first. It ends when
	// all have been given. Pages' Low and Top are times of change.
	Changes(ctx context.Context, id StreamID, since parlance.Time) iter.Seq2[Page, error]
}

// An Authorizer is a [Source] whose platform's files are read with its credential.
type Authorizer interface {
	// Authorize adds the credential to a request for an attachment if the request is the platform's call for files, on its own
	// host by its own scheme, and to nothing else: whoever writes a message names the address, and could have any
	// other call made with the credential.
	Authorize(r *http.Request)
}

// Traits are what is known of a platform, from its documentation.
type Traits struct {
	Dialect parlance.Dialect

	// Order is by which time walks go down, by the platform's documentation.
	Order parlance.Timeline

	// Lag is how far below the highest mark a later run reads again, since rows may arrive late.
	Lag time.Duration

	// Rest is for how long at most an unchanged [Stream.Hint] may stand for "nothing new". Zero: never.
	Rest time.Duration

	// RestEach is how much of Rest each stream of an account gives, so that an account with few of them is asked
	// more often: what a hint doesn't tell, such as an edit, is found sooner there. Zero: it is always Rest.
	RestEach time.Duration

	// Retention is how long the platform keeps messages unless told otherwise; 0: as far as is known, for ever.
	Retention time.Duration

	// Rate is how many calls a second the platform bears from one account, with some room to spare.
	Rate float64
}

// A StreamID names a stream within its source. It stays the same for ever, and holds all that [Source.Walk]
// needs to know.
type StreamID string

// Everything is the stream of all conversations at once, on platforms that read them so.
const Everything StreamID = "*"

// A Stream is what one walk reads: one conversation or [Everything].
type Stream struct {
	ID StreamID

	// Conversation is what the platform's list told of it. Of Everything it is zero.
	Conversation parlance.Conversation
	Members      []parlance.Member
	Accounts     []parlance.Account // what the list told of people

	// Guessed says that the platform told only by signs that change whether Conversation is of the kind room or direct.
	Guessed bool

	// Hint changes when the list shows that something changed. Empty: the list doesn't
	// tell. An unchanged one is no proof that nothing did.
	Hint string

	// Err says, as [parlance.Invalid], why this item of the list can't be read: it is a gap of the
	// whole list, and the others are read. ID and Conversation are zero then, but for what could be told.
	Err error
}

// A Window says where a walk begins and how deep it need go. The zero Window is the whole stream.
type Window struct {
	// Below is where to go on, as [Page.Low] said; the zero Place is the newest message.
	Below Place

	// Floor says that nothing older is asked for: the platform may be told. The walk may go on below it all the same. Zero: no floor.
	Floor parlance.Time

	// Order is by which time the stream was found to be sorted before; it is taken for true until a page shows
	// another one.
	Order parlance.Timeline
}

// A Place is where a walk stands. The zero Place is above the newest message.
type Place struct {
	// Time is in the walk's order. All that is newer has been read; see the package's promise.
	Time parlance.Time `json:"time"`

	// Key is the platform's own word for the place; opaque, may be empty.
	Key string `json:"key,omitempty"`
}

// IsZero reports whether p is above the newest message.
func (p Place) IsZero() bool { return p == Place{} }

// A Page is one step of a walk.
type Page struct {
	// Items are what the step brought, in no particular order. Some may have been given before.
	Items []Item

	// Conversations are those of Items that the stream's list didn't tell of, with what is
	// known of them from their messages. Only pages of Everything have any.
	Conversations []Stream

	// Order is by which time the walk goes down: ByUpdated or ByCreated.
	Order parlance.Timeline

	// Top is the highest time among Items in that order, Low the place reached. A page without items has a
	// zero Top, and the Low that the walk stood at before.
	Top parlance.Time
	Low Place

	// Clock is the platform's own time at the answer; zero if it didn't tell.
	Clock parlance.Time

	// Account is the platform's id of the account that reads, if the answer tells.
	Account string

	// End says how it is known that there is nothing older; empty: there may be.
	End Evidence

	Totals   []Total
	Gaps     []Gap
	Findings []Finding
}

// An Evidence says, for people, how the end of a history is known: "the platform says complete", "an empty page below the oldest message".
type Evidence string

// An Item is one message as the platform gave it.
type Item struct {
	Conversation parlance.ConversationID
	Message      parlance.Message // with its native form

	// Sender is what the item told of its sender; nil if nothing but the name.
	Sender *parlance.Account

	// Err says, as [parlance.Invalid], why the item can't be read. Message is zero then, but for what could be, and Raw
	// is the item.
	Err error
	Raw []byte
}

// A Total is a number of messages that the platform claims.
type Total struct {
	Conversation parlance.ConversationID
	Count        int
	// Query is what it counts, in the platform's own words: "GET /rooms/r1/messages/v3".
	Query string
	// Whole says that it counts the whole conversation, and not some range of it.
	Whole bool
	// Hidden are messages that it counts and that this account isn't given.
	Hidden []parlance.MessageID
}

// A Gap is a stretch of time of which messages may be missing, for good unless something changes upstream.
type Gap struct {
	Conversation parlance.ConversationID // empty: of the whole stream
	From, To     parlance.Time           // both inclusive
	Reason       string                  // for people: "more messages of one millisecond than a page holds"
}

// A Finding is something that shouldn't be so and loses nothing: pages in another order, a count that
// isn't kept, a message dated in the future.
type Finding struct {
	Conversation parlance.ConversationID // empty: of the whole stream
	Text         string                  // without ids of people or anything of a message's content
}
