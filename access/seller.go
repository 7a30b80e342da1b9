package access

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parlance"
	"parlance/internal/jsonrecord"
)

// ownDomain ends the e-mail that a new workspace's login gets. No mail can reach it, and
// nobody else can take such an address.
const ownDomain = "@parlance.invalid"

// maxEmail is the longest e-mail in bytes.
const maxEmail = 254

// A loginRecord is what an e-mail leads to.
type loginRecord struct {
	Workspace  parlance.WorkspaceID `json:"workspace"`
	Credential string               `json:"credential"`
	Password   passwordHash         `json:"password"`

	// Older is the login that this one took the place of, if its password is good too until that credential ends.
	Older *olderLogin `json:"older,omitempty"`
}

type olderLogin struct {
	Credential string       `json:"credential"`
	Password   passwordHash `json:"password"`
}

const logins = "seller-login"

// loginDigest is what the tokens of a login are forgotten by.
func loginDigest(credential string) digest { return digestOf(SellerLogin, "", credential) }

// AddSeller makes another iMetaStore login. An empty password means a random one; a
// given one has 8 to 1,024 bytes. It returns the credential and the password. Conflict if
// the e-mail has a login already, in whatever workspace; NotFound if there is no such workspace.
func (k *Keeper) AddSeller(ctx context.Context, ws parlance.WorkspaceID, email, password, label string) (Credential, string, error) {
	return k.AddLogin(ctx, ws, Credential{Name: email, Label: label}, password)
}

// AddLogin is AddSeller with the e-mail, the label and the expiry of c.
func (k *Keeper) AddLogin(ctx context.Context, ws parlance.WorkspaceID, c Credential, password string) (Credential, string, error) {
	email := foldEmail(c.Name)
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > maxEmail {
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "e-mail %q: want one address of at most %d bytes", email, maxEmail)
	}
	if strings.HasSuffix(email, ownDomain) {
		return Credential{}, "", parlance.Errorf(parlance.Invalid, "e-mail %q: addresses that end in %s are made by Parlance only", email, ownDomain)
	}
	return k.addSeller(ctx, ws, Credential{Name: email, Label: c.Label, Expires: c.Expires}, password, false)
}

// addSeller makes the login c.Name.
func (k *Keeper) addSeller(ctx context.Context, ws parlance.WorkspaceID, c Credential, password string, first bool) (Credential, string, error) {
	taken := parlance.Errorf(parlance.Conflict, "e-mail %q has a login already", c.Name)
	_, raw, err := jsonrecord.Read[loginRecord](ctx, k.s, logins, c.Name)
	if err != nil {
		return Credential{}, "", err
	}
	if raw != nil {
		return Credential{}, "", taken
	}
	password, hash, err := k.newPassword(ctx, password)
	if err != nil {
		return Credential{}, "", err
	}
	c.Kind = SellerLogin
	c, err = k.addCredential(ctx, ws, c, nil, first)
	if err != nil {
		return Credential{}, "", err
	}
	err = jsonrecord.Swap(ctx, k.s, logins, c.Name, nil, loginRecord{Workspace: ws, Credential: c.ID, Password: hash})
	if errors.Is(err, parlance.Conflict) { // somebody took it meanwhile
		if err := k.Revoke(ctx, ws, c.ID); err != nil {
			return Credential{}, "", err
		}
		return Credential{}, "", taken
	}
	if err != nil {
		return Credential{}, "", fmt.Errorf("add login to workspace %s: %w", ws, err)
	}
	k.log.InfoContext(ctx, "credential added", "workspace", ws, "kind", c.Kind, "credential", c.ID)
	return c, password, nil
}

// newPassword returns a password, a random one if it is empty, and its hash.
func (k *Keeper) newPassword(ctx context.Context, password string) (string, passwordHash, error) {
	if password == "" {
		password = base64.RawURLEncoding.EncodeToString(random(18))
	}
	if len(password) < minPassword || len(password) > maxPassword {
		return "", passwordHash{}, parlance.Errorf(parlance.Invalid, "password is %d bytes long, want %d to %d", len(password), minPassword, maxPassword)
	}
	hash, err := k.hashPassword(ctx, password)
	if err != nil {
		return "", passwordHash{}, fmt.Errorf("hash password: %w", err)
	}
	return password, hash, nil
}

// removeLogin ends a credential's password. Without another one its e-mail is unknown then.
func (k *Keeper) removeLogin(ctx context.Context, email, credential string) error {
	for {
		r, raw, err := jsonrecord.Read[loginRecord](ctx, k.s, logins, email)
		if err != nil || raw == nil {
			return err
		}
		older := r.Older
		switch {
		case older != nil && older.Credential == credential:
			r.Older = nil
		case r.Credential != credential:
			return nil
		case older == nil:
			return remove(ctx, k, logins, email, raw)
		default:
			r.Credential, r.Password, r.Older = older.Credential, older.Password, nil
		}
		err = jsonrecord.Swap(ctx, k.s, logins, email, raw, r)
		if !errors.Is(err, parlance.Conflict) {
			return err
		}
	}
}

// foldEmail returns the form in which e-mails are compared.
func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// A Session is what a seller gets by logging in. Both tokens are JWTs (RS256).
// Nothing takes the refresh token yet: the platform has no call for it.
type Session struct {
	AccessToken  string
	RefreshToken string
	ExpiresIn    time.Duration // of the access token, in whole seconds
}

// Login is LoginFrom for somebody whose address isn't known.
func (k *Keeper) Login(ctx context.Context, email, password string) (Session, error) {
	return k.LoginFrom(ctx, "", email, password)
}

// LoginFrom opens a session for a seller who asks from an address, as IP or IP:port. Older sessions stay. The e-mail's case doesn't
// matter. A wrong password and an unknown e-mail look the same and take as long. Limited, with the time to wait, after too many
// wrong ones; Unavailable if too many are being checked.
func (k *Keeper) LoginFrom(ctx context.Context, address, email, password string) (Session, error) {
	email = foldEmail(email)
	if len(password) > maxPassword || parlance.CheckID("e-mail", email) != nil {
		k.throttle.wrong.Add(1)
		return Session{}, errUnauthenticated
	}
	a, err := k.throttle.begin(email, address, k.s.Now())
	if n := k.throttle.tell(k.s.Now()); n > 0 {
		k.log.WarnContext(ctx, "logins were refused after too many wrong ones", "count", n)
	}
	if err != nil {
		return Session{}, err
	}
	w, credential, err := k.checkLogin(ctx, email, password)
	switch {
	case errors.Is(err, parlance.Unauthenticated):
		k.throttle.fail(a, k.s.Now())
		k.log.LogAttrs(ctx, slog.LevelWarn, "login failed", concealedEmail(email), slog.String("address", neighbourhood(address)))
		return Session{}, err
	case err != nil: // whoever asked has learned nothing
		return Session{}, err
	}
	k.throttle.succeed(a)
	return k.openSession(ctx, w, credential)
}

// checkLogin returns whose e-mail and password these are.
func (k *Keeper) checkLogin(ctx context.Context, email, password string) (w Workspace, credential string, err error) {
	r, raw, err := jsonrecord.Read[loginRecord](ctx, k.s, logins, email)
	if err != nil {
		return w, "", err
	}
	if raw == nil {
		r.Password = newPasswordHash()
	}
	ok, err := k.isPassword(ctx, r.Password, password)
	if err == nil && !ok && r.Older != nil {
		if ok, err = k.isPassword(ctx, r.Older.Password, password); ok {
			r.Credential = r.Older.Credential
		}
	}
	if err != nil {
		return w, "", fmt.Errorf("check password: %w", err)
	}
	if !ok || raw == nil {
		return w, "", errUnauthenticated
	}
	c, raw, err := jsonrecord.Read[credentialRecord](ctx, k.s, credentials(r.Workspace), r.Credential)
	if err != nil {
		return w, "", err
	}
	if raw == nil || expired(c.Expires, k.s.Now()) {
		return w, "", errUnauthenticated
	}
	w, err = k.owner(ctx, r.Workspace)
	return w, r.Credential, err
}

const (
	sellerIssuer = "parlance"

	accessType  = "access"
	refreshType = "refresh"

	// refreshLife is how long a seller's refresh token lasts.
	refreshLife = 30 * 24 * time.Hour
)

// sellerClaims are the claims of a seller's token.
type sellerClaims struct {
	Workspace  parlance.WorkspaceID `json:"ws"`
	Credential string               `json:"cid"` // the login that it was given for
	Type       string               `json:"typ"` // accessType or refreshType
	jwt.RegisteredClaims
}

// openSession makes the tokens of a session.
func (k *Keeper) openSession(ctx context.Context, w Workspace, credential string) (Session, error) {
	key, err := k.makeSellerKey(ctx)
	if err != nil {
		return Session{}, err
	}
	now := k.s.Now().Std()
	sign := func(typ string, life time.Duration) (string, error) {
		t, err := jwt.NewWithClaims(jwt.SigningMethodRS256, sellerClaims{
			Workspace: w.ID, Credential: credential, Type: typ,
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer:    sellerIssuer,
				Subject:   string(w.Seller),
				IssuedAt:  jwt.NewNumericDate(now),
				ExpiresAt: jwt.NewNumericDate(now.Add(life + time.Second - 1)), // never sooner than ExpiresIn says
				ID:        hex.EncodeToString(random(12)),
			},
		}).SignedString(key.private)
		if err != nil {
			return "", fmt.Errorf("sign seller token: %w", err)
		}
		return t, nil
	}
	access, err := sign(accessType, k.sellerLife)
	if err != nil {
		return Session{}, err
	}
	refresh, err := sign(refreshType, refreshLife)
	if err != nil {
		return Session{}, err
	}
	return Session{AccessToken: access, RefreshToken: refresh, ExpiresIn: k.sellerLife.Truncate(time.Second)}, nil
}

// SellerToken returns what a seller's access token grants. It stays good until it expires
// or its login is revoked.
func (k *Keeper) SellerToken(ctx context.Context, token string) (Grant, error) {
	if token == "" || len(token) > MaxToken {
		return Grant{}, k.refuse(sellerToken)
	}
	d, now := digestOf(sellerToken, "", token), k.s.Now()
	if g, ok := k.memory.recall(d, now); ok {
		return g, nil
	}
	key, err := k.findSellerKey(ctx)
	if err != nil {
		return Grant{}, err
	}
	if key == nil {
		return Grant{}, k.refuse(sellerToken)
	}
	var c sellerClaims
	_, err = k.sellerJWTs.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key.public, nil })
	if err != nil || c.Type != accessType {
		return Grant{}, k.refuse(sellerToken)
	}
	at := k.memory.mark(loginDigest(c.Credential))
	r, raw, err := jsonrecord.Read[credentialRecord](ctx, k.s, credentials(c.Workspace), c.Credential)
	if err != nil {
		return Grant{}, err
	}
	if raw == nil || r.Kind != SellerLogin || expired(r.Expires, now) {
		return Grant{}, k.refuse(sellerToken)
	}
	w, err := k.owner(ctx, c.Workspace)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{
		Workspace: w, Admin: true, Account: w.Seller,
		Expires: parlance.TimeOf(c.ExpiresAt.Time),
		Reader:  string(SellerLogin) + "/" + c.Credential,
	}
	if r.Expires != 0 {
		g.Expires = min(g.Expires, r.Expires)
	}
	k.memory.remember(d, g, at, now)
	return g, nil
}
