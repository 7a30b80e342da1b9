package access

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"parlance"
)

// A Token is a user token as it was issued.
type Token struct {
	Token   string
	Expires parlance.Time // a whole second
}

// Claims are what an issued token tells its client, besides the account's id.
type Claims struct {
	Nickname string // at most 512 bytes; left out if empty
}

const maxNickname = 512

// userClaims are the claims of a token made here. Clients learn from ID who they are. The
// random part tells two tokens of one second apart.
type userClaims struct {
	ID       parlance.AccountID `json:"id"`
	Nickname string             `json:"nickname,omitempty"`
	jwt.RegisteredClaims
}

// IssueToken makes a token for the account, a JWT with its id. Every older token of the
// account stops at once. NotFound if there is no such workspace.
func (k *Keeper) IssueToken(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, c Claims) (Token, error) {
	return k.issue(ctx, ws, account, c, k.replace)
}

// AddToken is IssueToken, but the account's older tokens stay.
func (k *Keeper) AddToken(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, c Claims) (Token, error) {
	return k.issue(ctx, ws, account, c, k.add)
}

// AssignToken makes a token that was made elsewhere one of the account's; its
// older tokens stay. Token is any text of 1 to [MaxToken] bytes. A zero expires means
// Options.UserTokenLife from now. A token that the account has already gets the
// new expiry. Conflict if another account has it; Invalid if expires has passed.
func (k *Keeper) AssignToken(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time) error {
	return k.assign(ctx, ws, account, token, expires, k.add)
}

// ReplaceToken is AssignToken, but every older token of the account stops at once.
func (k *Keeper) ReplaceToken(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time) error {
	return k.assign(ctx, ws, account, token, expires, k.replace)
}

// NextExpiry returns when a token expires that is assigned now without an expiry of its own.
func (k *Keeper) NextExpiry() parlance.Time {
	return k.s.Now() + parlance.Time(k.userLife.Milliseconds())
}

// A way is how a new token joins an account's older ones.
type way func(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time) error

func (k *Keeper) issue(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, c Claims, join way) (Token, error) {
	if len(c.Nickname) > maxNickname {
		return Token{}, parlance.Errorf(parlance.Invalid, "nickname is %d bytes long, at most %d are allowed", len(c.Nickname), maxNickname)
	}
	now := k.s.Now()
	expires := parlance.TimeOfSeconds(now.Seconds() + int64(k.userLife.Seconds()))
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, userClaims{
		ID:       account,
		Nickname: c.Nickname,
		RegisteredClaims: jwt.RegisteredClaims{
			IssuedAt:  jwt.NewNumericDate(now.Std()),
			ExpiresAt: jwt.NewNumericDate(expires.Std()),
			ID:        hex.EncodeToString(random(12)),
		},
	}).SignedString(k.userKey)
	if err != nil {
		return Token{}, fmt.Errorf("sign user token: %w", err)
	}
	if err := k.assign(ctx, ws, account, text, expires, join); err != nil {
		return Token{}, err
	}
	return Token{Token: text, Expires: expires}, nil
}

func (k *Keeper) assign(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time, join way) error {
	if err := parlance.CheckID("account", account); err != nil {
		return err
	}
	if token == "" || len(token) > MaxToken {
		return parlance.Errorf(parlance.Invalid, "token is %d bytes long, want 1 to %d", len(token), MaxToken)
	}
	now := k.s.Now()
	if expires == 0 {
		expires = k.NextExpiry()
	}
	if expires <= now || expires > parlance.MaxTime {
		return parlance.Errorf(parlance.Invalid, "token expiry %s has passed already or is beyond the year 9999", expires)
	}
	if _, err := k.Workspace(ctx, ws); err != nil {
		return err
	}
	if err := join(ctx, ws, account, token, expires); err != nil {
		return fmt.Errorf("give a token to account %s/%s: %w", ws, account, err)
	}
	return nil
}

// add is the way that leaves older tokens alone.
func (k *Keeper) add(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time) error {
	generation, err := k.generation(ctx, ws, account)
	if err != nil {
		return err
	}
	if err := k.keep(ctx, ws, account, generation, token, expires); err != nil {
		return err
	}
	return k.sweep(ctx, ws, account)
}

// replace is the way that stops older tokens. The new one is kept first, in a
// generation that doesn't count yet, so that the change comes about in one step.
func (k *Keeper) replace(ctx context.Context, ws parlance.WorkspaceID, account parlance.AccountID, token string, expires parlance.Time) error {
	next := newGeneration()
	if err := k.keep(ctx, ws, account, next.Name, token, expires); err != nil {
		return err
	}
	// A caller that goes away can't leave it half done: what was remembered of
	// the older tokens has to be forgotten.
	ctx = context.WithoutCancel(ctx)
	_, err := k.turn(ctx, ws, account, next)
	return err
}
