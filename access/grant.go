package access

import (
	"context"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A Grant says who is asking and what they may do.
type Grant struct {
	Workspace Workspace

	// Admin: may act for the whole workspace. So may an IMKit API key, a
	// SHOPLINE token and an iMetaStore seller.
	Admin bool

	// Account is who acts: the IMKit user, Workspace.Staff for SHOPLINE,
	// Workspace.Seller for iMetaStore; empty for an API key.
	Account parlance.AccountID

	Expires parlance.Time // zero = never

	// Reader is a short name for cache keys, rate limits and logs: of the
	// credential, or of the user, whichever of their tokens was shown. It is unique over
	// all workspaces, stays the same, and doesn't give the secret away.
	Reader string

	// Reading is what a read token may read, shared with other grants: not to be changed. Nil for the others, which it doesn't bound.
	Reading *Reading
}

// errUnauthenticated is what every failed check returns.
var errUnauthenticated = parlance.Errorf(parlance.Unauthenticated, "the credential is not valid")

// ClientKey returns the workspace that an IMKit client key names.
func (k *Keeper) ClientKey(ctx context.Context, key string) (Workspace, error) {
	g, err := k.bySecret(ctx, ClientKey, key)
	return g.Workspace, err
}

// APIKey returns what an IMKit API key grants: the whole workspace, as nobody in particular.
func (k *Keeper) APIKey(ctx context.Context, key string) (Grant, error) {
	return k.bySecret(ctx, APIKey, key)
}

// Bearer returns what a SHOPLINE token grants.
func (k *Keeper) Bearer(ctx context.Context, token string) (Grant, error) {
	return k.bySecret(ctx, ShoplineToken, token)
}

// bySecret checks a client key, API key, SHOPLINE token or read token.
func (k *Keeper) bySecret(ctx context.Context, kind Kind, secret string) (Grant, error) {
	if secret == "" || len(secret) > MaxToken {
		return Grant{}, k.refuse(kind)
	}
	d, now := digestOf(kind, "", secret), k.s.Now()
	if g, ok := k.memory.recall(d, now); ok {
		return g, nil
	}
	at := k.memory.mark(d)
	r, raw, err := jsonrecord.Read[secretRecord](ctx, k.s, secrets(d), d.key())
	if err != nil {
		return Grant{}, err
	}
	if raw == nil || !d.is(r.Hash) || expired(r.Expires, now) {
		return Grant{}, k.refuse(kind)
	}
	w, err := k.owner(ctx, r.Workspace)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{Workspace: w, Expires: r.Expires, Reader: string(kind) + "/" + r.Credential}
	switch kind {
	case APIKey:
		g.Admin = true
	case ReadToken:
		if g.Reading = r.Reading; g.Reading == nil {
			return Grant{}, parlance.Errorf(parlance.Corrupt, "read token %s doesn't say what it may read", r.Credential)
		}
	case ShoplineToken:
		g.Admin, g.Account = true, w.Staff
	}
	k.memory.remember(d, g, at, now)
	return g, nil
}

// expired reports whether t, if known, has come.
func expired(t, now parlance.Time) bool { return t != 0 && now >= t }
