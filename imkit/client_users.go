package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Me returns the user whose token the client has, or for whom its API key acts.
func (c *Client) Me(ctx context.Context) (User, error) {
	return read(ctx, c, http.MethodGet, "/me", nil, nil, func(v json.RawMessage) (User, error) {
		u, ok := readUser(v)
		if !ok {
			return u, errors.New("a user without an id")
		}
		return u, nil
	})
}

// A UserDraft is a user to be made or updated. Empty fields aren't sent.
type UserDraft struct {
	ID        string `json:"_id"`
	Nickname  string `json:"nickname,omitempty"`
	AvatarURL string `json:"avatarUrl,omitempty"`

	IssueAccessToken bool   `json:"issueAccessToken,omitempty"` // the answer brings one
	Token            string `json:"token,omitempty"`            // made elsewhere, to be taken
	ExpirationDate   string `json:"expirationDate,omitempty"`   // of Token; ISO-8601
}

// PutUser makes or updates a user. It takes an API key.
func (c *Client) PutUser(ctx context.Context, d UserDraft) (ClientRecord, error) {
	return get[ClientRecord](ctx, c, http.MethodPost, "/admin/clients", nil, d)
}

// ReplaceToken puts a token in the place of all that a user has. It takes an API key. An empty expiry, ISO-8601,
// leaves it to the server.
func (c *Client) ReplaceToken(ctx context.Context, user, token, expires string) (ClientRecord, error) {
	body := map[string]string{"token": token}
	if expires != "" {
		body["expirationDate"] = expires
	}
	return get[ClientRecord](ctx, c, http.MethodPut, pathTo("admin", "clients", user, "token"), nil, body)
}

// RevokeToken stops one token of a user; an empty one stands for all. It takes an API key.
func (c *Client) RevokeToken(ctx context.Context, user, token string) error {
	body := map[string]string{}
	if token != "" {
		body["token"] = token
	}
	_, err := c.call(ctx, http.MethodDelete, pathTo("admin", "clients", user, "token"), nil, body)
	return err
}
