package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// An Archive knows the files of a store. It may be used by many goroutines, and several processes may have one on the same store.
type Archive struct {
	store  *store.Store
	folder *Folder
	memory *memory
}

// Open returns the archive of the files that s knows and folder holds.
func Open(s *store.Store, folder *Folder) *Archive {
	return &Archive{s, folder, newMemory()}
}

// Folder returns where the files are.
func (a *Archive) Folder() *Folder { return a.folder }

// A Source is where messages come from that mention files.
type Source struct {
	Workspace parlance.WorkspaceID
	Name      string // of the mirror; it is recorded, and [Archive.Retry] only tries what has the same one
	Fetcher   *Fetcher

	// Guest says that the Fetcher isn't the source's own, and lacks its credentials and its right to private addresses. Only what
	// it can fetch is recorded then: that it can't is no news.
	Guest bool
}

// A Report says what one call did.
type Report struct {
	Fetched, Failed, Refused, Gone int   // addresses by what became of them in this call
	Bytes                          int64 // of those fetched
}

func (r *Report) add(rec *Record) {
	switch rec.State {
	case Kept:
		r.Fetched++
		r.Bytes += rec.Size
	case Failed:
		r.Failed++
	case Refused:
		r.Refused++
	case Gone:
		r.Gone++
	}
}

// parallel is how many addresses a call reads or fetches at once.
const parallel = 4

// The time until a failure is repeated: the first, four times as much each time, and the longest.
const (
	firstWait = time.Minute
	longest   = 24 * time.Hour
)

// wait returns for how long an address is left alone after its nth try.
func wait(tries int) time.Duration {
	d := firstWait
	for ; tries > 1 && d < longest; tries-- {
		d *= 4
	}
	return min(d, longest)
}

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

// record returns what is known of an address; raw is nil if nothing is.
func (a *Archive) record(ctx context.Context, ws parlance.WorkspaceID, k Key) (Record, []byte, error) {
	return jsonrecord.Read[Record](ctx, a.store, records(ws, partOf(k)), string(k))
}

// Fetch fetches the files of which nothing is known, and records what became of them. Files that are known, and be it as
// failed, cost one read of the store each. An error is one of the store's, the disk's or ctx's; a file that can't be had is none.
func (a *Archive) Fetch(ctx context.Context, src Source, ms []Mention, now parlance.Time) (Report, error) {
	groups, err := a.want(ctx, src, ms, now)
	if err != nil {
		return Report{}, err
	}
	return a.settle(ctx, src, groups, now, true)
}

// Retry fetches what is wanted and wasn't tried yet, and tries failures again whose time has come. When nothing is due, it costs one
// read of the groups that aren't settled.
func (a *Archive) Retry(ctx context.Context, src Source, now parlance.Time) (Report, error) {
	groups, err := a.groups(ctx, src.Workspace, func(g *group) bool { return g.Source == src.Name && g.Next <= now })
	if err != nil {
		return Report{}, err
	}
	return a.settle(ctx, src, groups, now, false)
}

// RetryAll tries everything of the source again that isn't fetched, due or not, also what was refused or gone. It reads
// all records of the workspace.
func (a *Archive) RetryAll(ctx context.Context, src Source, now parlance.Time) (Report, error) {
	groups, err := a.groups(ctx, src.Workspace, func(g *group) bool { return g.Source == src.Name })
	if err != nil {
		return Report{}, err
	}
	waiting := map[string]bool{}
	for _, g := range groups {
		for _, m := range g.Mentions {
			waiting[m.Address] = true
		}
	}
	var more []Mention
	for r, err := range a.Records(ctx, src.Workspace) {
		if err != nil {
			return Report{}, err
		}
		if r.Source == src.Name && r.State != Kept && !waiting[r.Address] {
			more = append(more, r.mention())
		}
	}
	others, err := a.putGroups(ctx, src, more, now)
	if err != nil {
		return Report{}, err
	}
	return a.settle(ctx, src, append(groups, others...), now, true)
}

// groups returns the groups that aren't settled and that are asked for.
func (a *Archive) groups(ctx context.Context, ws parlance.WorkspaceID, which func(*group) bool) ([]standing, error) {
	var all []standing
	for r, err := range a.store.Records(ctx, unsettled(ws)) {
		if err != nil {
			return nil, fmt.Errorf("list files that aren't settled: %w", err)
		}
		g, err := jsonrecord.Decode[group](unsettled(ws), r.Value)
		if err != nil {
			return nil, err
		}
		if which(&g) {
			all = append(all, standing{g, r.Key})
		}
	}
	return all, nil
}

// settle tries what can be tried of groups, at all times or what is due, and records what became of it.
func (a *Archive) settle(ctx context.Context, src Source, groups []standing, now parlance.Time, all bool) (Report, error) {
	var sum Report
	for _, s := range groups {
		found := make([]Record, len(s.Mentions))
		tried := make([]bool, len(s.Mentions))
		g, within := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i, m := range s.Mentions {
			g.Go(func() (err error) {
				found[i], tried[i], err = a.try(within, src, Mention(m), now, all)
				return err
			})
		}
		err := g.Wait()
		for i := range found {
			if tried[i] {
				sum.add(&found[i])
			}
		}
		if err != nil {
			return sum, err
		}
		if err := a.close(ctx, src, s, found); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// close writes what is left of a group after its addresses came to what found says.
func (a *Archive) close(ctx context.Context, src Source, s standing, found []Record) error {
	collection := unsettled(src.Workspace)
	for {
		stands, raw, err := jsonrecord.Read[group](ctx, a.store, collection, s.key)
		if err != nil {
			return err
		}
		left := s.left(found, stands.Mentions)
		if raw == nil && left == nil {
			return nil
		}
		var value []byte
		if left != nil {
			if value, err = json.Marshal(left); err != nil {
				return fmt.Errorf("encode record of %s: %w", collection, err)
			}
		}
		err = a.store.SwapRecord(ctx, collection, s.key, raw, value)
		if err == nil {
			return nil
		}
		if !errors.Is(err, parlance.Conflict) {
			return fmt.Errorf("write record of %s: %w", collection, err)
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

// try fetches one address, unless it was fetched or isn't to be tried now, and records what became of it.
func (a *Archive) try(ctx context.Context, src Source, m Mention, now parlance.Time, all bool) (r Record, tried bool, err error) {
	key := KeyOf(m.Address)
	old, raw, err := a.record(ctx, src.Workspace, key)
	if err != nil {
		return r, false, err
	}
	if raw != nil && (old.State == Kept || !all && (old.State != Failed || old.Next > now)) {
		return old, false, nil
	}
	got, err := src.Fetcher.Fetch(ctx, a.folder, m, now)
	r = Record{
		Address: m.Address, Source: src.Name, Conversation: m.Conversation, Message: m.Message, Name: m.Name, Expect: m.Type,
		Time: now, Tries: old.Tries + 1,
	}
	if err := r.became(got, err, now); err != nil {
		return r, false, err
	}
	if src.Guest && r.State != Kept {
		return old, false, nil
	}
	if err := a.index(ctx, src, m.Address); err != nil {
		return r, false, err
	}
	r, err = a.put(ctx, src.Workspace, key, raw, r)
	return r, err == nil, err
}

// became fills in what a fetch came to. Errors that aren't the address's fault are returned.
func (r *Record) became(got Fetched, err error, now parlance.Time) error {
	if err == nil {
		r.State, r.Sum, r.Size, r.Type = Kept, got.Sum, got.Size, got.Type
		if r.Name == "" {
			r.Name = got.Name
		}
		return nil
	}
	var known *parlance.Error
	if !errors.As(err, &known) {
		return err
	}
	r.Error = shown(known.Error())
	switch known.Kind {
	case parlance.NotFound:
		r.State = Gone
	case parlance.Forbidden:
		r.State = Refused
	case parlance.Internal, parlance.Invalid, parlance.Corrupt:
		return err
	default:
		r.State = Failed
		r.Next = parlance.TimeOf(now.Std().Add(max(wait(r.Tries), known.After)))
	}
	return nil
}

// put records r in the place of old. If another one has recorded meanwhile that the file is there, that stays.
func (a *Archive) put(ctx context.Context, ws parlance.WorkspaceID, k Key, old []byte, r Record) (Record, error) {
	for {
		err := jsonrecord.Swap(ctx, a.store, records(ws, partOf(k)), string(k), old, r)
		if err == nil {
			a.memory.forget(ws, k)
		}
		if !errors.Is(err, parlance.Conflict) {
			return r, err
		}
		var other Record
		if other, old, err = a.record(ctx, ws, k); err != nil {
			return r, err
		}
		if other.State == Kept && r.State != Kept {
			return other, nil
		}
	}
}

// A pathRecord leads from a path to its address.
type pathRecord struct {
	Address string `json:"address"`
}

// index lets an address on the platform's own host be found by its path. The first one that has a path keeps it.
func (a *Archive) index(ctx context.Context, src Source, address string) error {
	u, err := parseAddress(address, src.Fetcher.o.Origin)
	if err != nil || !src.Fetcher.owns(u) {
		return nil //nolint:nilerr // such an address has no path here
	}
	path, ok := filePath(u)
	if !ok {
		return nil
	}
	k := KeyOf(path)
	err = jsonrecord.Swap(ctx, a.store, paths(src.Workspace, partOf(k)), string(k), nil, pathRecord{address})
	if errors.Is(err, parlance.Conflict) {
		return nil
	}
	return err
}

// Find returns what is known of an address, [parlance.NotFound] if nothing is.
func (a *Archive) Find(ctx context.Context, ws parlance.WorkspaceID, address string) (Record, error) {
	r, err := a.ByKey(ctx, ws, KeyOf(address))
	if err == nil && r.Address != address {
		err = errUnknown
	}
	return r, err
}

var errUnknown = parlance.Errorf(parlance.NotFound, "there is no such file")

// ByKey is Find for an address's key.
func (a *Archive) ByKey(ctx context.Context, ws parlance.WorkspaceID, k Key) (Record, error) {
	if len(k) != 32 {
		return Record{}, errUnknown
	}
	return a.memory.record(ws, k, func() (Record, error) {
		r, raw, err := a.record(ctx, ws, k)
		if err == nil && raw == nil {
			err = errUnknown
		}
		return r, err
	})
}

// ByPath is Find for an address on the platform's own host by its path, which is "/files/BUCKET/ID".
func (a *Archive) ByPath(ctx context.Context, ws parlance.WorkspaceID, path string) (Record, error) {
	k := KeyOf(path)
	p, raw, err := jsonrecord.Read[pathRecord](ctx, a.store, paths(ws, partOf(k)), string(k))
	if err != nil {
		return Record{}, err
	}
	if raw == nil {
		return Record{}, errUnknown
	}
	return a.Find(ctx, ws, p.Address)
}

// Records returns what is known of all addresses of a workspace, in no particular order.
func (a *Archive) Records(ctx context.Context, ws parlance.WorkspaceID) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for part := range parts {
			c := records(ws, fmt.Sprintf("%02x", part))
			for row, err := range a.store.Records(ctx, c) {
				var r Record
				if err == nil {
					r, err = jsonrecord.Decode[Record](c, row.Value)
				}
				if err != nil {
					yield(r, fmt.Errorf("list files: %w", err))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}
