package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"parlance"
)

// read returns the record as a T, with the bytes that a later swap has to name as old. Both
// are zero if there is none.
func read[T any](ctx context.Context, k *Keeper, collection, key string) (v T, raw []byte, err error) {
	raw, err = k.s.Record(ctx, collection, key)
	if errors.Is(err, parlance.NotFound) {
		return v, nil, nil
	}
	if err != nil {
		return v, nil, fmt.Errorf("read record of %s: %w", collection, err)
	}
	v, err = decode[T](collection, raw)
	return v, raw, err
}

// decode reads a record's value. The error doesn't quote the value: it may be a secret.
func decode[T any](collection string, raw []byte) (v T, err error) {
	if json.Unmarshal(raw, &v) != nil {
		return v, parlance.Errorf(parlance.Corrupt, "record of %s can't be read", collection)
	}
	return v, nil
}

// swap puts v in the place of old; Conflict if something else stands there. Equal
// values of two writers at once may both be taken for put, so v must be the writer's own
// wherever only one may win.
func swap(ctx context.Context, k *Keeper, collection, key string, old []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record of %s: %w", collection, err)
	}
	if err := k.s.SwapRecord(ctx, collection, key, old, raw); err != nil {
		return fmt.Errorf("write record of %s: %w", collection, err)
	}
	return nil
}

// put puts v there, whatever stands there now.
func put(ctx context.Context, k *Keeper, collection, key string, v any) error {
	for {
		old, err := k.s.Record(ctx, collection, key)
		if err != nil && !errors.Is(err, parlance.NotFound) {
			return fmt.Errorf("read record of %s: %w", collection, err)
		}
		err = swap(ctx, k, collection, key, old, v)
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
