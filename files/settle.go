package files

import (
	"context"
	"errors"
	"time"

	"parlance"
	"parlance/internal/jsonrecord"
)

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

// parallel is how many addresses a call looks up at once.
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
	groups, err := a.groups(ctx, src.Workspace, func(g *group, _ string) bool { return g.Source == src.Name && g.Next <= now })
	if err != nil {
		return Report{}, err
	}
	return a.settle(ctx, src, groups, now, false)
}

// RetryAll tries everything of the source again that isn't fetched, due or not, also what was refused or gone. It reads
// all records of the workspace.
func (a *Archive) RetryAll(ctx context.Context, src Source, now parlance.Time) (Report, error) {
	groups, err := a.groups(ctx, src.Workspace, func(g *group, _ string) bool { return g.Source == src.Name })
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
	room, err := a.room.begin(ctx, src.Workspace)
	if err != nil {
		return r, false, err
	}
	got, err := src.Fetcher.fetchInto(ctx, a.folder, m, now, room.take)
	room.end(err == nil && got.fresh)
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
	if r.State == Kept {
		if err := a.index(ctx, src, m.Address); err != nil {
			return r, false, err
		}
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
	r.silent = known.Kind == parlance.Unavailable
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

// index lets an address of the platform's file call be found by its path. The first one that was kept has the path for itself.
func (a *Archive) index(ctx context.Context, src Source, address string) error {
	u, err := src.Fetcher.address(address)
	if err != nil || !src.Fetcher.owns(u) {
		return nil //nolint:nilerr // such an address has no path here
	}
	path, ok := filePath(u, src.Fetcher.o.Origin)
	if !ok {
		return nil
	}
	k := KeyOf(path)
	collection := paths(src.Workspace, partOf(k))
	standing, raw, err := jsonrecord.Read[pathRecord](ctx, a.store, collection, string(k))
	if err != nil || standing.Address == address {
		return err
	}
	if raw != nil {
		// Of an older program's records some lead to what was never kept.
		r, _, err := a.record(ctx, src.Workspace, KeyOf(standing.Address))
		if err != nil || r.State == Kept {
			return err
		}
	}
	err = jsonrecord.Swap(ctx, a.store, collection, string(k), raw, pathRecord{address})
	if errors.Is(err, parlance.Conflict) {
		return nil
	}
	return err
}
