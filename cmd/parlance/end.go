package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"parlance"
	"parlance/internal/config"
	"parlance/internal/control"
	"parlance/live"
	"parlance/store"
	"parlance/store/pebblestore"
)

// An end is a store that is copied or compared. Another process may hold it: then it is read
// through that one.
type end struct {
	*archive
	held *control.Client // nil: the store is ours
}

// openEnd opens the store on the engine that n names, and makes it if there is none.
func openEnd(ctx context.Context, n engineName, c config.Config, log *slog.Logger) (*end, error) {
	engine, err := openEngine(ctx, n, c, log)
	if err == nil {
		a, err := archiveOn(ctx, engine, n, c, live.Local(), log)
		return &end{archive: a}, err
	}
	if n.dir == "" || !errors.Is(err, pebblestore.ErrInUse) {
		return nil, err
	}
	client, e := control.Dial(ctx, filepath.Join(n.dir, control.Socket))
	if e != nil {
		return nil, fmt.Errorf("%w; asking that process for it failed: %w", err, e)
	}
	a, err := archiveOn(ctx, client, n, c, live.Local(), log)
	return &end{archive: a, held: client}, err
}

// openExistingEnd is openEnd for a store that must be there.
func openExistingEnd(ctx context.Context, n engineName, c config.Config, log *slog.Logger) (*end, error) {
	there, err := n.exists(ctx, c, log)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("there is no store in %s", n)
	}
	return openEnd(ctx, n, c, log)
}

// freeze stops all writes and returns once none can come any more.
func (e *end) freeze(ctx context.Context, why string) error {
	if e.held != nil {
		return e.held.Freeze(ctx, why)
	}
	if err := e.store.Freeze(ctx, why); err != nil || e.engine.Bounds().Exclusive {
		return err
	}
	select {
	case <-time.After(store.FreezeDelay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *end) thaw(ctx context.Context) error {
	if e.held != nil {
		return e.held.Thaw(ctx)
	}
	return e.store.Thaw(ctx)
}

// workspaces returns the workspaces by id, or the one of that name, which must exist.
func (e *end) workspaces(ctx context.Context, name string) ([]parlance.WorkspaceID, error) {
	if name != "" {
		w, err := e.workspace(ctx, name)
		return []parlance.WorkspaceID{w.ID}, err
	}
	var ids []parlance.WorkspaceID
	for w, err := range e.keeper.Workspaces(ctx) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, w.ID)
	}
	return ids, nil
}
