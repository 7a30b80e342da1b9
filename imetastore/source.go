package imetastore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// A Reach says which streams a [Source] has.
type Reach uint8

// The reaches.
const (
	// Discover: [history.Everything] if the platform takes a buyerId of null, else one stream for each known buyer.
	Discover Reach = iota
	// AllBuyers: Everything.
	AllBuyers
	// KnownBuyers: one stream for each known buyer.
	KnownBuyers
)

// SourceOptions are a source's settings. The zero value is good.
type SourceOptions struct {
	// Buyers are the accounts of buyers that are known from elsewhere, such as from orders: decimal digits.
	// A platform that doesn't take null tells of no others.
	Buyers []parlance.AccountID

	Reach Reach

	// Seller is the account whose history was read before. Empty: that isn't known.
	Seller parlance.AccountID
}

// A Source reads a seller's history. Its streams are [history.Everything] and the buyers, each by its account. Any
// buyer's can be walked, known or not.
//
// What it learns of the platform's manners it keeps, so that the next walk needn't find out again.
type Source struct {
	client *Client
	buyers []parlance.AccountID
	reach  Reach

	expected parlance.AccountID                 // the seller, as was known before; may be empty
	whose    atomic.Pointer[parlance.AccountID] // the seller, as the messages say; nil: not known yet

	takesNull  atomic.Int32 // 0: not known; 1: yes; -1: no
	upper      atomic.Int32 // 0: not known; one of the constants below
	literal    atomic.Bool  // below the first page, maxTime must be in milliseconds
	farRefused atomic.Bool  // a maxTime of the year 2100 is refused
}

// What maxTime means.
const (
	inclusive = 1
	exclusive = 2
)

var _ history.Source = (*Source)(nil)

// NewSource returns the source of what c sees. A buyer that isn't a number above 0 is [parlance.Invalid].
func NewSource(c *Client, o SourceOptions) (*Source, error) {
	for _, b := range o.Buyers {
		if _, ok := buyerNumber(b); !ok {
			return nil, parlance.Errorf(parlance.Invalid, "buyer %q: want a number above 0, in decimal digits", b)
		}
	}
	return &Source{client: c, buyers: slices.Clone(o.Buyers), reach: o.Reach, expected: o.Seller}, nil
}

// Traits returns what is known of the platform.
//
// iMetaStore mirror, traits: where they come from.
func (s *Source) Traits() history.Traits {
	return history.Traits{
		Dialect:   parlance.IMetaStore,
		Lag:       300 * time.Second,
		Retention: 7 * 24 * time.Hour,
		Rate:      5,
	}
}

// Account returns "": no call of the platform tells. Pages do, as soon as they have a message.
func (s *Source) Account(context.Context) (string, error) { return "", nil }

// Streams lists what can be walked. It is complete as far as the platform takes null, or the known buyers are all that there are. A
// platform that doesn't take null, with no buyer known, is an error of kind Invalid.
//
// iMetaStore mirror, streams: all buyers first.
func (s *Source) Streams(ctx context.Context) iter.Seq2[history.Stream, error] {
	return func(yield func(history.Stream, error) bool) {
		all, known, err := s.streams(ctx)
		if err != nil {
			yield(history.Stream{}, err)
			return
		}
		if all && !yield(history.Stream{ID: history.Everything}, nil) || !known {
			return
		}
		for _, b := range s.buyers {
			if !yield(history.Stream{ID: history.StreamID(b)}, nil) {
				return
			}
		}
	}
}

// streams tells whether Everything is a stream and whether the known buyers are.
func (s *Source) streams(ctx context.Context) (all, known bool, err error) {
	switch {
	case s.reach == AllBuyers, s.reach == Discover && s.takesNull.Load() > 0:
		return true, false, nil
	case s.reach == KnownBuyers, s.takesNull.Load() < 0:
		return false, true, s.needBuyers()
	}
	from, to := Integer(0), Integer(s.client.platformNow().Seconds()+60)
	l, err := s.client.Messages(ctx, MessagesRequest{MinTime: &from, MaxTime: &to})
	switch {
	case refusesQuestion(err):
		s.takesNull.Store(-1)
		return false, true, s.needBuyers()
	case errors.Is(err, upstream.ErrTooLarge): // there are messages
	case err != nil:
		return false, false, err
	case len(l.Items) == 0 && len(s.buyers) > 0:
		// Whether null means all buyers or none can't be told yet.
		return true, true, nil
	}
	s.takesNull.Store(1)
	return true, false, nil
}

// needBuyers returns an error if no buyer is known.
func (s *Source) needBuyers() error {
	if len(s.buyers) == 0 {
		return parlance.Errorf(parlance.Invalid, "the platform is asked for single buyers, and none is known: name them in the configuration")
	}
	return nil
}

// Walk reads a stream downwards.
func (s *Source) Walk(ctx context.Context, id history.StreamID, in history.Window) iter.Seq2[history.Page, error] {
	return func(yield func(history.Page, error) bool) {
		w := walk{source: s, low: in.Below, seen: map[string]int64{}, noted: map[string]bool{}}
		if id != history.Everything {
			n, ok := buyerNumber(parlance.AccountID(id))
			if !ok {
				yield(history.Page{}, parlance.Errorf(parlance.NotFound, "there is no buyer %q: want a number above 0", id))
				return
			}
			w.buyer, w.number = parlance.AccountID(id), &n
		}
		if in.Floor != 0 {
			// iMetaStore mirror, bounds: one second more, should the bound be exclusive.
			w.floor, w.min = in.Floor, max(in.Floor.Seconds()-1, 0)
		}
		w.run(ctx, yield)
	}
}

// refusesQuestion reports whether err is the platform's refusal of what was asked, and not of who asked or when.
func refusesQuestion(err error) bool {
	var r *Refusal
	if !errors.As(err, &r) {
		return false
	}
	switch parlance.KindOf(err) {
	case parlance.Invalid, parlance.NotFound:
		return true
	case parlance.Broken:
		return r.Code != "" // one that nobody documents
	}
	return false
}
