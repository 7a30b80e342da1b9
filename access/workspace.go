package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// A Workspace is one merchant or app, and how each platform names it.
type Workspace struct {
	ID       parlance.WorkspaceID
	Created  parlance.Time
	Merchant parlance.AccountID // the shop's account as SHOPLINE names it; 24 hex digits, lower case
	Staff    parlance.AccountID // the staff account behind the SHOPLINE token; 24 hex digits, lower case
	Seller   parlance.AccountID // the shop's account as iMetaStore names it; never all digits

	// Unfinished: nobody has said yet that its first credentials arrived. See [Keeper.BeginWorkspace].
	Unfinished bool
}

// Secrets are a workspace's first credentials. They can't be had a second time.
type Secrets struct {
	ClientKey     string // IMKit; public in nature
	APIKey        string // IMKit; base64 text
	ShoplineToken string // 64 hex digits
	Email         string // iMetaStore login
	Password      string
}

// workspaceRecord is a Workspace as it is kept. Mark is random: it tells two that make the
// same workspace at the same time apart.
type workspaceRecord struct {
	Created  parlance.Time      `json:"created"`
	Merchant parlance.AccountID `json:"merchant"`
	Staff    parlance.AccountID `json:"staff"`
	Seller   parlance.AccountID `json:"seller"`
	Mark     []byte             `json:"mark"`

	Unfinished bool `json:"unfinished,omitempty"`
}

const workspaces = "workspace"

// CreateWorkspace makes a workspace and one credential of each kind: [Keeper.BeginWorkspace] and [Keeper.FinishWorkspace] in one.
func (k *Keeper) CreateWorkspace(ctx context.Context, w Workspace) (Workspace, Secrets, error) {
	k.makingWorkspace.Lock() // of those that make the same one here, the first does
	defer k.makingWorkspace.Unlock()
	n, err := k.BeginWorkspace(ctx, w)
	if err == nil {
		err = k.FinishWorkspace(ctx, n)
	}
	if err != nil {
		return Workspace{}, Secrets{}, err
	}
	n.Workspace.Unfinished = false
	return n.Workspace, n.Secrets, nil
}

// A NewWorkspace is a workspace that is being made.
type NewWorkspace struct {
	Workspace Workspace
	Secrets   Secrets
	Resumed   bool // it was begun before, and the credentials of then are revoked

	mark  []byte
	first []string // ids of its credentials
}

// BeginWorkspace makes a workspace and one credential of each kind. Zero fields of w
// get defaults: now, random ids, and "seller_001". Conflict if the workspace exists.
//
// The workspace is unfinished until [Keeper.FinishWorkspace], which whoever has handed the secrets over calls. Until then, if
// this fails half-way or what it returned is lost, it can be called again: it completes what is there, keeps the ids of then and
// makes all first credentials anew, since nobody may have seen those of then. They are revoked.
func (k *Keeper) BeginWorkspace(ctx context.Context, w Workspace) (NewWorkspace, error) {
	now := k.s.Now()
	if w.Created == 0 {
		w.Created = now
	}
	if w.Merchant == "" {
		w.Merchant = parlance.AccountID(k.ids.At(now))
	}
	if w.Staff == "" {
		w.Staff = parlance.AccountID(k.ids.At(now))
	}
	if w.Seller == "" {
		w.Seller = "seller_001"
	}
	w.Unfinished = true
	if err := w.check(); err != nil {
		return NewWorkspace{}, err
	}
	old, raw, err := jsonrecord.Read[workspaceRecord](ctx, k.s, workspaces, string(w.ID))
	if err != nil {
		return NewWorkspace{}, err
	}
	n := NewWorkspace{Workspace: w, Resumed: raw != nil, mark: random(16)}
	switch {
	case raw != nil && !old.Unfinished:
		return NewWorkspace{}, parlance.Errorf(parlance.Conflict, "workspace %q exists already", w.ID)
	case raw != nil:
		n.Workspace = old.workspace(w.ID)
	}
	err = jsonrecord.Swap(ctx, k.s, workspaces, string(w.ID), raw, n.record())
	if errors.Is(err, parlance.Conflict) {
		return NewWorkspace{}, parlance.Errorf(parlance.Conflict, "workspace %q was made by somebody else at the same time", w.ID)
	}
	if err != nil {
		return NewWorkspace{}, fmt.Errorf("create workspace %s: %w", w.ID, err)
	}
	if n.Resumed {
		err = k.revokeFirst(ctx, w.ID)
	}
	if err == nil {
		err = k.firstCredentials(ctx, &n)
	}
	if err != nil {
		return NewWorkspace{}, fmt.Errorf("make credentials of new workspace %s: %w", w.ID, err)
	}
	k.log.InfoContext(ctx, "workspace created", "workspace", w.ID, "resumed", n.Resumed)
	return n, nil
}

// FinishWorkspace says that the secrets of a new workspace have been handed over. Conflict if another call of
// [Keeper.BeginWorkspace] came meanwhile: they are good for nothing then.
func (k *Keeper) FinishWorkspace(ctx context.Context, n NewWorkspace) error {
	r, raw, err := jsonrecord.Read[workspaceRecord](ctx, k.s, workspaces, string(n.Workspace.ID))
	if err != nil {
		return err
	}
	after := n.record()
	after.Unfinished = false
	if !bytes.Equal(r.Mark, n.mark) {
		err = parlance.Errorf(parlance.Conflict, "it was begun again meanwhile")
	} else {
		err = jsonrecord.Swap(ctx, k.s, workspaces, string(n.Workspace.ID), raw, after)
	}
	if errors.Is(err, parlance.Conflict) {
		err = parlance.Errorf(parlance.Conflict, "workspace %q was made by somebody else at the same time: these credentials are revoked", n.Workspace.ID)
		for _, id := range n.first {
			if e := k.Revoke(ctx, n.Workspace.ID, id); e != nil && !errors.Is(e, parlance.NotFound) {
				err = errors.Join(err, e)
			}
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("finish workspace %s: %w", n.Workspace.ID, err)
	}
	k.memory.forgetAll() // what is remembered says that it is unfinished
	return nil
}

// record returns n as it is kept until it is finished.
func (n *NewWorkspace) record() workspaceRecord {
	w := &n.Workspace
	return workspaceRecord{Created: w.Created, Merchant: w.Merchant, Staff: w.Staff, Seller: w.Seller, Mark: n.mark, Unfinished: true}
}

// revokeFirst revokes the first credentials of an unfinished workspace, and what is left of them.
func (k *Keeper) revokeFirst(ctx context.Context, ws parlance.WorkspaceID) error {
	for r, err := range k.s.Records(ctx, credentials(ws)) {
		if err != nil {
			return err
		}
		c, err := jsonrecord.Decode[credentialRecord](credentials(ws), r.Value)
		if err != nil {
			return err
		}
		if !c.First {
			continue
		}
		if err := k.Revoke(ctx, ws, r.Key); err != nil && !errors.Is(err, parlance.NotFound) {
			return err
		}
	}
	return nil
}

// firstCredentials makes one credential of each kind.
func (k *Keeper) firstCredentials(ctx context.Context, n *NewWorkspace) error {
	ws := n.Workspace.ID
	for _, one := range []struct {
		kind   Kind
		secret *string
	}{{ClientKey, &n.Secrets.ClientKey}, {APIKey, &n.Secrets.APIKey}, {ShoplineToken, &n.Secrets.ShoplineToken}} {
		c, secret, err := k.addKey(ctx, ws, Credential{Kind: one.kind}, true)
		if err != nil {
			return err
		}
		*one.secret = secret
		n.first = append(n.first, c.ID)
	}
	c, password, err := k.addSeller(ctx, ws, Credential{Name: string(ws) + ownDomain}, "", true)
	if err != nil {
		return err
	}
	n.Secrets.Email, n.Secrets.Password = c.Name, password
	n.first = append(n.first, c.ID)
	return nil
}

// check reports, as an Invalid error, what of w can't be.
func (w Workspace) check() error {
	if err := parlance.CheckWorkspace(w.ID); err != nil {
		return err
	}
	for _, id := range []parlance.AccountID{w.Merchant, w.Staff} {
		if b, err := hex.DecodeString(string(id)); err != nil || len(b) != 12 || strings.ToLower(string(id)) != string(id) {
			return parlance.Errorf(parlance.Invalid, "account %q: want 24 hex digits in lower case", id)
		}
	}
	if err := parlance.CheckID("seller", w.Seller); err != nil {
		return err
	}
	if strings.Trim(string(w.Seller), "0123456789") == "" {
		return parlance.Errorf(parlance.Invalid, "seller %q: all digits would be a buyer", w.Seller)
	}
	return nil
}

// Workspace returns the workspace of that id, or NotFound.
func (k *Keeper) Workspace(ctx context.Context, id parlance.WorkspaceID) (Workspace, error) {
	if parlance.CheckWorkspace(id) != nil {
		return Workspace{}, parlance.Errorf(parlance.NotFound, "there is no workspace %q", id)
	}
	r, raw, err := jsonrecord.Read[workspaceRecord](ctx, k.s, workspaces, string(id))
	if err != nil {
		return Workspace{}, err
	}
	if raw == nil {
		return Workspace{}, parlance.Errorf(parlance.NotFound, "there is no workspace %q", id)
	}
	return r.workspace(id), nil
}

// owner returns the workspace that a credential belongs to, which is there unless the
// store contradicts itself.
func (k *Keeper) owner(ctx context.Context, id parlance.WorkspaceID) (Workspace, error) {
	w, err := k.Workspace(ctx, id)
	if errors.Is(err, parlance.NotFound) {
		return Workspace{}, parlance.Errorf(parlance.Corrupt, "workspace %q has credentials and doesn't exist", id)
	}
	return w, err
}

// Workspaces returns all workspaces by id. After an error it ends.
func (k *Keeper) Workspaces(ctx context.Context) iter.Seq2[Workspace, error] {
	return func(yield func(Workspace, error) bool) {
		for r, err := range k.s.Records(ctx, workspaces) {
			if err != nil {
				yield(Workspace{}, fmt.Errorf("list workspaces: %w", err))
				return
			}
			w, err := jsonrecord.Decode[workspaceRecord](workspaces, r.Value)
			if err != nil {
				yield(Workspace{}, err)
				return
			}
			if !yield(w.workspace(parlance.WorkspaceID(r.Key)), nil) {
				return
			}
		}
	}
}

// WorkspaceIDs returns the ids of all workspaces that a store has, without reading what is known of them. After an
// error it ends.
func WorkspaceIDs(ctx context.Context, s *store.Store) iter.Seq2[parlance.WorkspaceID, error] {
	return func(yield func(parlance.WorkspaceID, error) bool) {
		for r, err := range s.Records(ctx, workspaces) {
			if err != nil {
				err = fmt.Errorf("list workspaces: %w", err)
			}
			if !yield(parlance.WorkspaceID(r.Key), err) || err != nil {
				return
			}
		}
	}
}

// workspace returns r in its public form.
func (r workspaceRecord) workspace(id parlance.WorkspaceID) Workspace {
	return Workspace{ID: id, Created: r.Created, Merchant: r.Merchant, Staff: r.Staff, Seller: r.Seller, Unfinished: r.Unfinished}
}
