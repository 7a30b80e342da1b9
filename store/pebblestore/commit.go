package pebblestore

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// commit applies b and waits until it is durable. It calls applied once b can be read,
// or once it is known that the engine has failed.
//
// The work is done in a goroutine of its own, for two reasons. Pebble
// may wait in it for room on the disk, and the caller is told instead of kept waiting; and it
// ends, by way of [quietLogger.Fatalf], where Pebble would have ended the process.
func (e *Engine) commit(b *pebble.Batch, applied func()) error {
	trouble, err := e.guard.beginCommit()
	if err != nil {
		applied()
		b.Close()
		return err
	}
	done := make(chan error, 1)
	e.commits.Go(func() {
		defer e.guard.endCommit()
		err := errors.New("pebble gave up")
		defer func() {
			if r := recover(); r != nil {
				err = asError(r)
			}
			if err != nil {
				err = e.guard.fail(fmt.Errorf("commit a batch: %w", err))
			}
			done <- err
		}()
		err = e.apply(b, applied)
	})
	select {
	case err := <-done:
		return err
	case <-trouble:
	}
	_, err = e.guard.state()
	if err == nil {
		return <-done // the trouble has passed, and it passes after all commits under way
	}
	select {
	case err = <-done:
	default:
	}
	return err
}

// apply is the two halves of a commit: b becomes readable, then durable. A sync is
// shared by all the batches that were applied before it began.
func (e *Engine) apply(b *pebble.Batch, applied func()) error {
	if b.Empty() {
		// Nothing to write, but what stands must be durable before anybody builds on it.
		if err := b.LogData([]byte{}, nil); err != nil {
			applied()
			return err
		}
	}
	err := func() error {
		defer applied()
		return e.db.ApplyNoSyncWait(b, pebble.Sync)
	}()
	if err != nil {
		return err
	}
	if err := b.SyncWait(); err != nil {
		return err
	}
	return b.Close()
}

// asError returns what Pebble panicked with as an error.
func asError(r any) error {
	if err, ok := r.(error); ok {
		return err
	}
	return fmt.Errorf("%v", r)
}
