package files

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/internal/jsonrecord"
)

// Counts say how many addresses came to what. One that several conversations mention counts for the first.
type Counts struct {
	Wanted  int   `json:"wanted"`  // not tried yet
	Fetched int   `json:"fetched"` // in the folder
	Failed  int   `json:"failed"`  // tried, and to be tried again
	Refused int   `json:"refused"` // not allowed
	Gone    int   `json:"gone"`    // no longer at their host
	Bytes   int64 `json:"bytes"`   // of those fetched; a content that has two addresses counts twice
}

// Total returns how many addresses were mentioned.
func (c Counts) Total() int { return c.Wanted + c.Fetched + c.Failed + c.Refused + c.Gone }

// Complete reports whether every file is in the folder.
func (c Counts) Complete() bool { return c.Fetched == c.Total() }

// add counts a record.
func (c *Counts) add(state State, size int64) {
	switch state {
	case Kept:
		c.Fetched++
		c.Bytes += size
	case Failed:
		c.Failed++
	case Refused:
		c.Refused++
	case Gone:
		c.Gone++
	}
}

func (c *Counts) merge(o Counts) {
	c.Wanted += o.Wanted
	c.Fetched += o.Fetched
	c.Failed += o.Failed
	c.Refused += o.Refused
	c.Gone += o.Gone
	c.Bytes += o.Bytes
}

// A Place is what counts are taken of.
type Place struct {
	Source       string
	Conversation parlance.ConversationID
}

// Tally is the counts of a workspace by source and conversation.
type Tally map[Place]Counts

// Of returns the sum of the counts of a source, or of all if it is empty, and of a conversation, or of all if it is empty.
func (t Tally) Of(source string, c parlance.ConversationID) Counts {
	var sum Counts
	for p, n := range t {
		if (source == "" || p.Source == source) && (c == "" || p.Conversation == c) {
			sum.merge(n)
		}
	}
	return sum
}

// Counts counts the addresses of a workspace. It reads all their records, and so is exact whatever happened: see docs/attachments.md for
// how long that takes.
func (a *Archive) Counts(ctx context.Context, ws parlance.WorkspaceID) (Tally, error) {
	waiting, err := a.groups(ctx, ws, func(*group, string) bool { return true })
	if err != nil {
		return nil, err
	}
	// Those of a group that have a record are counted by it.
	wanted := map[Key]Place{}
	for _, g := range waiting {
		for _, m := range g.Mentions {
			wanted[KeyOf(m.Address)] = Place{g.Source, m.Conversation}
		}
	}
	found := make([]Tally, parts)
	known := make([][]Key, parts)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range parts {
		g.Go(func() (err error) {
			found[i], known[i], err = a.countPart(ctx, ws, i, wanted)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sum := Tally{}
	for i := range parts {
		for p, n := range found[i] {
			c := sum[p]
			c.merge(n)
			sum[p] = c
		}
		for _, k := range known[i] {
			delete(wanted, k)
		}
	}
	for _, p := range wanted {
		c := sum[p]
		c.Wanted++
		sum[p] = c
	}
	return sum, nil
}

// countPart counts one part of the records, and returns those of them that are wanted.
func (a *Archive) countPart(ctx context.Context, ws parlance.WorkspaceID, part int, wanted map[Key]Place) (Tally, []Key, error) {
	t := Tally{}
	var known []Key
	c := records(ws, fmt.Sprintf("%02x", part))
	for row, err := range a.store.Records(ctx, c) {
		if err != nil {
			return nil, nil, fmt.Errorf("count files: %w", err)
		}
		r, err := jsonrecord.Decode[struct {
			Source       string                  `json:"source"`
			Conversation parlance.ConversationID `json:"conversation"`
			State        State                   `json:"state"`
			Size         int64                   `json:"size"`
		}](c, row.Value)
		if err != nil {
			return nil, nil, err
		}
		if _, ok := wanted[Key(row.Key)]; ok {
			known = append(known, Key(row.Key))
		}
		p := Place{r.Source, r.Conversation}
		n := t[p]
		n.add(r.State, r.Size)
		t[p] = n
	}
	return t, known, nil
}

// Sources returns the names of the sources, sorted.
func (t Tally) Sources() []string {
	found := map[string]bool{}
	for p := range t {
		found[p.Source] = true
	}
	return slices.Sorted(maps.Keys(found))
}
