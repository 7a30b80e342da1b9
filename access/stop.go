package access

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"parlance"
	"parlance/internal/jsonrecord"
)

// RevokeToken stops one token of the account. NotFound if the account has no such token,
// or no longer.
func (k *Keeper) RevokeToken(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string) error {
	if _, err := k.Workspace(ctx, ws); err != nil {
		return err
	}
	d := digestOf(userToken, ws, token)
	for {
		t, raw, err := k.standing(ctx, ws, d, k.s.Now())
		if err != nil {
			return err
		}
		if t == nil || t.Account != account {
			return parlance.Errorf(parlance.NotFound, "account %q has no such token", account)
		}
		err = k.s.SwapRecord(ctx, userTokens(ws, d), d.key(), raw, nil)
		if errors.Is(err, parlance.Conflict) {
			continue
		}
		k.forget(d) // after an error too: it may have been done
		if err != nil {
			return fmt.Errorf("revoke a token of account %s/%s: %w", ws, account, err)
		}
		return k.removeRow(ctx, ws, account, tokenRow(t.Expires, d))
	}
}

// RevokeTokens stops all tokens of the account and returns how many there were.
func (k *Keeper) RevokeTokens(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID) (int, error) {
	if _, err := k.Workspace(ctx, ws); err != nil {
		return 0, err
	}
	if parlance.CheckID("account", account) != nil {
		return 0, nil
	}
	n, err := k.turn(context.WithoutCancel(ctx), ws, account, newGeneration())
	if err != nil {
		return 0, fmt.Errorf("revoke the tokens of account %s/%s: %w", ws, account, err)
	}
	return n, nil
}

// turn makes next the account's generation, so that tokens of any other no longer count. It
// forgets those, deletes them, and returns how many there were.
func (k *Keeper) turn(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, next generationRecord) (int, error) {
	var before generationRecord
	for {
		g, raw, err := jsonrecord.Read[generationRecord](ctx, k.s, user(ws, account), generationKey)
		if err != nil {
			return 0, err
		}
		err = jsonrecord.Swap(ctx, k.s, user(ws, account), generationKey, raw, next)
		if errors.Is(err, parlance.Conflict) {
			continue
		}
		if err != nil {
			return 0, err
		}
		before = g
		break
	}

	now := k.s.Now()
	var stale []namedToken
	for t, err := range k.tokens(ctx, ws, account) {
		if err != nil {
			return 0, err
		}
		if t.generation != next.Name {
			k.forget(t.digest)
		}
		// A generation that is neither may be one that somebody is about to turn
		// to; if nobody does, its tokens go once they have expired.
		if t.generation == before.Name || expired(t.expires, now) {
			stale = append(stale, t)
		}
	}
	return k.removeTokens(ctx, ws, account, stale, now)
}

// sweep deletes the account's expired tokens.
func (k *Keeper) sweep(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID) error {
	now := k.s.Now()
	var stale []namedToken
	for t, err := range k.tokens(ctx, ws, account) {
		if err != nil {
			return err
		}
		if !expired(t.expires, now) {
			break
		}
		stale = append(stale, t)
	}
	_, err := k.removeTokens(ctx, ws, account, stale, now)
	return err
}

// A namedToken is what a row of an account says of a token.
type namedToken struct {
	key, generation string
	expires         parlance.Time
	digest          digest
	raw             []byte
}

// tokens returns the account's tokens, counting or not, soonest expiry first. After an
// error it ends.
func (k *Keeper) tokens(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID) iter.Seq2[namedToken, error] {
	return func(yield func(namedToken, error) bool) {
		for r, err := range k.s.Records(ctx, user(ws, account)) {
			if err != nil {
				yield(namedToken{}, fmt.Errorf("list the account's tokens: %w", err))
				return
			}
			rest, ok := strings.CutPrefix(r.Key, tokenRows)
			if !ok {
				continue
			}
			expiry, _, _ := strings.Cut(rest, "/")
			expires, err := strconv.ParseInt(expiry, 16, 64)
			if err != nil {
				yield(namedToken{}, parlance.Errorf(parlance.Corrupt, "a token of account %s/%s has no expiry", ws, account))
				return
			}
			row, err := jsonrecord.Decode[userRow](user(ws, account), r.Value)
			if err != nil {
				yield(namedToken{}, err)
				return
			}
			if len(row.Hash) != len(digest{}) {
				yield(namedToken{}, parlance.Errorf(parlance.Corrupt, "a token of account %s/%s has a hash of %d bytes", ws, account, len(row.Hash)))
				return
			}
			if !yield(namedToken{r.Key, row.Generation, parlance.Time(expires), digest(row.Hash), r.Value}, nil) {
				return
			}
		}
	}
}

// removeTokens deletes tokens, except those that were given out anew meanwhile, and then the
// rows that name them. It returns how many it deleted that hadn't expired at now.
func (k *Keeper) removeTokens(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, stale []namedToken, now parlance.Time) (int, error) {
	n := 0
	for _, s := range stale {
		t, raw, err := jsonrecord.Read[userTokenRecord](ctx, k.s, userTokens(ws, s.digest), s.digest.key())
		if err != nil {
			return n, err
		}
		if raw != nil && t.Account == account && t.Generation == s.generation && t.Expires == s.expires {
			if err := remove(ctx, k, userTokens(ws, s.digest), s.digest.key(), raw); err != nil {
				return n, err
			}
			if !expired(s.expires, now) {
				n++
			}
		}
		if err := remove(ctx, k, user(ws, account), s.key, s.raw); err != nil {
			return n, err
		}
	}
	return n, nil
}
