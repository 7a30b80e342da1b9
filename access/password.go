package access

import (
	"context"
	"crypto/subtle"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"

	"parlance"
)

// passwordSlots is how many password hashes are computed at once at most, so that one core is left for all other requests. Each
// takes 19 MiB, and some 30 ms.
func passwordSlots() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// queuePerSlot is how many logins may wait for each slot: about half a second's work.
const queuePerSlot = 16

// Bounds of a password in bytes.
const (
	minPassword = 8
	maxPassword = 1024
)

// A passwordHash is an argon2id hash with what it was made of. Threads is always 1.
type passwordHash struct {
	Passes uint32 `json:"passes"`
	KiB    uint32 `json:"kib"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

// newPasswordHash returns the parameters of a new hash, and a hash that no password has.
func newPasswordHash() passwordHash {
	return passwordHash{Passes: 2, KiB: 19 * 1024, Salt: random(16), Hash: make([]byte, 32)}
}

// hashPassword returns the hash of a new password.
func (k *Keeper) hashPassword(ctx context.Context, password string) (passwordHash, error) {
	h := newPasswordHash()
	sum, err := k.argon2id(ctx, h, password)
	h.Hash = sum
	return h, err
}

// isPassword reports whether password is h's. It takes the same time for either answer. Unavailable, at once, if too many wait already.
func (k *Keeper) isPassword(ctx context.Context, h passwordHash, password string) (bool, error) {
	defer k.queued.Add(-1)
	if k.queued.Add(1) > int64(cap(k.passwords)*(1+queuePerSlot)) {
		k.throttle.crowded.Add(1)
		return false, &parlance.Error{Kind: parlance.Unavailable, Text: "too many logins at once: try again later", After: time.Second}
	}
	sum, err := k.argon2id(ctx, h, password)
	return err == nil && subtle.ConstantTimeCompare(sum, h.Hash) == 1, err
}

// argon2id computes password's hash by h's parameters. It waits for a slot, no longer than ctx.
func (k *Keeper) argon2id(ctx context.Context, h passwordHash, password string) ([]byte, error) {
	select {
	case k.passwords <- struct{}{}:
		defer func() { <-k.passwords }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), h.Salt, h.Passes, h.KiB, 1, uint32(len(h.Hash))), nil
}
