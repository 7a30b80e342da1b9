package access

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"parlance"
	"parlance/internal/jsonrecord"
)

// sellerKey is the key pair of this installation that signs sellers' tokens.
type sellerKey struct {
	private *rsa.PrivateKey
	public  *rsa.PublicKey
}

// keyRecord is a key as it is kept.
type keyRecord struct {
	PKCS8 []byte `json:"pkcs8"`
}

const (
	signingKeys   = "signing-key"
	sellerKeyName = "seller"
	sellerKeyBits = 2048
)

// findSellerKey returns the key, or nil if none was ever needed.
func (k *Keeper) findSellerKey(ctx context.Context) (*sellerKey, error) {
	if key := k.sellerKey.Load(); key != nil {
		return key, nil
	}
	r, raw, err := jsonrecord.Read[keyRecord](ctx, k.s, signingKeys, sellerKeyName)
	if err != nil || raw == nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(r.PKCS8)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, parlance.Errorf(parlance.Corrupt, "the key that signs sellers' tokens can't be read")
	}
	key := &sellerKey{private: private, public: &private.PublicKey}
	k.sellerKey.Store(key)
	return key, nil
}

// makeSellerKey returns the key and makes it if there is none. Of several processes
// that make it at once, one wins and the others take its key. On a store that can only be read it is
// kept in memory: tokens are good as long as the process lives.
func (k *Keeper) makeSellerKey(ctx context.Context) (*sellerKey, error) {
	k.makingKey.Lock()
	defer k.makingKey.Unlock()
	key, err := k.findSellerKey(ctx)
	if key != nil || err != nil {
		return key, err
	}
	private, err := rsa.GenerateKey(rand.Reader, sellerKeyBits)
	if err != nil {
		return nil, fmt.Errorf("make the key that signs sellers' tokens: %w", err)
	}
	if k.s.ReadOnly() {
		key = &sellerKey{private: private, public: &private.PublicKey}
		k.sellerKey.Store(key)
		return key, nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode the key that signs sellers' tokens: %w", err)
	}
	err = jsonrecord.Swap(ctx, k.s, signingKeys, sellerKeyName, nil, keyRecord{PKCS8: der})
	if err != nil && !errors.Is(err, parlance.Conflict) {
		return nil, err
	}
	return k.findSellerKey(ctx)
}
