package imkit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// A row is what a walk remembers of a message: enough to ask for what lies below it.
type row struct {
	id               string
	created, updated parlance.Time

	nameless bool // it has no id that could be asked for; id is made from its content
	guessed  bool // its times can't be read and are a neighbour's
}

// at returns the row's time in an order.
func (r *row) at(order parlance.Timeline) parlance.Time {
	if order == parlance.ByUpdated {
		return r.updated
	}
	return r.created
}

// An answer is a page of a room's history, and its rows in the order in which the server walks, newest first.
type answer struct {
	historyPage
	items []history.Item
	list  []row
	limit int
	below parlance.Time // the time of the row that was asked with; MaxTime for the newest page
	empty bool          // not a single row, whatever they look like
}

// errAnchor is the error of a question whose message the server doesn't know, or no more: IMKit Mirror, lost anchors.
var errAnchor = errors.New("the message that was asked with is gone")

// ask asks for the rows below a row, or for the newest ones if that is nil.
func (w *walk) ask(ctx context.Context, below *row, limit int) (answer, error) {
	a := answer{limit: limit, below: parlance.MaxTime}
	q := w.base
	q.Limit = limit
	if below != nil {
		q.BeforeMessage, a.below = below.id, below.at(w.order)
	}
	var err error
	a.historyPage, a.limit, err = w.fewer(ctx, q)
	if err != nil {
		// A room that is gone says so, or says it when the newest page is asked for. Everything else that is not
		// known is the anchor.
		notKnown := errors.Is(err, parlance.NotFound) && ErrorCode(err) != errNoRoom.code
		if below != nil && (notKnown || errors.Is(err, parlance.Invalid)) {
			w.refused = err
			return a, errAnchor
		}
		return a, err
	}
	a.empty = len(a.rows) == 0
	w.readRows(&a)
	w.arrange(&a, below)
	if below != nil && w.top != "" && !slices.ContainsFunc(a.list, func(r row) bool { return r.id == w.top }) {
		w.top = ""
	}
	w.note(&a)
	return a, nil
}

// fewer asks a question, and asks it again for half as many rows while the answer is too large to be read, or has rows that were cut
// to make it small enough, down to one. It returns how many rows it
// asked for. Where fewer had to be asked for, the next pages are too, until they are small again.
func (w *walk) fewer(ctx context.Context, q HistoryQuery) (historyPage, int, error) {
	if w.most > 0 {
		q.Limit = min(q.Limit, w.most)
	}
	for {
		p, err := w.client.history(ctx, w.room, q)
		large := errors.Is(err, upstream.ErrTooLarge) || err == nil && slices.ContainsFunc(p.rows, isCut)
		if !large || q.Limit <= 1 {
			if err == nil && w.most > 0 && p.size < parlance.MaxUpstreamBody/8 {
				w.most *= 2
			}
			if w.most >= pageLimit {
				w.most = 0
			}
			return p, q.Limit, err
		}
		q.Limit /= 2
		w.most = q.Limit
		w.find("pages that are too large to be read, so that fewer messages are asked for")
	}
}

// isCut reports whether a row is shown with the beginning of its text only, since its page had no room for it: IMKit Messages, cut.
func isCut(row json.RawMessage) bool {
	if !bytes.Contains(row, []byte(`"truncated"`)) {
		return false
	}
	o, err := parseForeign(row)
	return err == nil && string(o.get("truncated")) == "true"
}

// readRows turns the rows into items. A row whose time can't be read stands where its neighbour does.
func (w *walk) readRows(a *answer) {
	known := map[string]bool{}
	lost := 0 // rows at the beginning that have no neighbour yet
	for _, raw := range a.rows {
		x, err := mirror(raw, w.conversation)
		item := history.Item{Conversation: w.conversation, Message: x.message, Sender: x.sender}
		r := row{id: string(x.message.ID), created: x.created, updated: x.updated, guessed: x.created == 0}
		if errors.Is(err, errForeignRow) {
			// It says nothing of this room, neither by its time nor as a place to ask below.
			item.Err, item.Raw, item.Sender = err, raw, nil
			a.items = append(a.items, item)
			w.foreign = true
			continue
		}
		if err != nil {
			item.Err, item.Raw, item.Sender = err, raw, nil
			if r.id == "" {
				sum := sha256.Sum256(raw)
				r.id, r.nameless = hex.EncodeToString(sum[:]), true
			}
		}
		if x.seconds {
			w.find("times in seconds in the place of milliseconds")
		}
		if x.orphaned {
			w.find("messages without a sender")
		}
		if known[r.id] {
			w.find("a message twice on one page")
		} else {
			a.list = append(a.list, r)
			known[r.id] = true
		}
		a.items = append(a.items, item)
	}
	for i := range a.list {
		switch r := &a.list[i]; {
		case r.created != 0 && lost == i: // the first that can be read
			for j := range i {
				a.list[j].created, a.list[j].updated = r.created, r.updated
			}
		case r.created != 0:
		case lost == i:
			lost++
		default:
			r.created, r.updated = a.list[i-1].created, a.list[i-1].updated
		}
	}
	if lost == len(a.list) { // none can be read: they stand where the walk does
		for i := range a.list {
			at := min(a.below, w.low)
			a.list[i].created, a.list[i].updated = at, at
		}
	}
}

// other returns the time by which the walk doesn't go.
func (w *walk) other() parlance.Timeline {
	if w.order == parlance.ByUpdated {
		return parlance.ByCreated
	}
	return parlance.ByUpdated
}

// sorted reports whether rows go down, or up, in an order; a list of equal times does both.
func sorted(rows []row, order parlance.Timeline, down bool) bool {
	return slices.IsSortedFunc(rows, func(a, b row) int {
		if down {
			return cmp.Compare(b.at(order), a.at(order))
		}
		return cmp.Compare(a.at(order), b.at(order))
	})
}

// arrange finds by which time a page is sorted, and brings its rows into the order of the walk: IMKit Mirror, order.
func (w *walk) arrange(a *answer, below *row) {
	other := w.other()
	fits := func(order parlance.Timeline) bool {
		return sorted(a.list, order, true) || sorted(a.list, order, false)
	}
	// A page below a row holds nothing above it. If by one time it does and by the other it doesn't, that tells too.
	above := func(order parlance.Timeline) bool {
		return below != nil && slices.ContainsFunc(a.list, func(r row) bool { return r.at(order) > below.at(order) })
	}
	switch here, there := fits(w.order), fits(other); {
	case here && !there:
		w.sure = true
	case !w.sure && there && (!here || !w.turned && above(w.order) && !above(other)):
		w.reorder(other)
		w.sure, w.turned = !here, true
		if below != nil {
			a.below = below.at(other)
		}
	case !here:
		w.find("a page that is sorted neither by update nor by creation")
	}
	switch down, up := sorted(a.list, w.order, true), sorted(a.list, w.order, false); {
	case up && (!down || w.ascending): // rows of one time stand both ways: then it is as on other pages
		w.find("a page that begins with the oldest message")
		w.ascending = true
		slices.Reverse(a.list)
		return
	case down:
		w.ascending = w.ascending && up
		return
	}
	slices.SortStableFunc(a.list, func(a, b row) int { return cmp.Compare(b.at(w.order), a.at(w.order)) })
}

// note keeps what an answer tells besides its rows.
func (w *walk) note(a *answer) {
	w.clock = a.clock
	if a.who.Token == "" {
		w.account = ""
		if in, err := parseForeign(a.inspect); err == nil {
			if query, err := parseForeign(in.get("query")); err == nil {
				w.account, _ = query.text("appID")
			}
		}
	}
	if a.total == nil {
		return
	}
	if w.total == nil {
		w.total = a.total
	}
	w.stable = w.stable && *w.total == *a.total
	w.total, w.hidden = a.total, a.hidden
}

// fresh returns the rows of a that the walk hasn't given: lower than all that it has, or at its lowest time and not known. A row
// above that is none: it was given, or came or was changed after the walk began.
func (w *walk) fresh(a *answer) []row {
	var rows []row
	for _, r := range a.list {
		if at := r.at(w.order); at < w.low || !w.tied[r.id] && (at == w.low || !w.sure && r.at(w.other()) <= w.lowOther && !w.knownAbove(r.id)) {
			rows = append(rows, r)
		}
	}
	return rows
}

// knownAbove reports whether a row is among those that are remembered above the lowest time.
func (w *walk) knownAbove(id string) bool {
	return slices.ContainsFunc(w.above, func(r row) bool { return r.id == id })
}

// isBelow reports whether a is what lies below the row that was asked with, as far as the rows themselves tell: there are
// some, and none is above it. A server that ignores the anchor, or an anchor that was changed and moved to the top, give others.
// Of the newest page it reports whether it reaches down to where the walk is.
func (w *walk) isBelow(a *answer) bool {
	some := false
	for _, r := range a.list {
		switch at := r.at(w.order); {
		case at > a.below:
			return false
		case at < a.below && (a.below != parlance.MaxTime || at <= w.low):
			some = true
		}
	}
	return some
}

// replays reports whether a has rows above the row that was asked with.
func (w *walk) replays(a *answer) bool {
	return slices.ContainsFunc(a.list, func(r row) bool { return r.at(w.order) > a.below })
}
