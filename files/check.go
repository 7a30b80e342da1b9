package files

import (
	"context"
	"errors"
	"fmt"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A Damage is a content that isn't what its record says.
type Damage struct {
	Address string `json:"address"`
	Sum     Sum    `json:"sha256"`
	Problem string `json:"problem"` // for people
}

// Check reads the contents that a workspace's records name, each once, and tells which are missing or hold something else. With repair, the
// records of those are changed to say that the file is wanted as of now, so that a [Archive.Retry] of its source fetches it again.
func (a *Archive) Check(ctx context.Context, ws parlance.WorkspaceID, repair bool, now parlance.Time) (checked int, damaged []Damage, err error) {
	results := map[Sum]error{}
	for r, err := range a.Records(ctx, ws) {
		if err != nil {
			return checked, damaged, err
		}
		if r.State != Kept {
			continue
		}
		problem, done := results[r.Sum]
		if !done {
			problem = a.folder.Check(ctx, r.Sum)
			if ctx.Err() != nil {
				return checked, damaged, fmt.Errorf("check files: %w", context.Cause(ctx))
			}
			results[r.Sum] = problem
			checked++
		}
		if problem == nil {
			continue
		}
		damaged = append(damaged, Damage{r.Address, r.Sum, problem.Error()})
		if !repair {
			continue
		}
		if errors.Is(problem, parlance.Corrupt) {
			if err := a.folder.Drop(r.Sum); err != nil {
				return checked, damaged, err
			}
		}
		if err := a.lost(ctx, ws, r, problem, now); err != nil {
			return checked, damaged, err
		}
	}
	return checked, damaged, nil
}

// lost records that a file isn't there any more and is wanted.
func (a *Archive) lost(ctx context.Context, ws parlance.WorkspaceID, r Record, why error, now parlance.Time) error {
	if _, err := a.putGroups(ctx, Source{Workspace: ws, Name: r.Source}, []Mention{r.mention()}, now); err != nil {
		return err
	}
	k := KeyOf(r.Address)
	standing, raw, err := a.record(ctx, ws, k)
	if err != nil || standing.State != Kept || standing.Sum != r.Sum {
		return err // it was fetched anew meanwhile
	}
	r.State, r.Sum, r.Size, r.Type = Failed, Sum{}, 0, ""
	r.Error, r.Next = shown(why.Error()), now
	err = jsonrecord.Swap(ctx, a.store, records(ws, partOf(k)), string(k), raw, r)
	if errors.Is(err, parlance.Conflict) {
		return nil
	}
	a.memory.forget(ws, k)
	return err
}

// CopyContents copies contents that the workspace's records name and that aren't in the archive's folder from another folder, and
// returns how many. A content that the other folder lacks is left out: [Archive.Check] tells of it.
func (a *Archive) CopyContents(ctx context.Context, ws parlance.WorkspaceID, from *Folder) (int, error) {
	copied := 0
	for r, err := range a.Records(ctx, ws) {
		if err != nil {
			return copied, err
		}
		if r.State != Kept {
			continue
		}
		if a.folder.keep(r.Sum, r.Size) {
			continue
		}
		switch err := a.copyContent(ctx, r.Sum, from); {
		case errors.Is(err, parlance.NotFound):
		case err != nil:
			return copied, err
		default:
			copied++
		}
	}
	return copied, nil
}

func (a *Archive) copyContent(ctx context.Context, s Sum, from *Folder) error {
	f, err := from.Open(s)
	if err != nil {
		return err
	}
	defer f.Close()
	got, _, err := a.folder.Store(&stoppable{ctx, f})
	if err != nil {
		return err
	}
	if got != s {
		return errors.Join(parlance.Errorf(parlance.Corrupt, "file %s of %s holds something else", s, from.dir), a.folder.Drop(got))
	}
	return nil
}
