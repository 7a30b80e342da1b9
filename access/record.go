package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"parlance"
	"parlance/internal/jsonrecord"
)

// put puts v there, whatever stands there now.
func put(ctx context.Context, k *Keeper, collection, key string, v any) error {
	for {
		old, err := k.s.Record(ctx, collection, key)
		if err != nil && !errors.Is(err, parlance.NotFound) {
			return fmt.Errorf("read record of %s: %w", collection, err)
		}
		err = jsonrecord.Swap(ctx, k.s, collection, key, old, v)
		if !errors.Is(err, parlance.Conflict) {
			return err
		}
	}
}

// remove deletes the record if it is still old; it is no error if it isn't.
func remove(ctx context.Context, k *Keeper, collection, key string, old []byte) error {
	err := k.s.SwapRecord(ctx, collection, key, old, nil)
	if err != nil && !errors.Is(err, parlance.Conflict) {
		return fmt.Errorf("delete record of %s: %w", collection, err)
	}
	return nil
}

// A digest is the SHA-256 of a secret and of what it is for.
type digest [sha256.Size]byte

// digestOf returns the digest of a secret of a kind. Workspace is empty for kinds that
// find out the workspace by the secret.
func digestOf(k Kind, ws parlance.WorkspaceID, secret string) digest {
	var space [1024]byte // most tokens fit, so that hashing one allocates nothing
	b := append(space[:0], k...)
	b = append(b, 0)
	b = append(b, ws...)
	b = append(b, 0)
	b = append(b, secret...)
	return sha256.Sum256(b)
}

// key returns the key of the digest's record: the first half. The other half is in
// the record and is compared in constant time.
func (d digest) key() string { return hex.EncodeToString(d[:16]) }

// shard returns the part of a collection that the digest's record is in, so that none grows large.
func (d digest) shard() string { return hex.EncodeToString(d[:1]) }

// short names the digest of a user in a Reader.
func (d digest) short() string { return hex.EncodeToString(d[:12]) }

// is reports, in constant time, whether the record's full hash is d.
func (d digest) is(hash []byte) bool { return subtle.ConstantTimeCompare(d[:], hash) == 1 }

// random returns n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
