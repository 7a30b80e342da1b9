package access

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"

	"parlance"
	"parlance/internal/jsonrecord"
)

// A Kind says what a credential is for.
type Kind string

// The kinds. The first five belong to a workspace and last until they are revoked
// or expire; the others are what users and sellers get when they log in.
const (
	ClientKey     Kind = "client-key"     // IMKit: names the app; public
	APIKey        Kind = "api-key"        // IMKit: may do everything in its workspace
	ShoplineToken Kind = "shopline-token" // SHOPLINE: the shop's staff
	ReadToken     Kind = "read-token"     // the read API: reads what its Reading says
	SellerLogin   Kind = "seller-login"   // iMetaStore: e-mail and password

	userToken   Kind = "user-token"
	sellerToken Kind = "seller-token"
)

// maxLabel is the longest label in bytes.
const maxLabel = 200

// A Credential is what may be shown of a workspace's credential.
type Credential struct {
	ID      string // 24 hex digits, unique over all workspaces; not secret
	Kind    Kind
	Label   string // whatever its owner calls it, at most 200 bytes; may be empty
	Name    string // the client key or e-mail itself; empty for the other kinds
	Created parlance.Time
	Expires parlance.Time // zero = never
	Reading *Reading      // what a read token may read; nil for the other kinds
}

// credentialRecord is a Credential as it is kept.
type credentialRecord struct {
	Kind    Kind          `json:"kind"`
	Label   string        `json:"label,omitempty"`
	Name    string        `json:"name,omitempty"`
	Created parlance.Time `json:"created"`
	Expires parlance.Time `json:"expires,omitempty"`
	Hash    []byte        `json:"hash,omitempty"`  // digest of the secret; none for a login
	First   bool          `json:"first,omitempty"` // made with its workspace
	Reading *Reading      `json:"reading,omitempty"`
}

// secretRecord is what a secret leads to.
type secretRecord struct {
	Workspace  parlance.WorkspaceID `json:"workspace"`
	Credential string               `json:"credential"`
	Expires    parlance.Time        `json:"expires,omitempty"`
	Hash       []byte               `json:"hash"`
	Reading    *Reading             `json:"reading,omitempty"`
}

func credentials(ws parlance.WorkspaceID) string { return "credential/" + string(ws) }

func secrets(d digest) string { return "secret/" + d.shard() }

// AddKey makes another client key, API key, SHOPLINE token or read token. Of c it takes Kind, Label,
// Expires and, for a read token, Reading; nil is the zero value there. It returns the credential and the secret, which can't be had a second time.
// NotFound if there is no such workspace.
func (k *Keeper) AddKey(ctx context.Context, ws parlance.WorkspaceID, c Credential) (Credential, string, error) {
	return k.addKey(ctx, ws, c, false)
}

func (k *Keeper) addKey(ctx context.Context, ws parlance.WorkspaceID, c Credential, first bool) (Credential, string, error) {
	var secret string
	switch c.Kind {
	case ClientKey:
		secret = base64.RawURLEncoding.EncodeToString(random(24))
		c.Name = secret
	case APIKey:
		secret = base64.StdEncoding.EncodeToString(random(32))
		c.Name = ""
	case ShoplineToken, ReadToken:
		secret = hex.EncodeToString(random(32))
		c.Name = ""
	default:
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "credential kind %q: want %s, %s, %s or %s", c.Kind, ClientKey, APIKey, ShoplineToken, ReadToken)
	}
	if c.Kind == ReadToken && c.Reading == nil {
		c.Reading = &Reading{}
	}
	if c.Kind != ReadToken && c.Reading != nil {
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "a %s can't be bounded to what it reads: that is for a %s", c.Kind, ReadToken)
	}
	if c.Reading != nil {
		if err := c.Reading.check(); err != nil {
			return Credential{}, "", err
		}
	}
	d := digestOf(c.Kind, "", secret)
	c, err := k.addCredential(ctx, ws, c, d[:], first)
	if err != nil {
		return Credential{}, "", err
	}
	err = jsonrecord.Swap(ctx, k.s, secrets(d), d.key(), nil, secretRecord{Workspace: ws, Credential: c.ID, Expires: c.Expires, Hash: d[:], Reading: c.Reading})
	if err != nil {
		return Credential{}, "", fmt.Errorf("add %s to workspace %s: %w", c.Kind, ws, err)
	}
	k.log.InfoContext(ctx, "credential added", "workspace", ws, "kind", c.Kind, "credential", c.ID)
	return c, secret, nil
}

// addCredential gives c an id and puts it on its workspace's list. What makes it work comes after.
func (k *Keeper) addCredential(ctx context.Context, ws parlance.WorkspaceID, c Credential, hash []byte, first bool) (Credential, error) {
	if _, err := k.Workspace(ctx, ws); err != nil {
		return Credential{}, err
	}
	if len(c.Label) > maxLabel || !utf8.ValidString(c.Label) {
		return Credential{}, parlance.Errorf(parlance.Invalid, "label: want at most %d bytes of UTF-8", maxLabel)
	}
	if err := k.makeRoom(ctx, ws); err != nil {
		return Credential{}, err
	}
	c.Created = k.s.Now()
	if c.Expires != 0 && c.Expires <= c.Created {
		return Credential{}, parlance.Errorf(parlance.Invalid, "expiry %s has passed already", c.Expires)
	}
	c.ID = k.ids.At(c.Created)
	err := jsonrecord.Swap(ctx, k.s, credentials(ws), c.ID, nil, credentialRecord{
		Kind: c.Kind, Label: c.Label, Name: c.Name, Created: c.Created, Expires: c.Expires, Hash: hash, First: first, Reading: c.Reading,
	})
	if err != nil {
		return Credential{}, fmt.Errorf("add %s to workspace %s: %w", c.Kind, ws, err)
	}
	return c, nil
}

// makeRoom sees to it that the workspace may have one more credential: where it has as many as may be, those that have expired are
// revoked.
func (k *Keeper) makeRoom(ctx context.Context, ws parlance.WorkspaceID) error {
	now, n := k.s.Now(), 0
	var over []string
	for c, err := range k.Credentials(ctx, ws) {
		if err != nil {
			return err
		}
		if n++; expired(c.Expires, now) {
			over = append(over, c.ID)
		}
	}
	if n < parlance.MaxCredentials {
		return nil
	}
	for _, id := range over {
		if err := k.Revoke(ctx, ws, id); err != nil && !errors.Is(err, parlance.NotFound) {
			return err
		}
	}
	if len(over) == 0 {
		return parlance.Errorf(parlance.Limited, "workspace %s has %d credentials, and more aren't allowed: revoke some", ws, n)
	}
	return nil
}

// Credentials returns the workspace's credentials, expired ones too, by id and so
// roughly in order of creation. After an error it ends.
func (k *Keeper) Credentials(ctx context.Context, ws parlance.WorkspaceID) iter.Seq2[Credential, error] {
	return func(yield func(Credential, error) bool) {
		if _, err := k.Workspace(ctx, ws); err != nil {
			yield(Credential{}, err)
			return
		}
		for r, err := range k.s.Records(ctx, credentials(ws)) {
			if err != nil {
				yield(Credential{}, fmt.Errorf("list credentials of workspace %s: %w", ws, err))
				return
			}
			c, err := jsonrecord.Decode[credentialRecord](credentials(ws), r.Value)
			if err != nil {
				yield(Credential{}, err)
				return
			}
			if !yield(Credential{ID: r.Key, Kind: c.Kind, Label: c.Label, Name: c.Name, Created: c.Created, Expires: c.Expires, Reading: c.Reading}, nil) {
				return
			}
		}
	}
}

// Revoke ends a credential of the workspace by its id, and with a login all tokens it
// gave. NotFound if there is no such credential.
func (k *Keeper) Revoke(ctx context.Context, ws parlance.WorkspaceID, id string) error {
	if _, err := k.Workspace(ctx, ws); err != nil {
		return err
	}
	c, raw, err := k.credential(ctx, ws, id)
	if err != nil {
		return err
	}
	if c.Kind == SellerLogin {
		err = k.removeLogin(ctx, c.Name, id)
	} else {
		err = k.removeSecret(ctx, c.Hash)
	}
	if err != nil {
		return err
	}
	err = remove(ctx, k, credentials(ws), id, raw)
	if c.Kind == SellerLogin {
		k.forget(loginDigest(id)) // after an error too: it may have been done
	}
	if err != nil {
		return err
	}
	k.log.InfoContext(ctx, "credential revoked", "workspace", ws, "kind", c.Kind, "credential", id)
	return nil
}

// credential returns a credential as it is kept, or NotFound.
func (k *Keeper) credential(ctx context.Context, ws parlance.WorkspaceID, id string) (c credentialRecord, raw []byte, err error) {
	if parlance.CheckID("credential", id) == nil {
		c, raw, err = jsonrecord.Read[credentialRecord](ctx, k.s, credentials(ws), id)
	}
	if err == nil && raw == nil {
		err = parlance.Errorf(parlance.NotFound, "workspace %s has no credential %q", ws, id)
	}
	return c, raw, err
}

// removeSecret makes the secret of that hash unknown.
func (k *Keeper) removeSecret(ctx context.Context, hash []byte) error {
	if len(hash) != len(digest{}) {
		return parlance.Errorf(parlance.Corrupt, "credential has a hash of %d bytes", len(hash))
	}
	d := digest(hash)
	_, raw, err := jsonrecord.Read[secretRecord](ctx, k.s, secrets(d), d.key())
	if err != nil {
		return err
	}
	if raw != nil {
		if err := remove(ctx, k, secrets(d), d.key(), raw); err != nil {
			return err
		}
	}
	k.forget(d)
	return nil
}
