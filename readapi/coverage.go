package readapi

import (
	"context"
	"net/http"
	"sync"

	"parlance"
	"parlance/mirror"
	"parlance/search"
	"parlance/store"
)

// coverageLife is for how long what the mirror knows is remembered, in milliseconds: all ledgers of a workspace are read for it.
const coverageLife parlance.Time = 10_000

// maxCovered is of how many workspaces it is remembered.
const maxCovered = 64

// A coverageCache holds what is known of workspaces.
type coverageCache struct {
	mu  sync.Mutex
	all map[parlance.WorkspaceID]*knownAt
}

// A knownAt is what was known of a workspace at a time.
type knownAt struct {
	at    parlance.Time
	known map[parlance.ConversationID]mirror.Known
	all   []covered // all conversations
}

// A covered is what a count looks at of a conversation.
type covered struct {
	id       parlance.ConversationID
	kind     parlance.Kind
	platform parlance.Dialect
	state    mirror.State
}

// known returns what is known of a workspace's conversations; as it was up to ten seconds ago.
func (s *Server) known(ctx context.Context, ws parlance.WorkspaceID) (*knownAt, error) {
	now := s.store.Now()
	s.coverage.mu.Lock()
	k, ok := s.coverage.all[ws]
	s.coverage.mu.Unlock()
	if ok && now < k.at+coverageLife && now >= k.at {
		return k, nil
	}
	v, err, _ := s.reading.Do(string(ws), func() (any, error) { return s.readKnown(context.WithoutCancel(ctx), ws, now) })
	if err != nil {
		return nil, err
	}
	return v.(*knownAt), nil
}

func (s *Server) readKnown(ctx context.Context, ws parlance.WorkspaceID, now parlance.Time) (*knownAt, error) {
	k := &knownAt{at: now}
	var err error
	if s.mirror != nil {
		if k.known, err = s.mirror.Known(ctx, ws); err != nil {
			return nil, err
		}
	}
	for c, err := range s.store.Conversations(ctx, ws) {
		if err != nil {
			return nil, err
		}
		k.all = append(k.all, covered{c.ID, c.Kind, c.Platform, k.known[c.ID].State.Coarse()})
	}
	s.coverage.mu.Lock()
	defer s.coverage.mu.Unlock()
	if s.coverage.all == nil || len(s.coverage.all) >= maxCovered {
		s.coverage.all = map[parlance.WorkspaceID]*knownAt{}
	}
	s.coverage.all[ws] = k
	return k, nil
}

// count counts the conversations that a request searches by what is known of them.
func (k *knownAt) count(r *search.Request) (n mirror.Coverages) {
	for i := range k.all {
		if c := &k.all[i]; r.Covers(c.id, c.kind, c.platform) {
			n.Add(c.state)
		}
	}
	return n
}

// A coverage is what is known of a conversation's history.
type coverage struct {
	Conversation parlance.ConversationID `json:"conversation"`
	State        mirror.State            `json:"state"` // complete, partial or unknown
	Gaps         []gap                   `json:"gaps"`
}

// A gap is a part that is missing, or not proven to be here.
type gap struct {
	From   *string `json:"from"` // inclusive; null: the beginning
	To     *string `json:"to"`   // inclusive; null: the newest
	Reason string  `json:"reason"`
}

// coverages answers GET /archive/v1/coverage.
func (s *Server) coverages(ctx context.Context, who asker, r *http.Request) (any, error) {
	l, err := s.listing(r, "coverage")
	if err != nil {
		return nil, err
	}
	k, err := s.known(ctx, who.ws)
	if err != nil {
		return nil, err
	}
	page := struct {
		Coverage []coverage `json:"coverage"`
		Cursor   string     `json:"cursor"` // empty: that was all
	}{Coverage: []coverage{}}
	page.Cursor, err = s.each(ctx, who, l, func(c *store.NumberedConversation) {
		one := coverage{Conversation: c.ID, State: k.known[c.ID].State.Coarse(), Gaps: []gap{}}
		for _, g := range k.known[c.ID].Gaps {
			one.Gaps = append(one.Gaps, gap{timeOrNull(g.From), timeOrNull(g.To), valid(g.Reason)})
		}
		page.Coverage = append(page.Coverage, one)
	})
	return page, err
}

func timeOrNull(t parlance.Time) *string {
	if t == 0 {
		return nil
	}
	s := t.String()
	return &s
}
