package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// FreezeDelay is how long after [Store.Freeze] writes of other processes on the same
// engine may still come to an end. An engine of Bounds.Exclusive has none.
const FreezeDelay = 2 * time.Second

// lookAgain is how long a process on a shared engine may not notice that another one
// froze the store, in milliseconds. A write that takes longer looks again before it is
// acknowledged, so none is that ends after [FreezeDelay].
const lookAgain parlance.Time = 1000

// frozenKey is the key, beside the format's, of the row that says why the store is frozen.
var frozenKey = []byte("frozen 3")

// A writeGate lets writers in while the store isn't frozen, and knows how many are inside.
type writeGate struct {
	mu      sync.Mutex
	why     string        // empty: it is open
	looked  parlance.Time // when the row was last read, on a shared engine
	changes int           // of why, by this process
	writers int
	empty   chan struct{} // closed by the last writer who leaves; nil unless somebody waits
}

// Freeze stops all writes of messages, conversations, accounts and records: from then on
// they fail as [parlance.Unavailable]. Reads go on. It returns once what this store was writing
// has ended; for other processes on the same engine wait [FreezeDelay] more. Why is for the
// operator and says how to undo it; it must not be empty. The store stays frozen, through
// Close and Open, until [Store.Thaw]. Freezing it again only changes why.
func (s *Store) Freeze(ctx context.Context, why string) error {
	if why == "" {
		return parlance.Errorf(parlance.Invalid, "freeze the store: no reason is given")
	}
	if err := s.setFrozen(ctx, []byte(why)); err != nil {
		return fmt.Errorf("freeze the store: %w", err)
	}
	g := &s.gate
	g.mu.Lock()
	if g.writers > 0 && g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.mu.Unlock()
	if empty == nil {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("freeze the store: wait for writers: %w", ctx.Err())
	}
}

// Thaw lets writes in again. It is no error if the store isn't frozen.
func (s *Store) Thaw(ctx context.Context) error {
	if err := s.setFrozen(ctx, nil); err != nil {
		return fmt.Errorf("thaw the store: %w", err)
	}
	return nil
}

// Frozen returns why the store is frozen; empty if it isn't.
func (s *Store) Frozen(ctx context.Context) (why string, err error) {
	row, err := s.get(ctx, format.FormatPartition(), frozenKey)
	if err != nil {
		return "", fmt.Errorf("read whether the store is frozen: %w", err)
	}
	return string(row), nil
}

// setFrozen writes the row, or deletes it if why is nil.
func (s *Store) setFrozen(ctx context.Context, why []byte) error {
	old, err := s.get(ctx, format.FormatPartition(), frozenKey)
	for try := 0; err == nil && string(old) != string(why); try++ {
		err = s.claim(ctx, format.FormatPartition(), []driver.Claim{{Key: frozenKey, Old: old, Value: why}}, nil, 1)
		refused := driver.AsRefused(err)
		if refused == nil {
			break
		}
		old, err = refused.Standing[0].Value, nil
		wait(try)
	}
	if err != nil {
		return err
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.why = string(why)
	s.gate.changes++
	return nil
}

// openGate reads whether the store is frozen when it is opened.
func (s *Store) openGate(ctx context.Context) error {
	s.gate.looked = s.now() - lookAgain
	if err := s.look(ctx); err != nil {
		return err
	}
	if s.gate.why != "" {
		s.log.WarnContext(ctx, "the store is frozen: it can be read and takes no writes", "why", s.gate.why)
	}
	return nil
}

// look reads the row again if others may have changed it since.
func (s *Store) look(ctx context.Context) error {
	g := &s.gate
	now := s.now()
	g.mu.Lock()
	changes, fresh := g.changes, g.looked <= now && now < g.looked+lookAgain
	g.mu.Unlock()
	if fresh {
		return nil
	}
	why, err := s.Frozen(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changes == changes { // else what was read may be older
		g.why, g.looked = why, now
	}
	return nil
}

// ReadOnly reports whether nothing can be written, because the store is on media that can only be read.
func (s *Store) ReadOnly() bool { return s.bounds.ReadOnly }

// beginWrite lets a writer in. Who was let in calls leave; one inside may enter again.
func (s *Store) beginWrite(ctx context.Context) error {
	if !s.bounds.Exclusive {
		if err := s.look(ctx); err != nil {
			return err
		}
	}
	if s.bounds.ReadOnly {
		return s.engine.Claim(ctx, format.FormatPartition(), nil, nil, 1) // it says why not
	}
	g := &s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.why != "" {
		return g.refuse()
	}
	g.writers++
	return nil
}

// endWrite lets a writer out who wrote with err, and returns that. What took so long on a
// shared engine that the store may have been frozen meanwhile is not acknowledged if it was.
func (s *Store) endWrite(ctx context.Context, err error) error {
	g := &s.gate
	if err == nil && !s.bounds.Exclusive {
		if err = s.look(context.WithoutCancel(ctx)); err == nil {
			g.mu.Lock()
			if g.why != "" {
				err = g.refuse()
			}
			g.mu.Unlock()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writers--
	if g.writers == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
	return err
}

// refuse is what writers are told. The reason is not for clients.
func (g *writeGate) refuse() error {
	return parlance.Wrap(parlance.Unavailable, errors.New(g.why), "the archive is being moved and takes no writes now")
}
