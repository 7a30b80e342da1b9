package access

import (
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
}

const workspaces = "workspace"

// CreateWorkspace makes a workspace and one credential of each kind. Zero fields of w
// get defaults: now, random ids, and "seller_001". Conflict if the workspace exists.
//
// If making the credentials fails, the workspace stands without some of them, and the rest
// can be added by [Keeper.AddKey] and [Keeper.AddSeller].
func (k *Keeper) CreateWorkspace(ctx context.Context, w Workspace) (Workspace, Secrets, error) {
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
	if err := w.check(); err != nil {
		return Workspace{}, Secrets{}, err
	}

	err := jsonrecord.Swap(ctx, k.s, workspaces, string(w.ID), nil, workspaceRecord{
		Created: w.Created, Merchant: w.Merchant, Staff: w.Staff, Seller: w.Seller, Mark: random(16),
	})
	if errors.Is(err, parlance.Conflict) {
		return Workspace{}, Secrets{}, parlance.Errorf(parlance.Conflict, "workspace %q exists already", w.ID)
	}
	if err != nil {
		return Workspace{}, Secrets{}, fmt.Errorf("create workspace %s: %w", w.ID, err)
	}
	k.log.InfoContext(ctx, "workspace created", "workspace", w.ID)

	secrets, err := k.firstCredentials(ctx, w.ID)
	if err != nil {
		return Workspace{}, Secrets{}, fmt.Errorf("make credentials of new workspace %s: %w", w.ID, err)
	}
	return w, secrets, nil
}

// firstCredentials makes one credential of each kind.
func (k *Keeper) firstCredentials(ctx context.Context, ws parlance.WorkspaceID) (s Secrets, err error) {
	if _, s.ClientKey, err = k.AddKey(ctx, ws, Credential{Kind: ClientKey}); err != nil {
		return Secrets{}, err
	}
	if _, s.APIKey, err = k.AddKey(ctx, ws, Credential{Kind: APIKey}); err != nil {
		return Secrets{}, err
	}
	if _, s.ShoplineToken, err = k.AddKey(ctx, ws, Credential{Kind: ShoplineToken}); err != nil {
		return Secrets{}, err
	}
	c, password, err := k.addSeller(ctx, ws, Credential{Name: string(ws) + ownDomain}, "")
	if err != nil {
		return Secrets{}, err
	}
	s.Email, s.Password = c.Name, password
	return s, nil
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
	return Workspace{ID: id, Created: r.Created, Merchant: r.Merchant, Staff: r.Staff, Seller: r.Seller}
}
