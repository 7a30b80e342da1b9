package imkit

import (
	"context"
	"iter"
	"net/http"
	"time"

	"parlance"
	"parlance/history"
)

// A Source reads the rooms of an IMKit server, for whoever wants to own what they hold. It is a [history.Source], a
// [history.Changer] and a [history.Authorizer]. A stream is a room, and its id is the room's.
// What it assumes of the platform, and what it does where that is not known, is written under IMKit Mirror in
// docs/dialects/imkit.md.
type Source struct {
	client *Client
	rooms  []string
}

// NewSource returns a source that reads through c. If rooms are named, these are its streams; else
// the rooms that the server lists.
func NewSource(c *Client, rooms ...string) *Source { return &Source{client: c, rooms: rooms} }

// Traits says what is known of IMKit: IMKit Mirror, pace.
func (s *Source) Traits() history.Traits {
	return history.Traits{
		Dialect: parlance.IMKit,
		Order:   parlance.ByUpdated,
		Lag:     5 * time.Minute,
		Rate:    12, // of 1,000 a minute
		// The list tells of new messages, and of edits of the last one only.
		Rest:     24 * time.Hour,
		RestEach: 2 * time.Second, // half a call a second goes to rooms that the list shows unchanged
	}
}

// Account returns the id of the user who reads; "" for an API key that acts for nobody.
func (s *Source) Account(ctx context.Context) (string, error) {
	who, err := s.client.credentials(ctx)
	if err != nil {
		return "", err
	}
	if who.Token == "" && who.ClientID == "" {
		return "", nil
	}
	u, err := s.client.Me(ctx)
	return u.ID, err
}

// Authorize adds the credentials to r if it is the platform's file call.
func (s *Source) Authorize(r *http.Request) { s.client.Authorize(r) }

// Same reports whether two forms of a message say the same: see [SameMessage].
func (s *Source) Same(a, b *parlance.Message) bool { return SameMessage(a, b) }

// Walk reads a room downwards: IMKit Mirror, walk.
func (s *Source) Walk(ctx context.Context, id history.StreamID, w history.Window) iter.Seq2[history.Page, error] {
	return func(yield func(history.Page, error) bool) {
		newWalk(s.client, string(id), w).run(ctx, yield)
	}
}

// Changes reads what was changed in a room after since, newest change first: IMKit Mirror, changes.
func (s *Source) Changes(ctx context.Context, id history.StreamID, since parlance.Time) iter.Seq2[history.Page, error] {
	return func(yield func(history.Page, error) bool) {
		w := newWalk(s.client, string(id), history.Window{Order: parlance.ByUpdated})
		w.base = HistoryQuery{AfterTime: since, TimeRangeField: timeFields[parlance.ByUpdated]}
		w.counted = false // the total is the room's
		w.run(ctx, yield)
	}
}
