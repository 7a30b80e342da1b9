package imetastore

import (
	"bytes"
	"fmt"

	"parlance"
	"parlance/history"
)

// clockMargin is how far ahead of the platform's clock a message may be dated before that is a finding.
const clockMargin parlance.Time = 300_000

// A haul is the answer to one request of a walk, read.
type haul struct {
	ask
	page     history.Page
	complete bool
	last     Integer // lastMsgTime
	lastKey  string

	seconds map[string]int64 // of the readable messages, by their ids
	unread  []string         // the items that aren't readable
	oldest  int64            // second of the oldest readable message; only if there is one
	fresh   int              // messages at or below max, and items, that the walk hasn't given
	strays  int              // items that belong elsewhere, or outside of the time that was asked for
	size    int              // bytes of the items
	large   bool             // it was too large to be read, and nothing else of it is known
	doubt   string           // how it contradicts itself
}

// A listed is one item of an answer.
type listed struct {
	raw     []byte
	message parlance.Message
	to      parlance.AccountID
	err     error // why it can't be read
	stray   bool  // it moves nothing
}

func (h *haul) empty() bool { return len(h.page.Items) == 0 }

// shows reports whether h has a message of the second.
func (h *haul) shows(sec int64) bool {
	for _, s := range h.seconds {
		if s == sec {
			return true
		}
	}
	return false
}

// note adds a finding.
func (h *haul) note(format string, args ...any) {
	h.page.Findings = append(h.page.Findings, history.Finding{Text: fmt.Sprintf(format, args...)})
}

// read reads the answer to a. It changes nothing of where the walk stands.
func (w *walk) read(a ask, l *Listing) haul {
	h := haul{ask: a, complete: l.Complete, last: l.LastTime, lastKey: l.LastKey, seconds: map[string]int64{}}
	h.page.Clock = l.Clock
	all := listedOf(l)
	outside := 0
	for i := range all {
		it := &all[i]
		h.size += len(it.raw)
		if it.err != nil {
			continue
		}
		it.err = w.elsewhere(it)
		sec := it.message.Created.Seconds()
		it.stray = it.err != nil || sec > a.max || sec < min(a.min, a.max)
		if it.stray {
			h.strays++
		}
		if it.stray && it.err == nil {
			outside++
		}
	}
	met := map[parlance.ConversationID]bool{}
	for i := range all {
		h.count(w, &all[i])
		h.page.Items = append(h.page.Items, h.attribute(w, &all[i], met))
	}
	h.check(all, l.Count, outside)
	return h
}

// listedOf returns the items of an answer.
func listedOf(l *Listing) []listed {
	all := make([]listed, len(l.Items))
	for i, raw := range l.Items {
		it := &all[i]
		it.raw = bytes.Clone(raw)
		it.message, it.to, it.err = readItem(it.raw)
	}
	return all
}

// count notes by which an item is known again, and whether it is new.
//
// iMetaStore mirror, new: by what tells messages apart.
func (h *haul) count(w *walk, it *listed) {
	id, sec := string(it.message.ID), it.message.Created.Seconds()
	if it.stray && it.err == nil {
		return
	}
	if it.err != nil {
		id, sec = string(it.raw), h.max
		h.unread = append(h.unread, id)
	} else {
		if len(h.seconds) == 0 || sec < h.oldest {
			h.oldest = sec
		}
		h.seconds[id] = sec
	}
	if _, given := w.seen[id]; !given && sec <= h.max {
		h.fresh++
	}
}

// attribute returns the item as it is given, and adds its conversation to the page unless that has been met.
func (h *haul) attribute(w *walk, it *listed, met map[parlance.ConversationID]bool) history.Item {
	item := history.Item{Message: it.message, Err: it.err, Raw: it.raw}
	if it.err != nil {
		// Its id may be that of another conversation's message.
		item.Message = parlance.Message{Sent: it.message.Sent, Created: it.message.Created, Updated: it.message.Updated}
		return item
	}
	m := &item.Message
	if h.page.Top == 0 || m.Created > h.page.Top {
		h.page.Top = m.Created
	}
	p, err := w.partiesOf(m.Sender, it.to)
	if err != nil {
		item.Err = err
		return item
	}
	m.Role = parlance.Merchant
	if m.Sender == p.buyer {
		m.Role = parlance.Customer
	}
	if h.page.Account == "" || p.seller == w.seller {
		h.page.Account = string(p.seller)
	}
	c, members := chatOf(p.seller, p.buyer, p.number, 0)
	item.Conversation = c.ID
	if !met[c.ID] {
		met[c.ID] = true
		h.page.Conversations = append(h.page.Conversations, history.Stream{ID: history.StreamID(p.buyer), Conversation: c, Members: members})
	}
	return item
}

// check looks for what shouldn't be so.
//
// iMetaStore mirror, findings: told once in a walk.
func (h *haul) check(all []listed, count int64, outside int) {
	switch n := int64(len(all)); {
	case count > n:
		h.doubt = fmt.Sprintf("counts %d messages more than it lists", count-n)
		h.note("msgCnt is above the number of messages listed")
	case count >= 0 && count < n:
		h.doubt = fmt.Sprintf("counts %d messages fewer than it lists", n-count)
		h.note("msgCnt is below the number of messages listed")
	case outside > 0:
		h.doubt = "holds messages outside of the time that was asked for"
		h.note("a page holds messages outside of the time that was asked for")
	}
	var before parlance.Time
	for i := range all {
		if all[i].err != nil || all[i].stray {
			continue
		}
		t := all[i].message.Created
		if before != 0 && t < before {
			h.note("a page is not ascending")
		}
		if h.page.Clock != 0 && t > h.page.Clock+clockMargin {
			h.note("a message is dated ahead of the platform's clock")
		}
		before = t
	}
}

// parties are the two sides of a message.
type parties struct {
	seller, buyer parlance.AccountID
	number        Integer // the buyer's
}

// elsewhere returns an error if an item is between others than those whose history this is. It moves nothing, then.
//
// iMetaStore mirror, belonging: by the accounts.
func (w *walk) elsewhere(it *listed) error {
	p, err := w.partiesOf(it.message.Sender, it.to)
	switch {
	case err != nil:
		return err
	case w.buyer != "" && p.buyer != w.buyer:
		return parlance.Errorf(parlance.Invalid, "the message is another buyer's than the one who was asked for")
	case p.seller != w.seller:
		return parlance.Errorf(parlance.Invalid, "the message is another seller's than the one whose history this is")
	}
	return nil
}

// partiesOf returns which of the accounts is the buyer's, or an error if that can't be told. Where both
// could be, it is the one whose history this is, or who isn't the seller known so far, or who alone has as many digits as the platform's buyers.
func (w *walk) partiesOf(from, to parlance.AccountID) (parties, error) {
	n, fromBuyer := buyerNumber(from)
	m, toBuyer := buyerNumber(to)
	if fromBuyer && toBuyer {
		switch {
		case from == to:
		case from == w.buyer, to == w.seller:
			toBuyer = false
		case to == w.buyer, from == w.seller:
			fromBuyer = false
		default:
			fromBuyer, toBuyer = isLong(from), isLong(to)
		}
	}
	switch {
	case fromBuyer == toBuyer:
		return parties{}, parlance.Errorf(parlance.Invalid, "which account is the buyer's can't be told")
	case fromBuyer:
		return parties{to, from, n}, nil
	default:
		return parties{from, to, m}, nil
	}
}

// isLong reports whether a number has as many digits as the platform's buyers: 15 to 19.
func isLong(a parlance.AccountID) bool { return len(a) >= 15 && len(a) <= 19 }
