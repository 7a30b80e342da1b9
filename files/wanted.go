package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A group is a number of mentions of which some may not be settled: fetched, gone or refused. It is written before anything is fetched
// and removed when all are settled, so whatever is wanted is in one; the records say what is so.
type group struct {
	Source   string        `json:"source,omitempty"`
	Next     parlance.Time `json:"next"` // when the first of them may be tried again
	Mentions []mention     `json:"mentions"`
}

// A mention is how a [Mention] is written.
type mention struct {
	Conversation parlance.ConversationID `json:"conversation"`
	Message      parlance.MessageID      `json:"message"`
	Address      string                  `json:"address"`
	Name         string                  `json:"name,omitempty"`
	Type         parlance.Type           `json:"type,omitempty"`
}

// maxGroup is how many mentions a group has at most.
const maxGroup = 100

// key names a group by what it holds, so that the same mentions are the same group.
func (g *group) key() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", g.Source)
	addresses := make([]string, len(g.Mentions))
	for i, m := range g.Mentions {
		addresses[i] = m.Address
	}
	slices.Sort(addresses)
	for _, a := range addresses {
		fmt.Fprintf(h, "%d %s\n", len(a), a)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Want records, durably, that files are wanted, as far as nothing is known of their addresses. Who stores messages calls it first: whatever happens
// then, [Archive.Retry] finds the addresses. It fetches nothing.
func (a *Archive) Want(ctx context.Context, src Source, ms []Mention, now parlance.Time) error {
	_, err := a.want(ctx, src, ms, now)
	return err
}

// A standing group is one as it is in the store.
type standing struct {
	group
	key string
}

func (a *Archive) want(ctx context.Context, src Source, ms []Mention, now parlance.Time) ([]standing, error) {
	unknown, err := a.unknown(ctx, src.Workspace, ms)
	if err != nil {
		return nil, err
	}
	return a.putGroups(ctx, src, unknown, now)
}

// unknown returns the mentions, each address once, of which nothing is known.
func (a *Archive) unknown(ctx context.Context, ws parlance.WorkspaceID, ms []Mention) ([]Mention, error) {
	seen := map[string]bool{}
	ms = slices.DeleteFunc(slices.Clone(ms), func(m Mention) bool {
		known := seen[m.Address]
		seen[m.Address] = true
		return known
	})
	known := make([]bool, len(ms))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, m := range ms {
		g.Go(func() error {
			_, raw, err := a.record(ctx, ws, KeyOf(m.Address))
			known[i] = raw != nil
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var unknown []Mention
	for i, m := range ms {
		if !known[i] {
			unknown = append(unknown, m)
		}
	}
	return unknown, nil
}

// putGroups writes that mentions aren't settled.
func (a *Archive) putGroups(ctx context.Context, src Source, ms []Mention, now parlance.Time) ([]standing, error) {
	var all []standing
	for some := range slices.Chunk(ms, maxGroup) {
		g := group{Source: src.Name, Next: now}
		for _, m := range some {
			g.Mentions = append(g.Mentions, mention(m))
		}
		key := g.key()
		err := jsonrecord.Swap(ctx, a.store, unsettled(src.Workspace), key, nil, g)
		// The same group may stand there already, with another time.
		if err != nil && !errors.Is(err, parlance.Conflict) {
			return nil, err
		}
		all = append(all, standing{g, key})
	}
	return all, nil
}

// groups returns the groups that aren't settled and that are asked for.
func (a *Archive) groups(ctx context.Context, ws parlance.WorkspaceID, which func(*group, string) bool) ([]standing, error) {
	var all []standing
	for r, err := range a.store.Records(ctx, unsettled(ws)) {
		if err != nil {
			return nil, fmt.Errorf("list files that aren't settled: %w", err)
		}
		g, err := jsonrecord.Decode[group](unsettled(ws), r.Value)
		if err != nil {
			return nil, err
		}
		if which(&g, r.Key) {
			all = append(all, standing{g, r.Key})
		}
	}
	return all, nil
}

// close writes what is left of a group after its addresses came to what found says, and reports whether anything is.
func (a *Archive) close(ctx context.Context, src Source, s standing, found []Record) (bool, error) {
	collection := unsettled(src.Workspace)
	for {
		stands, raw, err := jsonrecord.Read[group](ctx, a.store, collection, s.key)
		if err != nil {
			return true, err
		}
		left := s.left(found, stands.Mentions)
		if raw == nil && left == nil {
			return false, nil
		}
		var value []byte
		if left != nil {
			if value, err = json.Marshal(left); err != nil {
				return true, fmt.Errorf("encode record of %s: %w", collection, err)
			}
		}
		err = a.store.SwapRecord(ctx, collection, s.key, raw, value)
		if err == nil {
			return left != nil, nil
		}
		if !errors.Is(err, parlance.Conflict) {
			return true, fmt.Errorf("write record of %s: %w", collection, err)
		}
	}
}

// left returns the group without what is settled, nil if all is: found is what the addresses of s came to, and others are
// those that the group has in the store.
func (s *standing) left(found []Record, others []mention) *group {
	g := group{Source: s.Source}
	ours := map[string]bool{}
	var next []parlance.Time
	for i, m := range s.Mentions {
		ours[m.Address] = true
		switch found[i].State {
		case Kept, Refused, Gone:
			continue
		}
		g.Mentions = append(g.Mentions, m)
		next = append(next, found[i].Next)
	}
	for _, m := range others {
		if !ours[m.Address] {
			g.Mentions = append(g.Mentions, m)
			next = append(next, 0) // not known: at once
		}
	}
	if len(g.Mentions) == 0 {
		return nil
	}
	g.Next = slices.Min(next)
	return &g
}
