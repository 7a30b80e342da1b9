package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"parlance"
	"parlance/files"
	"parlance/history"
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
	Now   parlance.Time

	files files.Tally
}

// Warns reports whether messages may vanish soon that aren't here: a quarter of the retention is left, or less.
func (s *Status) Warns() bool {
	return s.Retention > 0 && s.Loses != never && s.Loses-s.Now < parlance.Time((s.Retention/4).Milliseconds())
}

// Status returns where an upstream stands. It asks nobody.
func (m *Mirror) Status(ctx context.Context, n Name) (Status, error) {
	c, err := m.Upstream(ctx, n)
	if err != nil {
		return Status{}, err
	}
	s := Status{Config: c, State: Complete, Loses: never, Now: m.o.Now(), Retention: c.Retention}
	if s.Retention == 0 {
		s.Retention = documented[c.Platform]
	}
	if m.o.Files != nil {
		if s.files, err = m.o.Files.Counts(ctx, c.Workspace); err != nil {
			return s, fmt.Errorf("count files: %w", err)
		}
	}
	states := map[history.StreamID]State{}
	var parts []Ledger
	var all []Ledger
	for l, err := range m.Ledgers(ctx, n) {
		if err != nil {
			return s, err
		}
		if l.Part != "" {
			parts = append(parts, l)
		} else {
			all = append(all, l)
		}
	}
	for i := range all {
		l := &all[i]
		state := s.add(ctx, m, l)
		states[l.Stream] = state
		if l.Conversation != "" {
			if err := s.addConversation(ctx, m, l.Conversation, state); err != nil {
				return s, err
			}
		}
	}
	for i := range parts {
		if err := s.addConversation(ctx, m, parts[i].Conversation, states[parts[i].Part]); err != nil {
			return s, err
		}
	}
	if c.Listed == 0 {
		g := Gap{Reason: "the platform's list of conversations wasn't read to its end yet"}
		g.ID = g.id()
		s.Gaps = append(s.Gaps, g)
		s.State = worst(s.State, Unknown)
	}
	if len(all) == 0 && s.Retention > 0 && c.Listed == 0 {
		s.Loses = 0
	}
	slices.SortFunc(s.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.From, b.From), cmp.Compare(a.Reason, b.Reason))
	})
	return s, nil
}

// documented is how long platforms keep messages by their documentation; those that aren't here keep them for ever, as far as is known.
var documented = map[parlance.Dialect]time.Duration{parlance.IMetaStore: 7 * 24 * time.Hour}

// add counts a stream, and returns its state.
func (s *Status) add(ctx context.Context, m *Mirror, l *Ledger) State {
	holes, state := l.Holes(), l.State()
	files := s.files.Of(string(s.Name), l.Conversation)
	s.FilesWaiting += files.Wanted + files.Failed
	s.FilesLost += files.Refused + files.Gone
	if n := files.Wanted + files.Failed; n > 0 {
		// Those that never will be here are no hole: nobody has them.
		g := Gap{Conversation: l.Conversation, Reason: fmt.Sprintf("%d files that messages name couldn't be fetched yet", n)}
		g.ID = g.id()
		holes = append(holes, g)
		state = worst(state, Partial)
	}
	s.Gaps = append(s.Gaps, holes...)
	s.State = worst(s.State, state)
	s.Missing += l.Held.Missing
	s.Loses = min(s.Loses, l.loses(s.Retention))
	if l.Oldest != 0 && l.Held.Missing == 0 {
		s.measure(ctx, m, l)
	}
	return state
}

// addConversation counts a conversation.
func (s *Status) addConversation(ctx context.Context, m *Mirror, id parlance.ConversationID, state State) error {
	s.Conversations++
	switch state {
	case Complete:
		s.Complete++
	case Partial:
		s.Partial++
	default:
		s.Unknown++
	}
	st, err := m.store.State(ctx, parlance.Ref{Workspace: s.Workspace, Conversation: id})
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
	s, err := r.m.Status(ctx, r.c.Name)
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
