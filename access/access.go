// Package access says who is asking and what they may do: workspaces, their
// credentials, and the tokens that users and sellers log in with.
//
// A [Keeper] makes, checks and revokes credentials. What a check returns is a
// [Grant]. Every check fails with an error of kind parlance.Unauthenticated and the
// same words, whether the credential is missing, wrong, expired or revoked. An error of
// another kind means that the check could not be made.
//
// # What is kept
//
// Everything is kept in records of the store, as JSON.
//
//	collection                key                      value
//	workspace                 workspace                the Workspace, and a random mark
//	credential/<ws>           credential's id          kind, label, times, client key or e-mail, hash of the secret
//	secret/<first 2 of key>   first 32 hex of hash     workspace, credential's id, expiry, full hash; what a read token may read
//	seller-login              e-mail, lower case       workspace, credential's id, argon2id salt and hash
//	user-token/<ws>/<first 2> first 32 hex of hash     account, generation, expiry, full hash
//	user/<ws>/<account>       "generation"             the account's current generation
//	user/<ws>/<account>       "token/<expiry>/<hash>"  generation, full hash
//	signing-key               "seller"                 the RSA key that signs sellers' tokens (PKCS #8)
//
// API keys, SHOPLINE tokens, read tokens and user tokens are long and random, so their SHA-256 is
// all that is kept: it finds the record and proves the token. Passwords are kept as
// argon2id hashes. Client keys are public and kept as they are. The signing key is kept in
// the clear, since it has to sign; who can read the store can log in as a seller.
//
// A credential's row in credential/<ws> is written before its secret and deleted
// after it, so a crash never leaves a secret that works and that no list shows.
//
// A user token counts only while its generation is its account's. Stopping
// all tokens of an account is therefore one compare-and-swap, whatever their number, and
// a new token takes the place of the older ones in the same step. The rows under
// user/<ws>/<account> name the account's tokens, soonest expiry first, so that those that
// no longer count can be forgotten and deleted. Such a row is written before its
// token's record: every token that counts is named.
//
// # What is remembered
//
// A credential that passed is remembered in memory, at most until it expires. Revoking it
// through the same Keeper forgets it at once, and tells the others on the bus, which forget
// it when they hear that. A bus may lose what it carries, so a remembered credential is
// read again after [Recheck]: that is how late a revocation in another process may be noticed
// at worst, and without a bus. Failures are not remembered.
package access

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parlance"
	"parlance/live"
	"parlance/store"
)

// Recheck is how long a credential that passed is trusted without looking into the store, if
// nothing is heard of it.
const Recheck = 10 * time.Second

// MaxToken is the longest token or key in bytes; longer ones are unknown, and can't be assigned.
const MaxToken = 8192

// Options are a Keeper's settings. The zero value is ready for use.
type Options struct {
	Logger *slog.Logger // nil = silent

	// UserTokenLife is how long an IMKit user's token lasts if nothing else is
	// said; 0 = 7 days.
	UserTokenLife time.Duration
	// SellerTokenLife is how long a seller's access token lasts; 0 = 86,400 s.
	SellerTokenLife time.Duration

	// Bus is where revocations are told to the other processes that share the store, and
	// heard of; the Keeper listens as long as the bus lives. Nil: there are none.
	Bus *live.Bus
}

// A Keeper keeps the workspaces, credentials and tokens of one store. Its methods may
// be called from many goroutines at once. Time comes from the store's clock.
type Keeper struct {
	s      *store.Store
	log    *slog.Logger
	ids    *parlance.ObjectIDs
	memory *memory
	bus    *live.Bus

	userLife, sellerLife time.Duration

	// userKey signs the user tokens made here. Nobody verifies that signature, as
	// a token is recognised by its hash; so the key is random and forgotten with
	// the process, and there is no secret to keep.
	userKey []byte

	sellerKey atomic.Pointer[sellerKey]
	makingKey sync.Mutex // held while the seller key is read or made

	makingWorkspace sync.Mutex

	sellerJWTs *jwt.Parser

	passwords chan struct{} // a slot per password hash under way
	queued    atomic.Int64  // logins that wait for one
	throttle  *throttle
	unknown   [len(countedKinds)]atomic.Uint64 // keys and tokens that aren't valid
}

// Open returns the Keeper of s, which stays the caller's to close. Lives below a
// second are Invalid.
func Open(ctx context.Context, s *store.Store, o Options) (*Keeper, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k := &Keeper{
		s:          s,
		log:        o.Logger,
		ids:        parlance.NewObjectIDs(),
		memory:     newMemory(),
		bus:        o.Bus,
		userLife:   o.UserTokenLife,
		sellerLife: o.SellerTokenLife,
		userKey:    make([]byte, 32),
		passwords:  make(chan struct{}, passwordSlots()),
		throttle:   newThrottle(),
	}
	rand.Read(k.userKey) // never fails
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.bus == nil {
		k.bus = live.Local()
	}
	if k.userLife == 0 {
		k.userLife = 7 * 24 * time.Hour
	}
	if k.sellerLife == 0 {
		k.sellerLife = 86400 * time.Second
	}
	if k.userLife < time.Second || k.sellerLife < time.Second {
		return nil, parlance.Errorf(parlance.Invalid, "token life: want at least a second")
	}
	k.sellerJWTs = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithIssuer(sellerIssuer),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(), // a token is written in one way only
		jwt.WithTimeFunc(func() time.Time { return s.Now().Std() }),
	)
	k.bus.Subscribe(k.heard, live.Revoked, live.Missed)
	return k, nil
}
