package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"parlance"
	"parlance/files"
	"parlance/history"
)

// A Coverage is what is known of one stream, and what that comes to.
type Coverage struct {
	Ledger              // with Part, nothing below is more than what the stream of that name has
	State  State        // its files taken into account
	Holes  []Gap        // see Ledger.Holes; files that may still be had are one more
	Files  files.Counts // zero if files aren't kept
	// Loses is when the first message that isn't here may vanish from the platform: 0 if that may be now, MaxTime if never.
	Loses parlance.Time
}

// Coverage returns where an upstream stands, and each of its streams, by conversation, as it was counted for that. A conversation that is read
// with a stream of several (Part) has that one's state. It asks nobody.
func (m *Mirror) Coverage(ctx context.Context, n Name) (Status, []Coverage, error) {
	s, all, err := m.cover(ctx, n)
	if err != nil {
		return s, all, err
	}
	if s.StaleSince, s.Stale = s.stale(s.Now); s.Stale != "" && s.Failed == nil && m.isRunning(ctx, n) {
		s.StaleSince, s.Stale = 0, "" // it is being read
	}
	if s.Stale != "" {
		s.State = worst(s.State, Stale)
	}
	return s, all, nil
}

// cover is Coverage of the ledgers, whatever became of the runs.
func (m *Mirror) cover(ctx context.Context, n Name) (Status, []Coverage, error) {
	c, err := m.Upstream(ctx, n)
	if err != nil {
		return Status{}, nil, err
	}
	s := Status{Config: c, State: Complete, Loses: never, AsOf: m.o.Now(), Looked: m.o.Now(), Now: m.o.Now(), Retention: c.retention()}
	if m.o.Files != nil {
		if s.files, err = m.o.Files.Counts(ctx, c.Workspace); err != nil {
			return s, nil, fmt.Errorf("count files: %w", err)
		}
		if err := s.room(ctx, m.o.Files); err != nil {
			return s, nil, err
		}
	}
	of := map[history.StreamID]*Coverage{}
	var all, parts []Coverage
	for l, err := range m.Ledgers(ctx, n) {
		switch {
		case err != nil:
			return s, nil, err
		case l.Part != "":
			parts = append(parts, Coverage{Ledger: l, State: Unknown, Files: s.files.Of(string(n), l.Conversation), Loses: never})
		default:
			all = append(all, s.add(ctx, m, l))
		}
	}
	if len(all) == 0 && s.Retention > 0 && c.Listed == 0 {
		s.Loses = 0
	}
	if len(all) == 0 {
		s.AsOf, s.Looked = c.Listed, c.Listed
	}
	for i := range all {
		of[all[i].Stream] = &all[i]
	}
	for i := range parts {
		if whole := of[parts[i].Part]; whole != nil {
			parts[i].State, parts[i].Loses = whole.State, whole.Loses
		}
	}
	all = append(all, parts...)
	for i := range all {
		if all[i].Conversation == "" {
			continue
		}
		if err := s.addConversation(ctx, m, &all[i]); err != nil {
			return s, nil, err
		}
	}
	if c.Listed == 0 {
		g := Gap{Reason: "the platform's list of conversations wasn't read to its end yet"}
		g.ID = g.id()
		s.Gaps = append(s.Gaps, g)
		s.State = worst(s.State, Unknown)
	}
	for _, g := range c.Unreadable {
		if g.Acknowledged == 0 {
			s.Gaps = append(s.Gaps, g)
			s.State = worst(s.State, Partial)
		}
	}
	slices.SortFunc(s.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.From, b.From), cmp.Compare(a.Reason, b.Reason))
	})
	slices.SortFunc(all, func(a, b Coverage) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Stream, b.Stream))
	})
	return s, all, nil
}
