package files

import (
	"github.com/maypok86/otter/v2"

	"parlance"
)

// A memory keeps records of fetched files, which hardly ever change: answers ask for the same ones
// again and again. What isn't fetched isn't remembered.
type memory struct{ kept *otter.Cache[place, Record] }

// A place is where a record is.
type place struct {
	ws  parlance.WorkspaceID
	key Key
}

// remembered is how many records are kept; one takes about half a kilobyte.
const remembered = 16_384

func newMemory() *memory {
	return &memory{otter.Must(&otter.Options[place, Record]{MaximumSize: remembered})}
}

func (m *memory) record(ws parlance.WorkspaceID, k Key, load func() (Record, error)) (Record, error) {
	if r, ok := m.kept.GetIfPresent(place{ws, k}); ok {
		return r, nil
	}
	r, err := load()
	if err == nil && r.State == Kept {
		m.kept.Set(place{ws, k}, r)
	}
	return r, err
}

func (m *memory) forget(ws parlance.WorkspaceID, k Key) { m.kept.Invalidate(place{ws, k}) }
