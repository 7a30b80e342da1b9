package export

import (
	"context"
	"iter"

	"parlance"
	"parlance/store"
)

// pageSize is how many messages are read at once.
const pageSize = 1000

// messages returns all messages of a conversation by (Sent, ID), the deleted ones among
// the others.
//
// The two are read in turns, window by window, the deleted ones last: a message that
// is deleted in between is found in both, and one that was deleted before is found
// there. So none is missed, and of two versions the deleted one is taken.
func (ex *exporter) messages(ctx context.Context, ref parlance.Ref) iter.Seq2[*parlance.Message, error] {
	return func(yield func(*parlance.Message, error) bool) {
		q := store.Query{Timeline: parlance.BySent, Ascending: true, Limit: pageSize, Private: true}
		for {
			page, err := ex.store.Page(ctx, ref, q)
			if err != nil {
				yield(nil, err)
				return
			}
			window := q
			if page.More {
				window.To = page.Entries[len(page.Entries)-1].Message.Position(parlance.BySent).Next()
			}
			live := page.Entries
			for d, err := range ex.deleted(ctx, ref, window) {
				if err != nil {
					yield(nil, err)
					return
				}
				at := d.Position(parlance.BySent)
				for len(live) > 0 && live[0].Message.Position(parlance.BySent).Compare(at) < 0 {
					if !yield(&live[0].Message, nil) {
						return
					}
					live = live[1:]
				}
				if len(live) > 0 && live[0].Message.ID == d.ID {
					live = live[1:]
				}
				if !yield(d, nil) {
					return
				}
			}
			for i := range live {
				if !yield(&live[i].Message, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			q.From = window.To
		}
	}
}

// deleted returns the deleted messages of q's range, ascending by (Sent, ID).
func (ex *exporter) deleted(ctx context.Context, ref parlance.Ref, q store.Query) iter.Seq2[*parlance.Message, error] {
	return func(yield func(*parlance.Message, error) bool) {
		for {
			page, err := ex.store.DeletedPage(ctx, ref, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Entries {
				if !yield(&page.Entries[i].Message, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			q.From = page.Entries[len(page.Entries)-1].Message.Position(parlance.BySent).Next()
		}
	}
}
