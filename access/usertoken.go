package access

import (
	"context"
	"errors"
	"fmt"

	"parlance"
	"parlance/internal/jsonrecord"
)

// userTokenRecord is what a user token leads to.
type userTokenRecord struct {
	Account    parlance.AccountID `json:"account"`
	Generation string             `json:"generation"`
	Expires    parlance.Time      `json:"expires"`
	Hash       []byte             `json:"hash"`
}

// userRow names one of an account's tokens.
type userRow struct {
	Generation string `json:"generation"`
	Hash       []byte `json:"hash"`
}

// generationRecord is an account's current generation: only tokens of it count. The
// name is random, so that of two writers exactly one wins.
type generationRecord struct {
	Name string `json:"name"`
}

const (
	generationKey = "generation"
	tokenRows     = "token/" // then the expiry, so that the rows are in its order
)

func userTokens(ws parlance.WorkspaceID, d digest) string {
	return "user-token/" + string(ws) + "/" + d.shard()
}

func user(ws parlance.WorkspaceID, account parlance.AccountID) string {
	return "user/" + string(ws) + "/" + string(account)
}

func tokenRow(expires parlance.Time, d digest) string {
	return fmt.Sprintf("%s%016x/%s", tokenRows, uint64(expires), d.key())
}

// UserToken returns what an IMKit user's token grants in workspace ws: to act as that user.
func (k *Keeper) UserToken(ctx context.Context, ws parlance.WorkspaceID, token string) (Grant, error) {
	if token == "" || len(token) > MaxToken {
		return Grant{}, k.refuse(userToken)
	}
	d, now := digestOf(userToken, ws, token), k.s.Now()
	if g, ok := k.memory.recall(d, now); ok && g.Workspace.ID == ws {
		return g, nil
	}
	if parlance.CheckWorkspace(ws) != nil {
		return Grant{}, k.refuse(userToken)
	}
	at := k.memory.mark(d)
	r, _, err := k.standing(ctx, ws, d, now)
	if err != nil {
		return Grant{}, err
	}
	if r == nil {
		return Grant{}, k.refuse(userToken)
	}
	w, err := k.owner(ctx, ws)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{Workspace: w, Account: r.Account, Expires: r.Expires, Reader: "user/" + digestOf("user", ws, string(r.Account)).short()}
	k.memory.remember(d, g, at, now)
	return g, nil
}

// standing returns the record of a token that counts now, or nil. raw is what stands under
// the token's key, counting or not, for a later swap.
func (k *Keeper) standing(ctx context.Context, ws parlance.WorkspaceID, d digest, now parlance.Time) (r *userTokenRecord, raw []byte, err error) {
	t, raw, err := jsonrecord.Read[userTokenRecord](ctx, k.s, userTokens(ws, d), d.key())
	if err != nil || raw == nil {
		return nil, nil, err
	}
	if !d.is(t.Hash) || expired(t.Expires, now) {
		return nil, raw, nil
	}
	g, _, err := jsonrecord.Read[generationRecord](ctx, k.s, user(ws, t.Account), generationKey)
	if err != nil {
		return nil, nil, err
	}
	if g.Name != t.Generation {
		return nil, raw, nil
	}
	return &t, raw, nil
}

// generation returns the account's current generation; it makes the first one if there is none.
func (k *Keeper) generation(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID) (string, error) {
	for {
		g, raw, err := jsonrecord.Read[generationRecord](ctx, k.s, user(ws, account), generationKey)
		if err != nil || raw != nil {
			return g.Name, err
		}
		g = newGeneration()
		err = jsonrecord.Swap(ctx, k.s, user(ws, account), generationKey, nil, g)
		if !errors.Is(err, parlance.Conflict) {
			return g.Name, err
		}
	}
}

func newGeneration() generationRecord { return generationRecord{Name: fmt.Sprintf("%x", random(12))} }

// keep makes token one of the account's, of the given generation. Conflict if it counts as
// another account's.
func (k *Keeper) keep(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, generation, token string, expires parlance.Time) error {
	d := digestOf(userToken, ws, token)
	for {
		now := k.s.Now()
		t, raw, err := k.standing(ctx, ws, d, now)
		if err != nil {
			return err
		}
		if t != nil && t.Account != account {
			return parlance.Errorf(parlance.Conflict, "the token belongs to another account")
		}
		err = put(ctx, k, user(ws, account), tokenRow(expires, d), userRow{Generation: generation, Hash: d[:]})
		if err != nil {
			return err
		}
		err = jsonrecord.Swap(ctx, k.s, userTokens(ws, d), d.key(), raw, userTokenRecord{
			Account: account, Generation: generation, Expires: expires, Hash: d[:],
		})
		if errors.Is(err, parlance.Conflict) {
			continue
		}
		if err != nil {
			return err
		}
		k.forget(d) // its expiry may have changed
		if t != nil && t.Expires != expires {
			return k.removeRow(ctx, ws, account, tokenRow(t.Expires, d))
		}
		return nil
	}
}

// removeRow deletes one of the account's rows, if it is there.
func (k *Keeper) removeRow(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, key string) error {
	_, raw, err := jsonrecord.Read[userRow](ctx, k.s, user(ws, account), key)
	if err != nil || raw == nil {
		return err
	}
	return remove(ctx, k, user(ws, account), key, raw)
}
