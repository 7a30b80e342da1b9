package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parlance"
)

// Limits say how much room files may take. The zero value is what package parlance declares.
type Limits struct {
	Workspace int64 // bytes of the contents of one workspace; 0: parlance.MaxFilesWorkspace
	All       int64 // bytes of the folder; 0: parlance.MaxFilesAll
	Reserve   int64 // bytes of the disk that are left free; 0: parlance.FilesReserve; less: none

	// Free returns how many bytes of the disk are free where the folder is; nil: as the operating system says.
	Free func(dir string) (int64, error)
}

// A NoRoom says that no file is fetched for want of room. That is no fault of an address: what was wanted is wanted still.
type NoRoom struct{ Reason string }

// Error returns the reason.
func (e *NoRoom) Error() string { return e.Reason }

// A room keeps count of what files take.
//
// It counts the folder and the records when it is asked first, and again after some time, for another process may store
// files in the same folder; in between it adds what is stored here.
type room struct {
	a *Archive
	o Limits

	mu         sync.Mutex
	all        int64
	counted    time.Time
	workspaces map[parlance.WorkspaceID]*share
}

type share struct {
	bytes   int64
	counted time.Time
	rough   bool // bytes is what all have together, and so too much
}

const (
	countEvery = time.Hour
	askEvery   = 4 << 20 // bytes after which the disk is asked again
)

func newRoom(a *Archive, o Limits) *room {
	if o.Workspace == 0 {
		o.Workspace = parlance.MaxFilesWorkspace
	}
	if o.All == 0 {
		o.All = parlance.MaxFilesAll
	}
	if o.Reserve == 0 {
		o.Reserve = parlance.FilesReserve
	}
	if o.Free == nil {
		o.Free = free
	}
	return &room{a: a, o: o, workspaces: map[parlance.WorkspaceID]*share{}}
}

func free(dir string) (int64, error) {
	u, err := vfs.Default.GetDiskUsage(dir)
	return int64(min(u.AvailBytes, 1<<62)), err
}

// Room returns a [*NoRoom] if there is none for a workspace's files, by what is known, and another error if that can't be found out.
func (a *Archive) Room(ctx context.Context, ws parlance.WorkspaceID) error {
	if err := a.room.count(ctx, ws); err != nil {
		return err
	}
	if err := a.room.disk(); err != nil {
		return err
	}
	return a.room.take(ws, 0)
}

// count counts what is there, if that was never done or long ago.
func (r *room) count(ctx context.Context, ws parlance.WorkspaceID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.counted.IsZero() || now.Sub(r.counted) > countEvery {
		all, err := r.a.folder.bytes(ctx)
		if err != nil {
			return err
		}
		r.all, r.counted = all, now
	}
	s := r.workspaces[ws]
	if s == nil {
		s = &share{}
		r.workspaces[ws] = s
	}
	if s.counted.IsZero() || now.Sub(s.counted) > countEvery || s.rough && s.bytes >= r.o.Workspace/2 {
		s.bytes, s.rough = r.all, true
		if r.all >= r.o.Workspace/2 { // else the records needn't be read: nobody can have more than all have together
			n, err := r.a.bytes(ctx, ws)
			if err != nil {
				return err
			}
			s.bytes, s.rough = n, false
		}
		s.counted = now
	}
	return nil
}

// disk returns a NoRoom if the disk has less left than is to be left.
func (r *room) disk() error {
	if r.o.Reserve < 0 {
		return nil
	}
	left, err := r.o.Free(r.a.folder.dir)
	if err != nil {
		return fmt.Errorf("find out how much of the disk is free: %w", err)
	}
	if left < r.o.Reserve {
		return &NoRoom{fmt.Sprintf("attachments aren't fetched: the disk of %s has %d bytes free, and %d are kept in reserve", r.a.folder.dir, left, r.o.Reserve)}
	}
	return nil
}

// take takes room for n bytes more.
func (r *room) take(ws parlance.WorkspaceID, n int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.workspaces[ws]
	switch {
	case s.bytes+max(n, 1) > r.o.Workspace:
		return &NoRoom{fmt.Sprintf("attachments aren't fetched: those of workspace %s take %d bytes, and may take %d", ws, s.bytes, r.o.Workspace)}
	case r.all+max(n, 1) > r.o.All:
		return &NoRoom{fmt.Sprintf("attachments aren't fetched: %s holds %d bytes, and may hold %d", r.a.folder.dir, r.all, r.o.All)}
	}
	s.bytes += n
	r.all += n
	return nil
}

// give gives room back.
func (r *room) give(ws parlance.WorkspaceID, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workspaces[ws].bytes -= n
	r.all -= n
}

// An intake is the room that one file takes while it comes.
type intake struct {
	r     *room
	ws    parlance.WorkspaceID
	taken int64
	asked int64 // taken when the disk was asked last
}

// begin returns an intake for a file, or why there is no room for any.
func (r *room) begin(ctx context.Context, ws parlance.WorkspaceID) (*intake, error) {
	return &intake{r: r, ws: ws}, r.a.Room(ctx, ws)
}

// take is called for each piece of the file before it is written.
func (i *intake) take(n int) error {
	if err := i.r.take(i.ws, int64(n)); err != nil {
		return err
	}
	i.taken += int64(n)
	if i.taken-i.asked < askEvery {
		return nil
	}
	i.asked = i.taken
	return i.r.disk()
}

// end gives the room back, unless the file is new and stays.
func (i *intake) end(kept bool) {
	if !kept {
		i.r.give(i.ws, i.taken)
	}
}

// full returns err as a NoRoom if it says that the disk is full.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &NoRoom{fmt.Sprintf("attachments aren't fetched: %v", err)}
	}
	return err
}

// bytes returns how much the contents take that a workspace's records name, each counted once.
func (a *Archive) bytes(ctx context.Context, ws parlance.WorkspaceID) (int64, error) {
	type content struct {
		sum  [8]byte // enough to tell it from the others
		size int64
	}
	var all []content
	for rec, err := range a.Records(ctx, ws) {
		if err != nil {
			return 0, err
		}
		if rec.State == Kept {
			all = append(all, content{[8]byte(rec.Sum[:8]), rec.Size})
		}
	}
	slices.SortFunc(all, func(a, b content) int { return slices.Compare(a.sum[:], b.sum[:]) })
	all = slices.CompactFunc(all, func(a, b content) bool { return a.sum == b.sum })
	var n int64
	for _, c := range all {
		n += c.size
	}
	return n, nil
}

// bytes returns how much the folder's contents take.
func (f *Folder) bytes(ctx context.Context) (n int64, err error) {
	err = filepath.WalkDir(f.dir, func(_ string, d os.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrNotExist):
			return nil // it was finished or removed meanwhile
		case err != nil:
			return err
		case d.IsDir():
			return nil
		}
		i, err := d.Info()
		if err == nil {
			n += i.Size()
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count the folder of files: %w", err)
	}
	return n, nil
}
