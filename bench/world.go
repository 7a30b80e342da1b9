package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/access"
	"parlance/httpd"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/shopline"
	"parlance/store"
	"parlance/store/pebblestore"
)

// A world is a store on disk, open, with one workspace.
type world struct {
	dir       string
	engine    *pebblestore.Engine
	store     *store.Store
	keeper    *access.Keeper
	workspace access.Workspace
	secrets   access.Secrets
	texts     texts
	closed    bool
}

// workspaceID names the only workspace of every world.
const workspaceID parlance.WorkspaceID = "bench"

// clerk is an account of the shop who is a member of every conversation, and reads them
// through IMKit with a user token.
const clerk parlance.AccountID = "clerk"

// newWorld makes an empty world in the folder dir.
func newWorld(ctx context.Context, dir string, ts texts, log *slog.Logger) (*world, error) {
	w, err := openWorld(ctx, dir, pebblestore.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	w.texts = ts
	w.workspace, w.secrets, err = w.keeper.CreateWorkspace(ctx, access.Workspace{ID: workspaceID})
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// openWorld opens the store in dir. workspace and secrets are left empty.
func openWorld(ctx context.Context, dir string, o pebblestore.Options) (*world, error) {
	w := &world{dir: dir}
	var err error
	if w.engine, err = pebblestore.Open(dir, o); err != nil {
		return nil, err
	}
	if w.store, err = store.Open(ctx, w.engine, store.Options{}); err != nil {
		return nil, errors.Join(err, w.engine.Close())
	}
	if w.keeper, err = access.Open(ctx, w.store, access.Options{}); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// close closes the store, unless that was done already.
func (w *world) close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	return w.store.Close()
}

// reopen closes the store and opens it again, after which all its rows are in tables, as
// they are in a store that is not new.
func (w *world) reopen(ctx context.Context, log *slog.Logger) error {
	if err := w.close(); err != nil {
		return err
	}
	again, err := openWorld(ctx, w.dir, pebblestore.Options{Logger: log})
	if err != nil {
		return err
	}
	again.texts, again.workspace, again.secrets = w.texts, w.workspace, w.secrets
	*w = *again
	return nil
}

// pageSizes are the sizes of pages that are measured. An iMetaStore page's size is a
// setting of the server, so each of them has a server of its own.
var pageSizes = [...]int{20, 50, walkLimit}

// A service is a world's servers at work.
type service struct {
	hosts map[int]string // by size of iMetaStore's pages
	stop  func() error
}

// serve starts the whole server on loopback, once for each size of page.
func (w *world) serve(ctx context.Context) (*service, error) {
	ctx, cancel := context.WithCancel(ctx)
	g := new(errgroup.Group)
	v := &service{hosts: map[int]string{}, stop: func() error {
		cancel()
		return g.Wait()
	}}
	kit, shop := imkit.New(w.store, w.keeper, imkit.Options{}), shopline.New(w.store, w.keeper, shopline.Options{})
	for _, n := range pageSizes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen: %w", err), v.stop())
		}
		meta := imetastore.New(w.store, w.keeper, imetastore.Options{PageSize: n})
		s := httpd.New(httpd.Options{
			Store:      w.store,
			IMKit:      httpd.Dialect{Handler: kit, OpenAPI: imkit.OpenAPI(), Failure: imkit.Failure},
			Shopline:   httpd.Dialect{Handler: shop, OpenAPI: shopline.OpenAPI(), Failure: shopline.Failure},
			IMetaStore: httpd.Dialect{Handler: meta, OpenAPI: imetastore.OpenAPI(), Failure: meta.Failure},
		})
		v.hosts[n] = l.Addr().String()
		g.Go(func() error { return s.Serve(ctx, l, nil) })
	}
	return v, nil
}

// dialects returns the three ways to ask this world, each with credentials of its own.
func (w *world) dialects(ctx context.Context) ([]dialect, error) {
	user, err := w.keeper.AddToken(ctx, workspaceID, clerk, access.Claims{})
	if err != nil {
		return nil, err
	}
	session, err := w.keeper.Login(ctx, w.secrets.Email, w.secrets.Password)
	if err != nil {
		return nil, err
	}
	return []dialect{
		imkitCalls{http.Header{"Im-Client-Key": {w.secrets.ClientKey}, "Im-Authorization": {user.Token}}},
		shoplineCalls{http.Header{"Authorization": {"Bearer " + w.secrets.ShoplineToken}}},
		imetastoreCalls{http.Header{"Authorization": {"Bearer " + session.AccessToken}, "Content-Type": {"application/json"}}},
	}, nil
}
