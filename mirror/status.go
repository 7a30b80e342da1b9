package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parlance"
	"parlance/files"
)

// A Status says where an upstream stands.
type Status struct {
	Config
	State         State
	Conversations int
	Messages      int // here, of its conversations
	Missing       int // of them, marked missing; of streams of one conversation only
	Complete      int // conversations
	Partial       int
	Unknown       int
	Gaps          []Gap // see Ledger.Holes
	FilesWaiting  int   // that may still be had
	FilesLost     int   // that never will be

	// Retention is how long the platform keeps messages, as told or as its documentation says; 0: for ever, as far as is known. Measured is what
	// full runs showed: the age of the oldest message given, where older ones are here; 0: that didn't show.
	Retention, Measured time.Duration
	// Loses is when the first message that isn't here may vanish from the platform: 0 if that may be now, MaxTime if never.
	Loses parlance.Time
	// AsOf is when the oldest of what counts was read. What the platform changed before that is here; what it changed since may not be, where it doesn't
	// tell. 0: there is something that wasn't read to its beginning yet.
	AsOf parlance.Time
	// Looked is when the conversation was looked at that wasn't for the longest time, to the hour; 0: there is one that never was, or none.
	Looked parlance.Time
	// Gone is how many streams the platform doesn't have any more; GoneSince is when that showed first. They count as what is here of them.
	Gone      int
	GoneSince parlance.Time
	Now       parlance.Time
	// Stale says why what is here is known not to be kept up to date, since StaleSince; empty: that isn't known.
	Stale      string
	StaleSince parlance.Time

	files  files.Tally
	noRoom string // why files that wait can't be fetched; empty: they can
}

// Warns reports whether messages may vanish soon that aren't here: a quarter of the retention is left, or less.
func (s *Status) Warns() bool {
	return s.Retention > 0 && s.Loses != never && s.Loses-s.Now < parlance.Time((s.Retention/4).Milliseconds())
}

// Status returns where an upstream stands. It asks nobody.
func (m *Mirror) Status(ctx context.Context, n Name) (Status, error) {
	s, _, err := m.Coverage(ctx, n)
	return s, err
}

// room finds out whether files that wait have room to come.
func (s *Status) room(ctx context.Context, archive *files.Archive) error {
	if n := s.files.Of(string(s.Name), ""); n.Wanted+n.Failed == 0 {
		return nil
	}
	err := archive.Room(ctx, s.Workspace)
	var noRoom *files.NoRoom
	switch {
	case errors.As(err, &noRoom):
		s.noRoom = noRoom.Reason
	case err != nil:
		return fmt.Errorf("find room for files: %w", err)
	default:
		s.noRoom = s.NoRoom // a large file may lack it where a small one doesn't
	}
	return nil
}

// add counts a stream, and returns what it makes of it.
func (s *Status) add(ctx context.Context, m *Mirror, l Ledger) Coverage {
	c := Coverage{Ledger: l, State: l.State(), Holes: l.Holes(), Files: s.files.Of(string(s.Name), l.Conversation), Loses: l.loses(s.Retention)}
	s.FilesWaiting += c.Files.Wanted + c.Files.Failed
	s.FilesLost += c.Files.Refused + c.Files.Gone
	if n := c.Files.Wanted + c.Files.Failed; n > 0 {
		// Those that never will be here are no hole: nobody has them.
		g := Gap{Conversation: l.Conversation, Reason: fmt.Sprintf("%d files that messages name couldn't be fetched yet", n)}
		g.ID = g.id() // whatever numbers the reason for it has
		if s.noRoom != "" {
			g.Reason += ": " + s.noRoom
		}
		c.Holes = append(c.Holes, g)
		c.State = worst(c.State, Partial)
	}
	s.Gaps = append(s.Gaps, c.Holes...)
	s.State = worst(s.State, c.State)
	s.Missing += l.Held.Missing
	s.Loses = min(s.Loses, c.Loses)
	if l.Gone == 0 {
		s.AsOf, s.Looked = min(s.AsOf, l.asOf()), min(s.Looked, l.Checked)
	} else {
		s.Gone++
		s.GoneSince = min(cmp.Or(s.GoneSince, l.Gone), l.Gone)
	}
	if l.Oldest != 0 && l.Held.Missing == 0 {
		s.measure(ctx, m, &l)
	}
	return c
}

// addConversation counts a conversation.
func (s *Status) addConversation(ctx context.Context, m *Mirror, c *Coverage) error {
	s.Conversations++
	switch c.State {
	case Complete:
		s.Complete++
	case Partial:
		s.Partial++
	default:
		s.Unknown++
	}
	if len(c.Spans) == 0 && slices.ContainsFunc(c.Gaps, func(g Gap) bool { return g.isOther() && g.Conversation == c.Conversation }) {
		return nil // what is here is another conversation's
	}
	st, err := m.store.State(ctx, parlance.Ref{Workspace: s.Workspace, Conversation: c.Conversation})
	s.Messages += st.Total
	return err
}

// measure learns from a full run how long the platform keeps messages.
func (s *Status) measure(ctx context.Context, m *Mirror, l *Ledger) {
	ref := parlance.Ref{Workspace: s.Workspace, Conversation: l.Conversation}
	older, err := m.store.Count(ctx, ref, parlance.ByCreated, nil, parlance.At(l.Oldest), true)
	if err != nil || older == 0 {
		return
	}
	kept := time.Duration(l.Checked-l.Oldest) * time.Millisecond
	if s.Measured == 0 || kept < s.Measured {
		s.Measured = kept
	}
}

// report returns what the run did, and where its upstream stands now. Stopped is what ended the run before it had asked everything; then nobody
// knows what came since the last one.
func (r *run) report(ctx context.Context, stopped error) (Report, Status, error) {
	p := r.board.now()
	rep := Report{Source: r.c.Name, State: Unknown, Read: p.Read, New: p.New, Changed: p.Changed, Missing: p.Missing, Gaps: []Gap{}, DryRun: r.o.DryRun}
	if r.meter != nil {
		rep.Calls = r.meter.count()
	}
	s, _, err := r.m.cover(ctx, r.c.Name) // what was stale before this run says nothing of it
	if err != nil {
		return rep, s, err
	}
	rep.State, rep.Conversations, rep.Messages = s.State, s.Conversations, s.Messages
	rep.Gaps = append(rep.Gaps, s.Gaps...)
	if stopped != nil {
		g := Gap{Reason: "the run was stopped before it had read everything"}
		g.ID = g.id()
		rep.Gaps = append(rep.Gaps, g)
		rep.State = worst(rep.State, Unknown)
	}
	return rep, s, nil
}
