package search

import (
	"context"
	"iter"
	"time"

	"parlance"
)

// WorthABlock is how many entries are put into a block at once, rather than read by each search.
const WorthABlock = maxTail

// How often it is looked for what isn't in blocks yet: where something was written here, and everywhere.
const (
	lookOften  = time.Second
	lookSeldom = time.Minute
)

// Wrote tells the index that something was written to a workspace in this process. It never waits.
func (ix *Index) Wrote(ws parlance.WorkspaceID) { ix.wrote.Store(ws, struct{}{}) }

// Serve keeps the index of all workspaces up to date until ctx is done: what came is put into a block as soon as a block is full, and
// once a minute whatever there is. Errors are logged, and tried again.
func (ix *Index) Serve(ctx context.Context, workspaces func(context.Context) iter.Seq2[parlance.WorkspaceID, error]) {
	often, seldom := time.NewTicker(lookOften), time.NewTicker(lookSeldom)
	defer often.Stop()
	defer seldom.Stop()
	ix.lookAtAll(ctx, workspaces, maxTail)
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
			ix.wrote.Range(func(ws, _ any) bool {
				ix.wrote.Delete(ws)
				ix.build(ctx, ws.(parlance.WorkspaceID), maxTail)
				return ctx.Err() == nil
			})
		case <-seldom.C:
			ix.lookAtAll(ctx, workspaces, 1)
		}
	}
}

func (ix *Index) lookAtAll(ctx context.Context, workspaces func(context.Context) iter.Seq2[parlance.WorkspaceID, error], least int) {
	for ws, err := range workspaces(ctx) {
		if err != nil {
			ix.log.WarnContext(ctx, "the workspaces to index can't be listed", "error", err)
			return
		}
		ix.build(ctx, ws, least)
	}
}

func (ix *Index) build(ctx context.Context, ws parlance.WorkspaceID, least int) {
	if _, err := ix.Build(ctx, ws, least, nil); err != nil && ctx.Err() == nil {
		ix.log.WarnContext(ctx, "new messages aren't in the search index yet; they are read by each search", "workspace", ws, "error", err)
	}
}
