package store

import (
	"context"
	"fmt"
	"slices"

	"parlance"
	"parlance/store/internal/format"
)

// This file holds what readers have in common on an engine that is far away: one reading of a page
// for all who ask for it at the same time, and the entries that were read before.

// A sharedRead is one reading of a page that several callers share.
type sharedRead struct {
	began   uint64 // on the store's count of requests for pages
	page    Page
	count   int
	skipped bool // the one who began it has the page already
}

// sharedPage is readPage, done once for all who ask for the same page at the same time. Nobody
// gets a page whose reading began before they asked: it may lack what they were told is stored.
func (s *Store) sharedPage(ctx context.Context, ref parlance.Ref, t format.TimelineID, q Query, count bool) (Page, int, error) {
	asked := s.pageRequests.Add(1)
	name := pageName(ref, t, q, count)
	for {
		v, err, _ := s.sharedReads.Do(name, func() (any, error) {
			f := sharedRead{began: s.pageRequests.Add(1)}
			own := q
			own.Space = nil // it is one caller's
			if q.Unless != nil {
				own.Unless = func(st State) bool {
					f.skipped = q.Unless(st)
					return f.skipped
				}
			}
			var err error
			// Others wait for it too: one who gives up must not stop them.
			f.page, f.count, err = s.readPage(context.WithoutCancel(ctx), ref, t, own, count)
			return f, err
		})
		f := v.(sharedRead)
		switch {
		case ctx.Err() != nil:
			return Page{}, 0, ctx.Err()
		case f.began < asked:
			continue
		case err != nil:
			return Page{}, 0, err
		case f.skipped && (q.Unless == nil || !q.Unless(f.page.State)):
			q.Space = nil
			return s.readPage(ctx, ref, t, q, count)
		}
		f.page.Entries = slices.Clone(f.page.Entries)
		return f.page, f.count, nil
	}
}

// pageName tells pages apart.
func pageName(ref parlance.Ref, t format.TimelineID, q Query, count bool) string {
	k := bounds(q.From, q.To)
	return fmt.Sprintf("%q %q %d %q %q %t %d %d %t %t", ref.Workspace, ref.Conversation, t, k.from, k.to, q.Ascending, q.Limit, q.Bytes, q.Private, count)
}

// An entryName names a log entry.
type entryName struct {
	ref    parlance.Ref
	number uint64
}

// maxKept is how many bytes of entries are kept in memory, roughly.
const maxKept = 64 << 20

func weighEntry(n entryName, e Entry) uint32 {
	const one = 1024
	return uint32(one + len(n.ref.Workspace) + len(n.ref.Conversation) + len(e.Content))
}

// kept puts those of the entries into es that are in memory, and returns the indexes of the others.
func (s *Store) kept(ref parlance.Ref, numbers []uint64, es []Entry) (missing []int) {
	for i, n := range numbers {
		if e, ok := s.remembered.GetIfPresent(entryName{ref, n}); ok {
			es[i] = e
		} else {
			missing = append(missing, i)
		}
	}
	return missing
}
