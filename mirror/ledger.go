package mirror

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parlance"
	"parlance/history"
)

// A State says how much of a history is here.
type State string

// The states. Nothing is complete by default.
const (
	// Complete: read from its newest message to its beginning, the platform showed where the beginning is, nothing that was noticed
	// is missing, and the platform's own total doesn't exceed what is here.
	Complete State = "complete"
	// Partial: something is known not to be here.
	Partial State = "partial"
	// Stale, of an upstream only: it was complete, and it is known that it isn't kept up to date.
	Stale State = "stale"
	// Unknown: nothing was proven either way.
	Unknown State = "unknown"
)

// worst returns the state of two things together.
func worst(a, b State) State {
	rank := []State{Complete, Stale, Unknown, Partial, ""}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}

// A Ledger is what is known of one stream: which stretches of its history were read, what was found missing, and what
// the platform says of it. All times of the stream are the platform's, in the order that it is walked in.
type Ledger struct {
	Stream       history.StreamID        `json:"stream"`
	Conversation parlance.ConversationID `json:"conversation,omitempty"` // empty: all conversations of the account
	// Part is the stream that the conversation is read with; then nothing else is known here. Empty: it is read by itself.
	Part    history.StreamID     `json:"part,omitempty"`
	Hint    string               `json:"hint,omitempty"`    // as of the last whole reading of the head
	Doubt   string               `json:"doubt,omitempty"`   // the hint that stood although new messages had come: it proves nothing
	Members []parlance.AccountID `json:"members,omitempty"` // that the platform named last

	Order parlance.Timeline `json:"order"`
	// Spans are the stretches that were read, newest first. They neither overlap nor touch.
	Spans []Span `json:"spans,omitempty"`
	// Beginning says how it is known that nothing is below the lowest span; empty: that isn't known.
	Beginning history.Evidence `json:"beginning,omitempty"`
	// Changed is up to when messages that changed without moving were read, where the platform can be asked for them.
	Changed parlance.Time `json:"changed_ms,omitempty"`

	Gaps     []Gap     `json:"gaps,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	Total    *Total    `json:"total,omitempty"` // the last one that counts the whole conversation
	Held     Held      `json:"held,omitzero"`   // of Conversation

	// Oldest is the oldest message that the last full pass was given, Absent what it lacked of what is here; see [Mirror.Run].
	Oldest parlance.Time `json:"oldest_ms,omitempty"`
	Absent *Absent       `json:"absent,omitempty"`
	// Stuck is when a full pass last ended over what the platform gave, by our clock; zero: the last one came through.
	Stuck parlance.Time `json:"stuck_ms,omitempty"`

	Checked   parlance.Time `json:"checked_ms,omitempty"`   // when the head was last read, by our clock
	Attempted parlance.Time `json:"attempted_ms,omitempty"` // when a read last failed, by our clock; zero if the last one didn't
	Failure   string        `json:"failure,omitempty"`      // why
	Gone      parlance.Time `json:"gone_ms,omitempty"`      // since when the platform doesn't know the stream any more, by our clock
}

// A Span is a stretch of a stream's history of which all messages were read: those with Low.Time < time <= High.
type Span struct {
	High parlance.Time `json:"high_ms"`
	Low  history.Place `json:"low"`
	// Began and Ended are when it was read, by our clock, in so many Pages. Where spans met they are those of all.
	Began parlance.Time `json:"began_ms"`
	Ended parlance.Time `json:"ended_ms"`
	Pages int           `json:"pages"`
}

// A Gap is a stretch of time of which messages are missing, or may be.
type Gap struct {
	ID           string                  `json:"id"` // follows from what it says
	Conversation parlance.ConversationID `json:"conversation"`
	From         parlance.Time           `json:"from_ms"` // inclusive; zero: the beginning
	To           parlance.Time           `json:"to_ms"`   // inclusive; zero: the newest
	Reason       string                  `json:"reason"`
	Found        parlance.Time           `json:"found_ms"`
	// Aside names the one item that this is about, which was set aside, see [Mirror.Aside]; empty: it is about none or several.
	Aside string `json:"aside,omitempty"`
	// Message is that item's id as a message, if it could be read: given again in a form that can be kept, it is no gap any more.
	Message parlance.MessageID `json:"message,omitempty"`
	// Acknowledged is when somebody said that this one may stay; zero: nobody did.
	Acknowledged parlance.Time `json:"acknowledged_ms,omitempty"`
}

// A Finding is something odd that loses nothing.
type Finding struct {
	Conversation parlance.ConversationID `json:"conversation,omitempty"`
	Text         string                  `json:"text"`
	Last         parlance.Time           `json:"last_ms"`
	Times        int                     `json:"times"`
}

// A Total is a number that the platform claimed, with the query that gave it.
type Total struct {
	Count  int           `json:"count"`
	Query  string        `json:"query"`
	Hidden int           `json:"hidden,omitempty"` // of them that this account isn't given and that aren't here
	At     parlance.Time `json:"at_ms"`            // by our clock
}

// Held counts the messages of a conversation that came from the platform. It follows the conversation's log.
type Held struct {
	Number   uint64 `json:"number,omitempty"`   // the log was counted up to here
	Messages int    `json:"messages,omitempty"` // those marked missing too
	Missing  int    `json:"missing,omitempty"`
}

// Absent are the messages that a full pass should have been given and wasn't.
type Absent struct {
	At       parlance.Time `json:"at_ms"`
	Messages []absentee    `json:"messages"`
}

type absentee struct {
	Conversation parlance.ConversationID `json:"conversation"`
	ID           parlance.MessageID      `json:"id"`
}

// How much a ledger keeps.
const (
	maxGaps     = 100
	maxFindings = 20
	maxAbsent   = 1000
)

// gap notes that something is or may be missing, and reports whether that is new. What is known stays as it is.
func (l *Ledger) gap(g Gap) bool {
	if g.Conversation == "" {
		g.Conversation = l.Conversation
	}
	g.ID = g.id()
	if slices.ContainsFunc(l.Gaps, func(o Gap) bool { return o.ID == g.ID }) {
		return false
	}
	if len(l.Gaps) < maxGaps {
		l.Gaps = append(l.Gaps, g)
		return true
	}
	// One more that stands for all the others: what can't be listed must not be forgotten.
	last := &l.Gaps[maxGaps-1]
	if !strings.HasPrefix(last.Reason, manyGaps) {
		last.Reason = manyGaps + last.Reason
	}
	last.From, last.To, last.Acknowledged = min(last.From, g.From), max(last.To, g.To), 0
	if last.Conversation != g.Conversation {
		last.Conversation = l.Conversation
	}
	last.Aside, last.Message = "", ""
	last.ID = last.id()
	return true
}

// hidden notes how many messages the account has hidden that aren't here: a gap if there are some, and none any more if there aren't.
// Old are gaps that were known before.
func (l *Ledger) hidden(n int, old []Gap, now parlance.Time) {
	if l.Total != nil {
		l.Total.Hidden = n
	}
	is := func(g Gap) bool { return g.Reason == hiddenReason }
	if n == 0 {
		l.Gaps = slices.DeleteFunc(l.Gaps, is)
		return
	}
	g := Gap{Reason: hiddenReason, Found: now}
	if i := slices.IndexFunc(old, is); i >= 0 {
		g = old[i]
	}
	l.gap(g)
}

const hiddenReason = "the account has hidden messages that the platform therefore doesn't give it"

// heard forgets the gaps of messages that were set aside and have now been given in a form that can be kept.
func (l *Ledger) heard(c parlance.ConversationID, ms []parlance.Message) {
	l.Gaps = slices.DeleteFunc(l.Gaps, func(g Gap) bool {
		return g.Message != "" && g.Conversation == c && slices.ContainsFunc(ms, func(m parlance.Message) bool { return m.ID == g.Message })
	})
}

const manyGaps = "several gaps, one of them: "

// id returns a name for what g says.
func (g *Gap) id() string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\x00%s", g.Conversation, g.From, g.To, g.Reason))
	return hex.EncodeToString(h[:5])
}

// find notes something odd.
func (l *Ledger) find(c parlance.ConversationID, text string, now parlance.Time) {
	i := slices.IndexFunc(l.Findings, func(f Finding) bool { return f.Text == text && f.Conversation == c })
	if i < 0 {
		if len(l.Findings) == maxFindings {
			l.Findings = l.Findings[1:]
		}
		l.Findings = append(l.Findings, Finding{Conversation: c, Text: text})
		i = len(l.Findings) - 1
	}
	l.Findings[i].Last = now
	l.Findings[i].Times++
}

// Holes returns all that is missing or not proven to be here: what was not read yet, and the gaps that nobody acknowledged. It is
// empty exactly if the stream is complete. That the platform doesn't have a stream any more is no hole: what it had was read before, or is
// one.
func (l *Ledger) Holes() []Gap {
	var holes []Gap
	hole := func(from, to parlance.Time, reason string) {
		g := Gap{Conversation: l.Conversation, From: from, To: to, Reason: reason}
		g.ID = g.id()
		if l.Gone == 0 || !slices.ContainsFunc(l.Gaps, func(o Gap) bool { return o.ID == g.ID }) { // else it was acknowledged
			holes = append(holes, g)
		}
	}
	why := "not read yet"
	if l.Failure != "" {
		why += ": " + l.Failure
	}
	if l.Gone != 0 {
		why = "the platform doesn't have the conversation any more"
	}
	for i := 1; i < len(l.Spans); i++ {
		hole(l.Spans[i].High, l.Spans[i-1].Low.Time, why)
	}
	switch {
	case l.Beginning != "":
	case len(l.Spans) == 0:
		hole(0, 0, why)
	default:
		hole(0, l.Spans[len(l.Spans)-1].Low.Time, why)
	}
	if l.Beginning != "" && l.Failure != "" && l.Gone == 0 && len(l.Spans) == 1 {
		hole(l.Spans[0].High, 0, "what came since couldn't be read: "+l.Failure)
	}
	if t := l.Total; t != nil && len(holes) == 0 && l.Beginning != "" && len(l.Spans) == 1 && l.lacks() > 0 {
		hole(0, 0, fmt.Sprintf("the platform counts %d messages, %d more than are here (%s)", t.Count, l.lacks(), t.Query))
	}
	for _, g := range l.Gaps {
		if g.Acknowledged == 0 {
			holes = append(holes, g)
		}
	}
	return holes
}

// lacks returns how many more messages the platform counts than are here or set aside; below 0 if it counts fewer.
func (l *Ledger) lacks() int {
	n := l.Total.Count - (l.Held.Messages - l.Held.Missing)
	if n > 0 {
		n = max(0, n-l.Total.Hidden) // they are a gap of their own
	}
	for i := range l.Gaps {
		if l.Gaps[i].Aside != "" {
			n--
		}
	}
	return n
}

// State returns how much of the stream is here.
func (l *Ledger) State() State {
	switch {
	case len(l.Holes()) == 0:
		return Complete
	case len(l.Spans) == 0 && l.Gone == 0 && len(l.Gaps) == 0:
		return Unknown
	}
	return Partial
}

// meet joins the newest span with those below that it has come down to. Lag is how far it has to reach into one before that counts.
// It reports whether the walk should go on at another place than it stands, below a span that it met, and whether it has come
// down to the beginning.
func (l *Ledger) meet(lag parlance.Time) (jumped, done bool) {
	for len(l.Spans) > 1 {
		top, next := &l.Spans[0], &l.Spans[1]
		switch {
		case top.Low.Time <= next.Low.Time: // went past it
		case top.Low.Time <= next.High-lag:
			top.Low, jumped = next.Low, true
		default:
			return jumped, false
		}
		top.Began, top.Ended = min(top.Began, next.Began), max(top.Ended, next.Ended)
		top.Pages += next.Pages
		l.Spans = slices.Delete(l.Spans, 1, 2)
	}
	return jumped, l.Beginning != ""
}

// forget throws away what was proven, since it was proven of another order.
func (l *Ledger) forget() { l.Spans, l.Beginning, l.Changed = nil, "", 0 }

// asOf returns when the oldest of the stretches was read; 0 if the beginning wasn't reached.
func (l *Ledger) asOf() parlance.Time {
	if l.Beginning == "" || len(l.Spans) == 0 {
		return 0
	}
	return slices.MinFunc(l.Spans, func(a, b Span) int { return cmp.Compare(a.Began, b.Began) }).Began
}

// encode returns the ledger as it is kept.
func (l *Ledger) encode() ([]byte, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode the ledger of %s: %w", l.Stream, err)
	}
	return b, nil
}
