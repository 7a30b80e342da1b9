package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"parlance"
	"parlance/access"
	"parlance/files"
	"parlance/internal/config"
	"parlance/live"
	"parlance/mirror"
	"parlance/search"
	"parlance/store"
	"parlance/store/driver"
)

// An archive is an open store with those who may use it.
type archive struct {
	engine driver.Engine
	store  *store.Store
	search *search.Index
	keeper *access.Keeper
	name   engineName
	files  *files.Archive // nil: files of messages aren't kept
	bus    *live.Bus      // to the other nodes that serve the same store
	log    *slog.Logger

	certificateKey string // file of the key that signs certificates; empty: none was named

	mirrorOnce sync.Once
	mirrored   *mirror.Mirror
}

// openArchive opens the store on the engine that n names, and makes it if there is none. The
// caller closes archive.store.
func openArchive(ctx context.Context, n engineName, c config.Config, log *slog.Logger) (*archive, error) {
	return openNode(ctx, n, c, live.Local(), log)
}

// openNode is openArchive for one of several nodes, which the bus connects.
func openNode(ctx context.Context, n engineName, c config.Config, bus *live.Bus, log *slog.Logger) (*archive, error) {
	engine, err := openEngine(ctx, n, c, log)
	if err != nil {
		return nil, err
	}
	return archiveOn(ctx, engine, n, c, bus, log)
}

// archiveOn opens the store on an engine, which it closes if that fails.
func archiveOn(ctx context.Context, engine driver.Engine, n engineName, c config.Config, bus *live.Bus, log *slog.Logger) (*archive, error) {
	var index *search.Index
	appended := appendedOn(bus)
	s, err := store.Open(ctx, engine, store.Options{
		Logger: log, Workspaces: access.WorkspaceIDs, Announce: announceOn(bus),
		Appended: func(ref parlance.Ref, number uint64) {
			appended(ref, number)
			index.Wrote(ref.Workspace)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", n, err)
	}
	index = search.Open(s, search.Options{Logger: log})
	hearRecords(bus, s)
	k, err := access.Open(ctx, s, access.Options{Logger: log, Bus: bus})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store in %s: %w", n, err), s.Close())
	}
	a := &archive{engine: engine, store: s, search: index, keeper: k, name: n, bus: bus, log: log, certificateKey: n.certificateKey(c)}
	if dir := n.filesDir(c); dir != "" {
		folder := files.ReadFolder(dir)
		if !engine.Bounds().ReadOnly {
			if folder, err = files.OpenFolder(dir, s.Now()); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
		a.files = files.OpenWithin(s, folder, fileLimits(c))
	}
	return a, nil
}

// fileLimits returns how much room attachments may take.
func fileLimits(c config.Config) files.Limits {
	l := files.Limits{Workspace: c.FilesWorkspaceQuota, All: c.FilesQuota, Reserve: c.FilesReserve}
	if l.Reserve == 0 && c.Given("files_reserve") {
		l.Reserve = -1
	}
	return l
}

// close closes the archive after work that ended with err.
func (a *archive) close(err error) error {
	a.search.Close()
	if e := a.store.Close(); e != nil {
		return errors.Join(err, fmt.Errorf("close the store: %w", e))
	}
	return err
}

// openExisting opens the store that c names, which must be there: a mistyped folder
// would be an empty store otherwise.
func openExisting(ctx context.Context, c config.Config, log *slog.Logger) (*archive, error) {
	n, err := engineOf(c)
	if err != nil {
		return nil, err
	}
	switch there, err := n.exists(ctx, c, log); {
	case err != nil:
		return nil, err
	case !there:
		return nil, fmt.Errorf("there is no store in %s; make one with: parlance workspace create NAME %s", n, n.flags())
	}
	return openArchive(ctx, n, c, log)
}

// workspace returns the workspace of that name, which must exist.
func (a *archive) workspace(ctx context.Context, name string) (access.Workspace, error) {
	if err := parlance.CheckWorkspace(parlance.WorkspaceID(name)); err != nil {
		return access.Workspace{}, usage("--workspace: %w", err)
	}
	w, err := a.keeper.Workspace(ctx, parlance.WorkspaceID(name))
	if errors.Is(err, parlance.NotFound) {
		return w, fmt.Errorf("there is no workspace %q in %s; make it with: %s", name, a.name, commandLine("workspace create", a.name.flags(), name))
	}
	return w, err
}
