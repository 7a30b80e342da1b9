package certificate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parlance"
	"parlance/files"
	"parlance/history"
	"parlance/mirror"
	"parlance/store"
)

// Options say what a statement is about.
type Options struct {
	Workspace     parlance.WorkspaceID
	Source        mirror.Name               // empty: all that mirror into the workspace
	Conversations []parlance.ConversationID // empty: all that the sources know
}

// State returns what the archive has. A conversation that was asked for and that no source reads is stated as unknown. NotFound if there is no such
// source, or none at all.
func State(ctx context.Context, s *store.Store, m *mirror.Mirror, o Options) (*Statement, error) {
	st := &Statement{
		Workspace: o.Workspace, Issued: Instant(s.Now()), Named: len(o.Conversations) > 0, Sources: []Source{}, Conversations: []Conversation{},
	}
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Workspace != o.Workspace || o.Source != "" && c.Name != o.Source {
			continue
		}
		if err := st.addSource(ctx, s, m, c.Name, o.Conversations); err != nil {
			return nil, fmt.Errorf("state what is here of %s: %w", c.Name, err)
		}
	}
	if len(st.Sources) == 0 {
		if o.Source != "" {
			return nil, parlance.Errorf(parlance.NotFound, "there is no upstream %q of workspace %s", o.Source, o.Workspace)
		}
		return nil, parlance.Errorf(parlance.NotFound, "nothing is mirrored into workspace %s, so nothing can be stated of it", o.Workspace)
	}
	for _, id := range o.Conversations {
		if st.has(id) {
			continue
		}
		if err := st.addUnread(ctx, s, "", id, "no source reads it"); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(st.Conversations, func(a, b Conversation) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	st.Limits = st.limits()
	return st, nil
}

// has reports whether a conversation is stated.
func (st *Statement) has(id parlance.ConversationID) bool {
	return slices.ContainsFunc(st.Conversations, func(c Conversation) bool { return c.ID == id })
}

func (st *Statement) addSource(ctx context.Context, s *store.Store, m *mirror.Mirror, n mirror.Name, only []parlance.ConversationID) error {
	// The ledgers first: what they claim is in the logs that are looked at after them.
	status, all, err := m.Coverage(ctx, n)
	if err != nil {
		return err
	}
	src := Source{
		Name: n, Platform: status.Platform, URL: status.URL, Account: status.Account, State: status.State,
		Listed: Instant(status.Listed), Named: len(status.Config.Conversations) > 0,
		RetentionSeconds: status.Retention.Seconds(), MeasuredSeconds: status.Measured.Seconds(), Loses: st.loses(status.Loses),
	}
	if l := status.Last; l != nil {
		src.LastRun, src.Failed = Instant(l.Ended), l.Error
	}
	st.Sources = append(st.Sources, src)

	asked := func(id parlance.ConversationID) bool { return len(only) == 0 || slices.Contains(only, id) }
	shared := map[history.StreamID]bool{} // those that a stated conversation is read with
	known := map[string]bool{}            // streams, and conversations
	for i := range all {
		c := &all[i]
		one := Conversation{ID: c.Conversation, Source: n, State: c.State, Stream: c.Part}
		known[string(c.Stream)], known[string(one.ID)] = true, true
		if one.ID == "" || !asked(one.ID) {
			continue
		}
		if one.Stream == "" {
			one.Coverage = st.coverage(c, nil)
		} else {
			shared[one.Stream] = true
			one.Coverage = Coverage{Gaps: []Gap{}, Files: filesOf(c.Files)}
		}
		if err := one.look(ctx, s, st.Workspace); err != nil {
			return err
		}
		st.Conversations = append(st.Conversations, one)
	}
	for i := range all {
		if c := &all[i]; c.Conversation == "" && (len(only) == 0 || shared[c.Stream]) {
			st.Streams = append(st.Streams, Stream{Source: n, ID: c.Stream, State: c.State, Coverage: st.coverage(c, asked)})
		}
	}
	for _, id := range status.Config.Conversations {
		buyer := id[strings.LastIndexByte(string(id), ':')+1:]
		if asked(id) && !known[string(id)] && !known[string(buyer)] {
			if err := st.addUnread(ctx, s, n, id, "not read yet"); err != nil {
				return err
			}
		}
	}
	return nil
}

// addUnread states a conversation of which nothing is known.
func (st *Statement) addUnread(ctx context.Context, s *store.Store, n mirror.Name, id parlance.ConversationID, why string) error {
	c := Conversation{ID: id, Source: n, State: mirror.Unknown, Coverage: Coverage{Gaps: []Gap{{Reason: why}}}}
	if err := c.look(ctx, s, st.Workspace); err != nil {
		return err
	}
	st.Conversations = append(st.Conversations, c)
	return nil
}

// look looks at the conversation's log.
func (c *Conversation) look(ctx context.Context, s *store.Store, ws parlance.WorkspaceID) error {
	ref := parlance.Ref{Workspace: ws, Conversation: c.ID}
	now, err := s.State(ctx, ref)
	if err != nil {
		return err
	}
	mark, err := s.Mark(ctx, ref)
	if err != nil {
		return err
	}
	c.Log = Log{Number: mark.Number, Messages: now.Total}
	if mark.Number > 0 {
		c.Log.Hash = mark.String()
	}
	return nil
}

// loses returns when messages may be lost, as it is stated.
func (st *Statement) loses(t parlance.Time) Instant {
	if t == parlance.MaxTime {
		return 0
	}
	return max(Instant(t), st.Issued)
}

// coverage returns a ledger as it is stated. Of a stream of several conversations only what is of those asked for is told one by one.
func (st *Statement) coverage(c *mirror.Coverage, asked func(parlance.ConversationID) bool) Coverage {
	v := Coverage{
		Order: c.Order.String(), Beginning: c.Beginning, Changes: Instant(c.Changed), Mirrored: c.Held.Messages, Missing: c.Held.Missing,
		Gaps: []Gap{}, Files: filesOf(c.Files), Checked: Instant(c.Checked), Attempted: Instant(c.Attempted), Failure: c.Failure,
		Gone: Instant(c.Gone), Loses: st.loses(c.Loses),
	}
	for _, s := range c.Spans {
		v.Spans = append(v.Spans, Span{Instant(s.High), Instant(s.Low.Time), Instant(s.Began), Instant(s.Ended), s.Pages})
	}
	if t := c.Total; t != nil {
		v.Total = &Total{t.Count, t.Query, t.Hidden, Instant(t.At)}
	}
	gap := func(to *[]Gap, g mirror.Gap) {
		if asked != nil && g.Conversation != "" && !asked(g.Conversation) {
			v.OtherGaps++
			return
		}
		one := Gap{g.ID, "", Instant(g.From), Instant(g.To), g.Reason, Instant(g.Acknowledged)}
		if g.Conversation != c.Conversation {
			one.Conversation = g.Conversation
		}
		*to = append(*to, one)
	}
	for _, g := range c.Holes {
		gap(&v.Gaps, g)
	}
	for _, g := range c.Ledger.Gaps {
		if g.Acknowledged != 0 {
			gap(&v.Acknowledged, g)
		}
	}
	for _, f := range c.Findings {
		if asked == nil || f.Conversation == "" || asked(f.Conversation) {
			v.Findings = append(v.Findings, Finding{f.Text, Instant(f.Last), f.Times})
		}
	}
	return v
}

func filesOf(n files.Counts) *Files {
	if n.Total() == 0 {
		return nil
	}
	return &Files{n.Fetched, n.Wanted + n.Failed, n.Refused + n.Gone}
}

// States counts the conversations by state.
func (st *Statement) States() map[mirror.State]int {
	n := map[mirror.State]int{}
	for i := range st.Conversations {
		n[st.Conversations[i].State]++
	}
	return n
}

// Complete reports whether all that the statement is about is complete: its conversations and, unless they were named, its sources and
// streams.
func (st *Statement) Complete() bool {
	for _, c := range st.Conversations {
		if c.State != mirror.Complete {
			return false
		}
	}
	if st.Named {
		return true
	}
	return !slices.ContainsFunc(st.Sources, func(s Source) bool { return s.State != mirror.Complete })
}

// A Difference is a conversation that a store doesn't have as it is stated.
type Difference struct {
	Conversation parlance.ConversationID `json:"conversation"`
	Text         string                  `json:"text"`
}

// Compare reads the stated conversations' logs in a store, each up to the stated entry, and returns those that come to another
// hash. What came after that entry is no difference. Logs are read whole, and no hash that is stored is believed.
func (st *Statement) Compare(ctx context.Context, s *store.Store) ([]Difference, error) {
	var all []Difference
	seen := map[parlance.ConversationID]Log{}
	for _, c := range st.Conversations {
		if c.Log.Number == 0 || seen[c.ID] == c.Log {
			continue
		}
		seen[c.ID] = c.Log
		mark, err := s.MarkAt(ctx, parlance.Ref{Workspace: st.Workspace, Conversation: c.ID}, c.Log.Number)
		switch {
		case errors.Is(err, parlance.NotFound), errors.Is(err, parlance.Corrupt):
			all = append(all, Difference{c.ID, err.Error()})
		case err != nil:
			return all, err
		case mark.String() != c.Log.Hash:
			all = append(all, Difference{c.ID, fmt.Sprintf("up to entry %d its log comes to %s, and %s is stated", c.Log.Number, mark, c.Log.Hash)})
		}
	}
	return all, nil
}
