package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parlance"
)

// Collected says what no record of a store names in its folder of files.
type Collected struct {
	Contents     int   `json:"contents"`
	Bytes        int64 `json:"bytes"`
	Removed      int   `json:"removed"` // of the contents
	RemovedBytes int64 `json:"removed_bytes"`
}

// Collect finds the contents that no record of the workspaces names, which must be all that the store has, and were stored or found to be
// there already more than an hour ago. It removes nothing unless it is told to.
//
// Contents may be stored meanwhile, by other processes too: whoever stores one that stands there already makes it young before its record
// names it, and what has become young since it was looked at stays.
func (a *Archive) Collect(ctx context.Context, all []parlance.WorkspaceID, remove bool) (c Collected, err error) {
	before := time.Now().Add(-abandoned)
	// The contents first: one that a record names from now on has been made young.
	old := map[Sum]int64{}
	for s, err := range a.folder.All() {
		if err != nil {
			return c, err
		}
		switch i, err := os.Stat(a.folder.path(s)); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return c, fmt.Errorf("look for a file: %w", err)
		case i.ModTime().Before(before):
			old[s] = i.Size()
		}
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
	}
	for _, ws := range all {
		for r, err := range a.Records(ctx, ws) {
			if err != nil {
				return c, err
			}
			if r.State == Kept {
				delete(old, r.Sum)
			}
		}
	}
	for s, size := range old {
		c.Contents++
		c.Bytes += size
		if !remove {
			continue
		}
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		removed, err := a.folder.removeOld(s, before)
		if err != nil {
			return c, err
		}
		if removed {
			c.Removed++
			c.RemovedBytes += size
		}
	}
	a.room.recount()
	return c, nil
}

// keep makes a content young, so that it isn't collected before a record names it, and reports whether it stands there with that size.
func (f *Folder) keep(s Sum, size int64) bool {
	i, err := os.Stat(f.path(s))
	if err != nil || i.Size() != size {
		return false
	}
	now := time.Now()
	if os.Chtimes(f.path(s), now, now) == nil {
		return true
	}
	_, err = os.Stat(f.path(s)) // a folder whose times can't be changed isn't collected from either
	return err == nil
}

// removeOld removes a content unless it has become young. It takes the content aside first: one that is made young
// before is seen to be, and one that is to be made young later isn't found, and stored anew.
func (f *Folder) removeOld(s Sum, before time.Time) (bool, error) {
	aside := filepath.Join(f.dir, unfinished, collected+s.String())
	if err := os.Rename(f.path(s), aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // another process has collected it
		}
		return false, fmt.Errorf("collect a file: %w", err)
	}
	i, err := os.Stat(aside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // another process has put it back
	case err != nil:
		return false, fmt.Errorf("collect a file: %w", err)
	case !i.ModTime().Before(before):
		_, err := f.putBack(filepath.Base(aside))
		return false, err
	}
	if err := os.Remove(aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // likewise
		}
		return false, fmt.Errorf("collect a file: %w", err)
	}
	return true, nil
}

// collected begins the names of contents that are taken aside.
const collected = "collected "

// putBack puts an unfinished file back that a crash left, if it is a content that was taken aside, and reports whether it is one.
func (f *Folder) putBack(name string) (bool, error) {
	digits, is := strings.CutPrefix(name, collected)
	if !is {
		return false, nil
	}
	s, err := ParseSum(digits)
	if err != nil {
		return false, nil //nolint:nilerr // not ours
	}
	if err := os.Rename(filepath.Join(f.dir, unfinished, name), f.path(s)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, fmt.Errorf("put a file back: %w", err)
	}
	return true, nil
}

// recount has the room counted when it is next asked for.
func (r *room) recount() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counted = time.Time{}
}
