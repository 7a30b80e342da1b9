// Package store keeps conversations on an engine and is the one way to them: it
// hides the log, the timelines that are derived from it, and how both stay right
// when processes race, stop half-way or don't hear an answer.
//
// Each conversation has a log of entries, numbered from 1 without gaps; an entry is
// one version of one message and never changes. From the log are derived: three
// timelines that order the messages by creation, sending and last change; an index
// by message id; and lists of conversations by last activity. A page is one slice of a
// timeline and one read of the entries it points to, so it costs the same at any depth.
//
// Everything written is durable before the call returns. All methods may be called
// from many goroutines. Errors carry the kinds of package parlance.
package store

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A Store is the conversations of all workspaces on one engine.
type Store struct {
	engine driver.Engine
	bounds driver.Bounds
	layout format.Layout
	now    func() parlance.Time
	log    *slog.Logger

	conversations *conversations
	records       *otter.Cache[string, any] // decoded claimed records, by what they are
	changes       atomic.Uint64             // counts changes of records
	unknownEnds   atomic.Uint64             // writes that ended in Unavailable: rows of theirs may stand that are not durable yet
	madeDurable   atomic.Uint64             // how many of unknownEnds are durable, or never came to be
	rangeTimes    *otter.Cache[rangeVersion, *rangeTimes]
	remembered    *otter.Cache[entryName, Entry] // entries that were read; nil on an engine of our own, which has its own cache
	sharedReads   singleflight.Group             // of pages, on an engine that others share
	pageRequests  atomic.Uint64                  // counts requests for such pages
	epochs        sync.Map                       // WorkspaceID → *atomic.Uint64
	registries    sync.Map                       // WorkspaceID → *registry
	feeds         sync.Map                       // WorkspaceID → *feed
	frozen        sync.Map                       // WorkspaceID → *frozenSet; on an engine of our own
	ids           *parlance.ObjectIDs

	gate writeGate

	announce func(parlance.WorkspaceID, []string)
	appended func(parlance.Ref, uint64)

	unlistedMu sync.Mutex
	unlisted   map[parlance.Ref]struct{} // conversations whose lists lag behind an import
}

// Options are a store's settings. The zero value is good.
type Options struct {
	Now    func() parlance.Time // nil: the machine's clock
	Logger *slog.Logger         // nil: silent

	// Workspaces is needed to open a store of an older format, which is refused without it.
	Workspaces Workspaces

	// Announce is told which remembered records were changed here, in whatever way, so that other
	// processes on the same rows can be told to read them anew: see [Store.Heard]. The names mean
	// something to stores only. An empty workspace means that nothing but these records
	// shows the change. It must not wait nor keep the slice; nil: nobody is told.
	Announce func(ws parlance.WorkspaceID, names []string)
	// Appended is told up to which number a conversation's log goes, each time something was
	// written to it here. It must not wait; nil: nobody is told.
	Appended func(ref parlance.Ref, number uint64)
}

// Workspaces returns the ids of the workspaces that a store has, from the records of its callers. The store is
// open for nothing but to read records yet.
type Workspaces func(context.Context, *Store) iter.Seq2[parlance.WorkspaceID, error]

// Open opens the store on e, making a new one if e is empty. The store owns e from
// then on, also if Open fails. A store of a newer format is refused as
// [parlance.Invalid].
func Open(ctx context.Context, e driver.Engine, o Options) (*Store, error) {
	s := &Store{
		engine:        e,
		bounds:        e.Bounds(),
		now:           o.Now,
		log:           o.Logger,
		conversations: newConversations(),
		ids:           parlance.NewObjectIDs(),
		announce:      o.Announce,
		appended:      o.Appended,
		unlisted:      map[parlance.Ref]struct{}{},
	}
	if s.now == nil {
		s.now = func() parlance.Time { return parlance.TimeOf(time.Now()) }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	records := &otter.Options[string, any]{MaximumWeight: maxRecords, Weigher: weighRecord}
	if !s.bounds.Exclusive {
		// Another process may change a record; this is how long we may not notice.
		records.ExpiryCalculator = otter.ExpiryWriting[string, any](time.Second)
		s.remembered = otter.Must(&otter.Options[entryName, Entry]{MaximumWeight: maxKept, Weigher: weighEntry})
	}
	s.records = otter.Must(records)
	s.rangeTimes = otter.Must(&otter.Options[rangeVersion, *rangeTimes]{
		MaximumWeight: 16 << 20,
		Weigher:       func(k rangeVersion, v *rangeTimes) uint32 { return uint32(len(k.partition) + 12*len(v.times)) },
	})
	err := s.openFormat(ctx, &o)
	if err == nil {
		err = s.openGate(ctx)
	}
	if err != nil {
		s.records.StopAllGoroutines()
		e.Close()
		return nil, err
	}
	return s, nil
}

// Close brings the lists up to date and closes the engine.
func (s *Store) Close() error {
	err := s.Settle(context.Background())
	s.records.StopAllGoroutines()
	if e := s.engine.Close(); e != nil {
		return fmt.Errorf("close the engine: %w", e)
	}
	return err
}

// Now returns the store's time, which all times given here come from.
func (s *Store) Now() parlance.Time { return s.now() }

// Epoch returns a number that changes whenever anything but messages that a page
// may show changes in the workspace: accounts, members, conversations, hidden marks.
// Together with [State.Number] it tells whether an answer made earlier still holds.
// Where several processes share the engine it also changes every second.
func (s *Store) Epoch(ws parlance.WorkspaceID) uint64 {
	e := s.epoch(ws).Load() << 32
	if !s.bounds.Exclusive {
		e += uint64(s.now().Seconds())
	}
	return e
}

func (s *Store) epoch(ws parlance.WorkspaceID) *atomic.Uint64 {
	if e, ok := s.epochs.Load(ws); ok {
		return e.(*atomic.Uint64)
	}
	e, _ := s.epochs.LoadOrStore(ws, new(atomic.Uint64))
	return e.(*atomic.Uint64)
}

// openFormat reads the format row, or writes the first one, and brings an older store to the format at hand.
func (s *Store) openFormat(ctx context.Context, o *Options) error {
	for range 2 {
		row, err := s.get(ctx, format.FormatPartition(), nil)
		if err != nil {
			return fmt.Errorf("read the store's format: %w", err)
		}
		if row != nil {
			f, err := format.DecodeFormat(row)
			s.layout = f.Layout
			if err == nil && (f.Version < format.Version || f.Leftover) {
				if err = s.migrate(ctx, &f, row, o.Workspaces); err != nil {
					err = fmt.Errorf("bring the store to format %d: %w", format.Version, err)
				}
			}
			return err
		}
		s.layout = format.LayoutFor(s.bounds)
		first := format.Format{Version: format.Version, Layout: s.layout}
		err = s.claim(ctx, format.FormatPartition(), []driver.Claim{{Value: first.Encode()}}, nil, 1)
		if driver.AsRefused(err) == nil {
			return err
		}
	}
	return parlance.Errorf(parlance.Unavailable, "the store's format changed while it was opened")
}

// get returns one row's value, nil if there is none.
func (s *Store) get(ctx context.Context, p driver.Partition, key []byte) ([]byte, error) {
	v, err := s.engine.Get(ctx, p, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return v[0], nil
}
