package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	"parlance/internal/control"
)

// control lets `copy` and `verify --against` read the archive while this process holds its folder, and carries out commands on it,
// until stop is called or ctx ends. Without it all else works, so a failure is only logged.
func (a *archive) control(ctx context.Context, log *slog.Logger) (stop func()) {
	if a.name.dir == "" {
		return func() {}
	}
	l, err := control.Listen(filepath.Join(a.name.dir, control.Socket))
	if err != nil {
		log.Warn("the store can't be copied while it is served", "error", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var served sync.WaitGroup
	served.Go(func() {
		if err := control.Serve(ctx, l, a.engine, a.store, carryOut(a)); err != nil {
			log.Warn("the store can't be copied any more while it is served", "error", err)
		}
	})
	return func() {
		cancel()
		served.Wait()
	}
}
