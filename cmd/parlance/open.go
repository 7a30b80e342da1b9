package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
	"parlance/internal/config"
	"parlance/store"
	"parlance/store/pebblestore"
)

// An archive is an open store with those who may use it.
type archive struct {
	engine *pebblestore.Engine
	store  *store.Store
	keeper *access.Keeper
	dir    string // empty: in memory
}

// openArchive opens the store in the folder dir, and makes it if there is none. An empty
// dir means memory. The caller closes archive.store.
func openArchive(ctx context.Context, dir string, log *slog.Logger) (*archive, error) {
	var engine *pebblestore.Engine
	var err error
	if dir == "" {
		engine, err = pebblestore.OpenMemory()
	} else {
		engine, err = pebblestore.Open(dir, pebblestore.Options{Logger: log})
	}
	if errors.Is(err, parlance.Unavailable) {
		return nil, fmt.Errorf("%w; if a parlance runs on it, stop that first, or use its HTTP calls", err)
	}
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, engine, store.Options{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", dir, err)
	}
	k, err := access.Open(ctx, s, access.Options{Logger: log})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store in %s: %w", dir, err), s.Close())
	}
	return &archive{engine, s, k, dir}, nil
}

// close closes the archive after work that ended with err.
func (a *archive) close(err error) error {
	if e := a.store.Close(); e != nil {
		return errors.Join(err, fmt.Errorf("close the store: %w", e))
	}
	return err
}

// folder returns the store's folder, which must be given.
func folder(c config.Config) (string, error) {
	if c.Data == "" {
		return "", usage("name the store's folder: --data DIR, or PARLANCE_DATA_DIR, or \"data\" in the configuration file")
	}
	return c.Data, nil
}

// openExisting opens the store that c names, which must be there: a mistyped folder
// would be an empty store otherwise.
func openExisting(ctx context.Context, c config.Config, log *slog.Logger) (*archive, error) {
	dir, err := folder(c)
	if err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil, fmt.Errorf("there is no store in %s; make one with: parlance workspace create NAME --data %s", dir, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("look into the store's folder: %w", err)
	}
	return openArchive(ctx, dir, log)
}

// onArchive does what a command does on a store that must be there, and closes it.
func (p *program) onArchive(ctx context.Context, cmd *cobra.Command, do func(*archive) error) error {
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	a, err := openExisting(ctx, c, p.logger(c, quiet))
	if err != nil {
		return err
	}
	return a.close(do(a))
}

// workspace returns the workspace of that name, which must exist.
func (a *archive) workspace(ctx context.Context, name string) (access.Workspace, error) {
	if err := parlance.CheckWorkspace(parlance.WorkspaceID(name)); err != nil {
		return access.Workspace{}, usage("--workspace: %w", err)
	}
	w, err := a.keeper.Workspace(ctx, parlance.WorkspaceID(name))
	if errors.Is(err, parlance.NotFound) {
		return w, fmt.Errorf("there is no workspace %q in %s; make it with: parlance workspace create %s --data %s", name, a.dir, name, a.dir)
	}
	return w, err
}
