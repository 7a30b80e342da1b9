package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A LinkKey is what may be shown of a key that signs a workspace's addresses. The newest signs; those before it are good
// for what they signed until they end.
type LinkKey struct {
	ID      string        // 24 hex digits, unique within the workspace; not secret
	Created parlance.Time // zero: not known, of a key that an older version made
	Expires parlance.Time // inclusive; zero = never
}

// A linkKey is a LinkKey as it is kept.
type linkKey struct {
	Key     []byte        `json:"key"` // 32 bytes
	Created parlance.Time `json:"created,omitempty"`
	Expires parlance.Time `json:"expires,omitempty"`
}

// id is made of the key, so that keys have one that were made before keys had ids.
func (k linkKey) id() string {
	sum := sha256.Sum256(append([]byte("id of a link key\x00"), k.Key...))
	return hex.EncodeToString(sum[:12])
}

func (k linkKey) shown() LinkKey { return LinkKey{ID: k.id(), Created: k.Created, Expires: k.Expires} }

// A linkKeys is the record of a workspace's keys: the newest, and behind it the older ones, newest first.
type linkKeys struct {
	linkKey
	Older []linkKey `json:"older,omitempty"`
}

// all returns the keys that are good now, newest first.
func (r linkKeys) all(now parlance.Time) []linkKey {
	keys := r.Older
	if r.Key != nil {
		keys = append([]linkKey{r.linkKey}, keys...)
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k linkKey) bool { return k.Expires != 0 && k.Expires < now })
}

const keyName = "links"

// linkKeysFor is how long a process goes by the keys that it read: what another one ends, it takes for good no longer than this.
const linkKeysFor parlance.Time = 10_000

// A linkMemory remembers the keys of workspaces.
type linkMemory struct{ known sync.Map } // of rememberedKeys by workspace

type rememberedKeys struct {
	keys []linkKey // newest first
	read parlance.Time
}

// LinkKeys returns the keys that are good now, newest first; none if nothing was signed yet.
func (a *Archive) LinkKeys(ctx context.Context, ws parlance.WorkspaceID) ([]LinkKey, error) {
	r, _, err := a.linkRecord(ctx, ws)
	var shown []LinkKey
	for _, k := range r.all(a.store.Now()) {
		shown = append(shown, k.shown())
	}
	return shown, err
}

// AddLinkKey makes a key that signs from now on. Those before it stay good. Invalid if there are [parlance.MaxLinkKeys].
func (a *Archive) AddLinkKey(ctx context.Context, ws parlance.WorkspaceID) (LinkKey, error) {
	return a.changeLinkKeys(ctx, ws, func(keys []linkKey) ([]linkKey, error) {
		return append([]linkKey{a.newLinkKey()}, keys...), nil
	})
}

// RotateLinkKey makes a key that signs from now on, and ends the one with that id: at once, or after expires, if that isn't zero.
// NotFound if there is no such key.
func (a *Archive) RotateLinkKey(ctx context.Context, ws parlance.WorkspaceID, id string, expires parlance.Time) (LinkKey, error) {
	return a.changeLinkKeys(ctx, ws, func(keys []linkKey) ([]linkKey, error) {
		i, err := indexOfLinkKey(keys, id)
		if err != nil {
			return nil, err
		}
		if expires == 0 {
			keys = slices.Delete(keys, i, i+1)
		} else if end := keys[i].Expires; end == 0 || end > expires {
			keys[i].Expires = expires
		}
		return append([]linkKey{a.newLinkKey()}, keys...), nil
	})
}

// RevokeLinkKey ends a key at once, and with it all addresses that it signed. If it was the one that signs, the newest of the others
// does from then on, or a new one. NotFound if there is no such key.
func (a *Archive) RevokeLinkKey(ctx context.Context, ws parlance.WorkspaceID, id string) error {
	_, err := a.changeLinkKeys(ctx, ws, func(keys []linkKey) ([]linkKey, error) {
		i, err := indexOfLinkKey(keys, id)
		if err != nil {
			return nil, err
		}
		keys = slices.Delete(keys, i, i+1)
		// A key that ends signs nothing that should last.
		if i == 0 && (len(keys) == 0 || keys[0].Expires != 0) {
			keys = append([]linkKey{a.newLinkKey()}, keys...)
		}
		return keys, nil
	})
	return err
}

func (a *Archive) newLinkKey() linkKey {
	k := linkKey{Key: make([]byte, sha256.Size), Created: a.store.Now()}
	rand.Read(k.Key) // never fails
	return k
}

func indexOfLinkKey(keys []linkKey, id string) (int, error) {
	i := slices.IndexFunc(keys, func(k linkKey) bool { return k.id() == id })
	if i < 0 {
		return 0, parlance.Errorf(parlance.NotFound, "there is no link key %s", id)
	}
	return i, nil
}

// changeLinkKeys puts what change makes of the keys that are good now in their place, and returns the newest.
func (a *Archive) changeLinkKeys(ctx context.Context, ws parlance.WorkspaceID, change func([]linkKey) ([]linkKey, error)) (LinkKey, error) {
	for {
		r, raw, err := a.linkRecord(ctx, ws)
		if err != nil {
			return LinkKey{}, err
		}
		changed, err := change(r.all(a.store.Now()))
		if err != nil {
			return LinkKey{}, err
		}
		if len(changed) > parlance.MaxLinkKeys {
			return LinkKey{}, parlance.Errorf(parlance.Invalid, "the workspace has %d link keys already; revoke one", parlance.MaxLinkKeys)
		}
		switch err := jsonrecord.Swap(ctx, a.store, keys(ws), keyName, raw, linkKeys{changed[0], changed[1:]}); {
		case err == nil:
			a.links.known.Delete(ws)
			return changed[0].shown(), nil
		case !errors.Is(err, parlance.Conflict):
			return LinkKey{}, fmt.Errorf("change the link keys of workspace %s: %w", ws, err)
		}
	}
}

// linkRecord reads the keys; raw is nil if there are none.
func (a *Archive) linkRecord(ctx context.Context, ws parlance.WorkspaceID) (linkKeys, []byte, error) {
	r, raw, err := jsonrecord.Read[linkKeys](ctx, a.store, keys(ws), keyName)
	if err != nil || raw == nil {
		return linkKeys{}, raw, err
	}
	for _, k := range append(r.Older, r.linkKey) {
		if len(k.Key) != sha256.Size {
			return linkKeys{}, nil, parlance.Errorf(parlance.Corrupt, "record of %s can't be read", keys(ws))
		}
	}
	return r, raw, nil
}

// linkKeys returns the keys that are good now, newest first; none if none was made.
func (a *Archive) linkKeys(ctx context.Context, ws parlance.WorkspaceID) ([]linkKey, error) {
	now := a.store.Now()
	if k, ok := a.links.known.Load(ws); ok {
		if k := k.(rememberedKeys); now >= k.read && now-k.read < linkKeysFor {
			return linkKeys{Older: k.keys}.all(now), nil
		}
	}
	r, raw, err := a.linkRecord(ctx, ws)
	if err != nil || raw == nil {
		return nil, err
	}
	good := r.all(now)
	a.links.known.Store(ws, rememberedKeys{good, now})
	return good, nil
}

// signingKey returns the key that signs now, and makes it if there is none.
func (a *Archive) signingKey(ctx context.Context, ws parlance.WorkspaceID) ([]byte, error) {
	good, err := a.linkKeys(ctx, ws)
	if err == nil && len(good) == 0 {
		_, err = a.changeLinkKeys(ctx, ws, func(keys []linkKey) ([]linkKey, error) {
			if len(keys) == 0 { // else somebody was faster
				keys = []linkKey{a.newLinkKey()}
			}
			return keys, nil
		})
		if err == nil {
			good, err = a.linkKeys(ctx, ws)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(good) == 0 {
		return nil, parlance.Errorf(parlance.Unavailable, "the link keys of workspace %s were revoked just now", ws)
	}
	return good[0].Key, nil
}
