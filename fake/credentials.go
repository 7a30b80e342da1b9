package fake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"parlance"
)

// Credentials are what the platform takes at present; fields of other platforms are empty. They are the same for every seed, and
// safe nowhere.
type Credentials struct {
	// Of IMKit: the client key with the token of User, or the API key alone.
	ClientKey string `json:"client_key,omitempty"`
	Token     string `json:"token,omitempty"` // SHOPLINE's too
	APIKey    string `json:"api_key,omitempty"`

	// Of iMetaStore.
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
}

// The credentials that never change.
const (
	clientKey = "practice-client-key"
	email     = "seller@example.com"
	password  = "practice-password"
)

// Credentials returns what works now. After [DeadToken] has struck, what it returned before doesn't any more.
func (u *Upstream) Credentials() Credentials {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.platform {
	case parlance.IMKit:
		return Credentials{ClientKey: clientKey, Token: u.token(), APIKey: u.apiKey()}
	case parlance.Shopline:
		return Credentials{Token: u.token()}
	default:
		return Credentials{Email: email, Password: password}
	}
}

// token returns the bearer token of the present generation.
func (u *Upstream) token() string {
	if u.platform == parlance.Shopline {
		sum := sha256.Sum256(fmt.Appendf(nil, "practice token %d", u.generation))
		return hex.EncodeToString(sum[:])
	}
	t, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"id": u.world.merchant.id, "nickname": u.world.merchant.name, "jti": fmt.Sprint(u.generation), "iat": Epoch.Seconds(),
	}).SignedString([]byte("practice"))
	if err != nil { // claims of texts and numbers can be signed
		return fmt.Sprintf("practice-token-%d", u.generation)
	}
	return t
}

func (u *Upstream) apiKey() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "practice-api-key-%d", u.generation))
}

// authorize reports whether r's credentials are good, and lets them die when their time has come.
func (u *Upstream) authorize(r *http.Request) bool {
	if !u.known(r) {
		return false
	}
	u.authorized++
	if u.faults.Has(DeadToken) && !u.calm && u.deaths > 0 && u.authorized > u.dieAfter {
		u.deaths--
		u.authorized = 0
		u.generation++
		return false
	}
	return true
}

func (u *Upstream) known(r *http.Request) bool {
	if u.platform == parlance.IMKit {
		if key := r.Header.Get("IM-API-KEY"); key != "" {
			return key == u.apiKey()
		}
		return r.Header.Get("IM-Client-Key") == clientKey && r.Header.Get("IM-Authorization") == u.token()
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && token == u.token()
}

// newMerchant makes the account whose credentials are given out.
func (w *world) newMerchant() person {
	switch w.platform {
	case parlance.IMKit:
		return person{fmt.Sprintf("agent-%04x", w.random.IntN(1<<16)), "客服 Amy"}
	case parlance.Shopline:
		return person{fmt.Sprintf("5e6b6e24%016x", w.random.Uint64()), "shop"}
	default:
		return person{fmt.Sprintf("seller_%03d", w.random.IntN(1000)), "seller"}
	}
}
