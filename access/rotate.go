package access

import (
	"context"
	"errors"
	"time"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A Rotation says how a credential is replaced by a new one of its kind.
type Rotation struct {
	// Grace is for how long the old one stays good beside the new one. 0: it is revoked as soon as the new one is there.
	Grace time.Duration
	// Expires is when the new one ends; zero: after as long a life as the old one had, never if that had no end.
	Expires parlance.Time
	// Password is that of a new login; empty: a random one.
	Password string
}

// maxGrace is the longest time for which an old credential may stay beside its successor.
const maxGrace = 366 * 24 * time.Hour

// Rotate makes a new credential of the kind and label of the one that id names, and lets that one end. Nothing else changes: with a new
// client key the API keys and user tokens go on. A login keeps its e-mail and gets another password; sessions
// that the old password opened end with it. It returns the new credential and the secret, which can't be had a second time.
//
// The new one is made first. If this fails or is interrupted half-way, both may be there: the list shows them.
func (k *Keeper) Rotate(ctx context.Context, ws parlance.WorkspaceID, id string, r Rotation) (Credential, string, error) {
	if r.Grace < 0 || r.Grace > maxGrace {
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "grace %s: want 0 to %s", r.Grace, maxGrace)
	}
	if _, err := k.Workspace(ctx, ws); err != nil {
		return Credential{}, "", err
	}
	old, _, err := k.credential(ctx, ws, id)
	if err != nil {
		return Credential{}, "", err
	}
	now := k.s.Now()
	c := Credential{Kind: old.Kind, Label: old.Label, Name: old.Name, Expires: r.Expires, Reading: old.Reading}
	if c.Expires == 0 && old.Expires != 0 {
		c.Expires = now + (old.Expires - old.Created)
	}
	if old.Kind == SellerLogin {
		return k.rotateLogin(ctx, ws, id, c, r)
	}
	if r.Password != "" {
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "a %s has no password", old.Kind)
	}
	c, secret, err := k.AddKey(ctx, ws, c)
	if err != nil {
		return Credential{}, "", err
	}
	return c, secret, k.end(ctx, ws, id, r.Grace)
}

// end lets a credential end after a time, at once if that is 0.
func (k *Keeper) end(ctx context.Context, ws parlance.WorkspaceID, id string, grace time.Duration) error {
	if grace == 0 {
		return k.Revoke(ctx, ws, id)
	}
	until := k.s.Now() + parlance.Time(grace.Milliseconds())
	for {
		c, raw, err := k.credential(ctx, ws, id)
		if err != nil {
			return err
		}
		if c.Expires != 0 && c.Expires <= until {
			return nil
		}
		c.Expires = until
		if c.Kind != SellerLogin { // what makes it end comes before what says so
			if err := k.expireSecret(ctx, c.Hash, until); err != nil {
				return err
			}
		}
		err = jsonrecord.Swap(ctx, k.s, credentials(ws), id, raw, c)
		if errors.Is(err, parlance.Conflict) {
			continue
		}
		if c.Kind == SellerLogin {
			k.forget(loginDigest(id)) // after an error too: it may have been done
		}
		if err == nil {
			k.log.InfoContext(ctx, "credential ends", "workspace", ws, "kind", c.Kind, "credential", id, "at", until)
		}
		return err
	}
}

// expireSecret gives the secret of that hash an end.
func (k *Keeper) expireSecret(ctx context.Context, hash []byte, until parlance.Time) error {
	if len(hash) != len(digest{}) {
		return parlance.Errorf(parlance.Corrupt, "credential has a hash of %d bytes", len(hash))
	}
	d := digest(hash)
	for {
		s, raw, err := jsonrecord.Read[secretRecord](ctx, k.s, secrets(d), d.key())
		if err != nil || raw == nil {
			return err
		}
		s.Expires = until
		err = jsonrecord.Swap(ctx, k.s, secrets(d), d.key(), raw, s)
		if errors.Is(err, parlance.Conflict) {
			continue
		}
		k.forget(d) // after an error too
		return err
	}
}

// rotateLogin makes another login of the same e-mail. Of older ones only the last stays good for a while.
func (k *Keeper) rotateLogin(ctx context.Context, ws parlance.WorkspaceID, id string, c Credential, r Rotation) (Credential, string, error) {
	password, hash, err := k.newPassword(ctx, r.Password)
	if err != nil {
		return Credential{}, "", err
	}
	old, raw, err := jsonrecord.Read[loginRecord](ctx, k.s, logins, c.Name)
	if err != nil {
		return Credential{}, "", err
	}
	if raw == nil || old.Credential != id {
		return Credential{}, "", parlance.Errorf(parlance.Conflict, "login %q has been replaced already: rotate the newest one of its e-mail", id)
	}
	c, err = k.addCredential(ctx, ws, c, nil, false)
	if err != nil {
		return Credential{}, "", err
	}
	next := loginRecord{Workspace: ws, Credential: c.ID, Password: hash}
	if r.Grace > 0 {
		next.Older = &olderLogin{Credential: id, Password: old.Password}
	}
	if err := jsonrecord.Swap(ctx, k.s, logins, c.Name, raw, next); err != nil {
		return Credential{}, "", errors.Join(err, k.Revoke(context.WithoutCancel(ctx), ws, c.ID))
	}
	k.log.InfoContext(ctx, "credential added", "workspace", ws, "kind", c.Kind, "credential", c.ID)
	if old.Older != nil {
		err = k.Revoke(ctx, ws, old.Older.Credential)
		if errors.Is(err, parlance.NotFound) {
			err = nil
		}
	}
	return c, password, errors.Join(err, k.end(ctx, ws, id, r.Grace))
}
