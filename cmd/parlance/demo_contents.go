package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"parlance"
	"parlance/access"
	"parlance/cmd/parlance/internal/demoshop"
	"parlance/store"
)

// A demoDescription is what `demo` prints once it listens.
type demoDescription struct {
	URL       string               `json:"url"`
	Workspace parlance.WorkspaceID `json:"workspace"`
	IMKit     struct {
		ClientKey string                    `json:"client_key"`
		APIKey    string                    `json:"api_key"`
		Users     []demoUser                `json:"users"`
		Rooms     []parlance.ConversationID `json:"rooms"` // of the first user
	} `json:"imkit"`
	Shopline struct {
		Token         string             `json:"token"`
		Conversations []demoConversation `json:"conversations"`
	} `json:"shopline"`
	IMetaStore struct {
		Email    string  `json:"email"`
		Password string  `json:"password"`
		Buyers   []int64 `json:"buyers"` // of conversations that came by iMetaStore
	} `json:"imetastore"`
	Archive struct {
		Token string `json:"token"` // a read token
	} `json:"archive"`
}

type demoUser struct {
	ID    parlance.AccountID `json:"id"`
	Token string             `json:"token"`
}

type demoConversation struct {
	ID       parlance.ConversationID `json:"id"`
	Platform string                  `json:"platform"`
}

// prepareDemo fills the store with the demo, or goes on with the one that is there. The credentials
// are new in any case, since only their hashes are kept.
func prepareDemo(ctx context.Context, a *archive) (access.Workspace, access.Secrets, error) {
	w := demoshop.Workspace()
	known, err := demoshop.Known(ctx, a.store)
	if err != nil {
		return w, access.Secrets{}, err
	}
	if !known {
		for other, err := range a.keeper.Workspaces(ctx) {
			if err != nil {
				return w, access.Secrets{}, err
			}
			return w, access.Secrets{}, fmt.Errorf("the store in %s isn't a demo: it holds the workspace %q; name another, nothing was changed", a.name, other.ID)
		}
		if err := demoshop.Mark(ctx, a.store); err != nil {
			return w, access.Secrets{}, fmt.Errorf("begin the demo: %w", err)
		}
	}
	made, secrets, err := a.keeper.CreateWorkspace(ctx, w)
	if errors.Is(err, parlance.Conflict) {
		made, secrets, err = renewCredentials(ctx, a.keeper, w.ID)
	}
	if err != nil {
		return w, secrets, err
	}
	return made, secrets, demoshop.Fill(ctx, a.store, made)
}

// renewCredentials revokes all credentials of a workspace and makes new ones.
func renewCredentials(ctx context.Context, k *access.Keeper, id parlance.WorkspaceID) (w access.Workspace, s access.Secrets, err error) {
	if w, err = k.Workspace(ctx, id); err != nil {
		return w, s, err
	}
	var old []string
	for c, err := range k.Credentials(ctx, id) {
		if err != nil {
			return w, s, err
		}
		old = append(old, c.ID)
	}
	for _, c := range old {
		if err := k.Revoke(ctx, id, c); err != nil {
			return w, s, err
		}
	}
	if _, s.ClientKey, err = k.AddKey(ctx, id, access.Credential{Kind: access.ClientKey}); err != nil {
		return w, s, err
	}
	if _, s.APIKey, err = k.AddKey(ctx, id, access.Credential{Kind: access.APIKey}); err != nil {
		return w, s, err
	}
	if _, s.ShoplineToken, err = k.AddKey(ctx, id, access.Credential{Kind: access.ShoplineToken}); err != nil {
		return w, s, err
	}
	c, password, err := k.AddSeller(ctx, id, "seller@demo.example", "", "")
	s.Email, s.Password = c.Name, password
	return w, s, err
}

// describeDemo gives the demo's users tokens and lists what can be asked for, the platforms' own
// examples first.
func describeDemo(ctx context.Context, a *archive, w access.Workspace, s access.Secrets) (demoDescription, error) {
	d := demoDescription{Workspace: w.ID}
	d.IMKit.ClientKey, d.IMKit.APIKey = s.ClientKey, s.APIKey
	d.Shopline.Token = s.ShoplineToken
	d.IMetaStore.Email, d.IMetaStore.Password = s.Email, s.Password
	d.IMetaStore.Buyers = []int64{}
	_, token, err := a.keeper.AddKey(ctx, w.ID, access.Credential{Kind: access.ReadToken})
	if err != nil {
		return d, err
	}
	d.Archive.Token = token
	for _, id := range demoshop.Users() {
		t, err := a.keeper.IssueToken(ctx, w.ID, id, access.Claims{})
		if err != nil {
			return d, err
		}
		d.IMKit.Users = append(d.IMKit.Users, demoUser{id, t.Token})
	}
	for c, err := range a.store.Conversations(ctx, w.ID) {
		if err == nil {
			err = d.add(ctx, a.store, w.ID, &c)
		}
		if err != nil {
			return d, fmt.Errorf("list the demo's conversations: %w", err)
		}
	}
	return d, nil
}

// add lists a conversation where it belongs.
func (d *demoDescription) add(ctx context.Context, s *store.Store, ws parlance.WorkspaceID, c *parlance.Conversation) error {
	_, err := s.Member(ctx, parlance.Ref{Workspace: ws, Conversation: c.ID}, d.IMKit.Users[0].ID)
	if err == nil {
		d.IMKit.Rooms = append(d.IMKit.Rooms, c.ID)
	} else if !errors.Is(err, parlance.NotFound) {
		return err
	}
	switch c.Kind {
	case parlance.Shop:
		d.Shopline.Conversations = append(d.Shopline.Conversations, demoConversation{c.ID, "shop_messages"})
	case parlance.Order:
		d.Shopline.Conversations = append(d.Shopline.Conversations, demoConversation{c.ID, "order_messages"})
	}
	if c.Platform == parlance.IMetaStore && c.Customer != "" {
		n, err := s.Number(ctx, ws, c.Customer)
		if err != nil {
			return err
		}
		if !slices.Contains(d.IMetaStore.Buyers, n) {
			d.IMetaStore.Buyers = append(d.IMetaStore.Buyers, n)
		}
	}
	return nil
}
