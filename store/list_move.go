package store

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/internal/format"
)

// This file is about when conversations move in the lists by last activity.

// maxListLag is how far behind a conversation's activity its rows in the lists may be, so that few
// messages write to them: a room has as many lists as members.
const maxListLag parlance.Time = 60_000

// listedAt is the time at which the conversation's rows stand in the lists.
func listedAt(t *format.Head, about *parlance.Conversation) parlance.Time {
	if t.Listed == 0 {
		return about.Created
	}
	return t.Listed
}

// listEntry schedules a list update for e if the lists show an activity more than a minute old. It looks at nothing
// but the log and where the rows stood before, so that all processes that derive from the same entries move them
// to the same place, whatever groups they make. An import runs through years in a minute; its
// conversations move with their first message, and then once more, when it ends.
func (a *appender) listEntry(e *Entry) {
	if !a.listsAreRecent() || e.Origin != Send && e.Number > 1 {
		return
	}
	a.previousTimes = append(a.previousTimes, listedAt(&a.next, &a.about))
	a.next.Listed = activity(&a.next, &a.about)
}

// list writes the rows of the lists if the group's entries moved them, and leaves the rest to Settle.
func (a *appender) list() error {
	if len(a.previousTimes) > 0 {
		if err := a.move(); err != nil {
			return err
		}
	}
	a.relist()
	return nil
}

// listsAreRecent reports whether the conversation's rows in the lists are too far from its activity.
func (a *appender) listsAreRecent() bool {
	at := listedAt(&a.next, &a.about)
	return a.next.Number > 0 && (a.next.Listed == 0 || activity(&a.next, &a.about) >= at+maxListLag)
}

// activity is the highest time that the conversation's last activity may have.
func activity(t *format.Head, about *parlance.Conversation) parlance.Time {
	if t.Total == 0 {
		return about.Created
	}
	return t.LastCreated
}

// relist leaves a conversation that lags in the lists to Settle. It does so also when
// nothing was stored: an import that is done again may be there because the first one never settled.
func (a *appender) relist() {
	if a.listsAreRecent() {
		a.s.unlistedMu.Lock()
		defer a.s.unlistedMu.Unlock()
		a.s.unlisted[a.c.ref] = struct{}{}
	}
}

// move has the lists show the conversation where next says that it stands.
func (a *appender) move() error {
	if !a.s.bounds.Exclusive {
		a.s.drop(membersName(a.c.ref)) // a member who just came needs the new row most
	}
	members, err := a.s.Members(a.ctx, a.c.ref)
	if err != nil {
		return err
	}
	at := listedAt(&a.next, &a.about)
	for _, l := range listsOf(&a.about, members) {
		a.ops.move(a.c.ref.Workspace, l, &a.about, a.previousTimes, at)
	}
	return nil
}

// listsOf returns the lists that show a conversation.
func listsOf(about *parlance.Conversation, members []parlance.Member) []List {
	lists := []List{{Kind: about.Kind}}
	for _, m := range members {
		lists = append(lists, List{Account: m.Account})
	}
	return lists
}

// Settle brings the lists up to date after Puts in modes Import and Mirror, which leave
// them behind. Who imports calls it in the end; [Store.Close] does too.
func (s *Store) Settle(ctx context.Context) error {
	s.unlistedMu.Lock()
	refs := make([]parlance.Ref, 0, len(s.unlisted))
	for ref := range s.unlisted {
		refs = append(refs, ref)
	}
	clear(s.unlisted)
	s.unlistedMu.Unlock()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(64, s.WritersAtOnce())) // they wait for the disk, and share its syncs
	for _, ref := range refs {
		g.Go(func() error {
			err := s.settle(gctx, ref)
			if err != nil {
				s.unlistedMu.Lock()
				s.unlisted[ref] = struct{}{}
				s.unlistedMu.Unlock()
				return fmt.Errorf("bring the lists of %s up to date: %w", ref, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// settle moves one conversation in the lists. The head moves with the rows, under the
// number that it has: what the rows say is no more than the log does.
func (s *Store) settle(ctx context.Context, ref parlance.Ref) error {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	c.write.Lock()
	defer c.write.Unlock()
	t, err := s.writerHead(ctx, c)
	if err != nil || t.Number == 0 {
		return err
	}
	about, err := s.Conversation(ctx, ref)
	if err != nil {
		return err
	}
	// Never back, though all messages may be gone: should this stop before the head says so, the next message would
	// leave the rows there. Rows that are too high only cost their readers a look.
	if t.Listed != 0 && activity(t, &about) <= t.Listed {
		return nil
	}
	a := &appender{s: s, c: c, ctx: ctx, next: *t, about: about}
	a.previousTimes, a.next.Listed = []parlance.Time{listedAt(t, &about)}, activity(t, &about)
	if err := a.move(); err != nil {
		return err
	}
	if err := s.writeParts(ctx, a.parts(), appended(t.Number)+1); err != nil {
		return err
	}
	next := a.next
	c.cachedHead.Store(&next)
	return nil
}
