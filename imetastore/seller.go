package imetastore

import (
	"context"
	"errors"

	"parlance"
)

// maxLooks is how many pages are looked at for who the seller is, should the first one not tell.
const maxLooks = 4

// A census counts the messages of each seller.
type census struct {
	of     map[parlance.AccountID]int
	newest map[parlance.AccountID]parlance.Time
	seen   map[parlance.MessageID]bool
}

// learnSeller finds out whose history this is, unless that is known: whoever it was before, if they have a message among the newest, else who has most of
// them. One page is enough if it leaves no doubt.
//
// iMetaStore mirror, seller: not by one message.
func (w *walk) learnSeller(ctx context.Context, in MessagesRequest, l *Listing) error {
	if known := w.source.whose.Load(); known != nil {
		w.seller = *known
		return nil
	}
	c := census{map[parlance.AccountID]int{}, map[parlance.AccountID]parlance.Time{}, map[parlance.MessageID]bool{}}
	for looks := 1; ; looks++ {
		c.add(w, l)
		who, sure := c.most(w.source.expected)
		if !sure && looks < maxLooks && !l.Complete && len(l.Items) > 0 && l.LastTime > 0 {
			to, key := Integer(secondOf(l.LastTime)), l.LastKey
			in.MaxTime, in.LastMsgKey = &to, &key
			next, err := w.source.client.Messages(ctx, in)
			if err == nil {
				l = &next
				continue
			}
			if !errors.Is(err, parlance.Invalid) && !errors.Is(err, parlance.Broken) {
				return err
			}
		}
		if who != "" {
			w.source.whose.CompareAndSwap(nil, &who)
			w.seller = *w.source.whose.Load()
		}
		return nil
	}
}

// add counts the messages of an answer.
func (c *census) add(w *walk, l *Listing) {
	w.seller = w.source.expected // tells the two sides apart where both are numbers
	for _, it := range listedOf(l) {
		if it.err != nil || c.seen[it.message.ID] {
			continue
		}
		p, err := w.partiesOf(it.message.Sender, it.to)
		if err != nil || w.buyer != "" && p.buyer != w.buyer {
			continue
		}
		c.seen[it.message.ID] = true
		c.of[p.seller]++
		c.newest[p.seller] = max(c.newest[p.seller], it.message.Created)
	}
}

// most returns who it is as far as can be told, and whether that leaves no doubt: the expected one, or who has most messages, of several the
// one with the newest.
func (c *census) most(expected parlance.AccountID) (who parlance.AccountID, sure bool) {
	if c.of[expected] > 0 {
		return expected, true
	}
	all := 0
	for a, n := range c.of {
		all += n
		if m := c.of[who]; who == "" || n > m || n == m && (c.newest[a] > c.newest[who] || c.newest[a] == c.newest[who] && a < who) {
			who = a
		}
	}
	return who, expected == "" && c.of[who] > 1 && 2*c.of[who] > all
}
