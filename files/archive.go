package files

import (
	"context"
	"fmt"
	"iter"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// An Archive knows the files of a store. It may be used by many goroutines, and several processes may have one on the same store.
type Archive struct {
	store  *store.Store
	folder *Folder
	memory *memory
	links  linkMemory
	room   *room
}

// Open returns the archive of the files that s knows and folder holds.
func Open(s *store.Store, folder *Folder) *Archive { return OpenWithin(s, folder, Limits{}) }

// OpenWithin is Open with limits of the operator's.
func OpenWithin(s *store.Store, folder *Folder, l Limits) *Archive {
	a := &Archive{store: s, folder: folder, memory: newMemory()}
	a.room = newRoom(a, l)
	return a
}

// Folder returns where the files are.
func (a *Archive) Folder() *Folder { return a.folder }

// record returns what is known of an address; raw is nil if nothing is.
func (a *Archive) record(ctx context.Context, ws parlance.WorkspaceID, k Key) (Record, []byte, error) {
	return jsonrecord.Read[Record](ctx, a.store, records(ws, partOf(k)), string(k))
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

// A pathRecord leads from a path to its address.
type pathRecord struct {
	Address string `json:"address"`
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
