package imkit

import (
	"errors"
	"fmt"
	"net/http"

	"parlance"
)

// A RevokeResult is the answer to revoking tokens.
type RevokeResult struct {
	ID      string `json:"_id"`
	IDAgain string `json:"id"` // the same as _id
	Success bool   `json:"success"`
	Message string `json:"message"`       // for people
	Revoked int    `json:"revokedTokens"` // that stopped
	Before  int    `json:"revoked"`       // the same, under an older name
}

// tokenCall reads what the token calls have in common.
func (s *Server) tokenCall(r *http.Request) (c caller, account parlance.Account, q clientRequest, err error) {
	if c, err = s.admin(r); err != nil {
		return
	}
	if err = readInto(r, &q); err != nil {
		return
	}
	id := parlance.AccountID(r.PathValue("user"))
	if parlance.CheckID("user id", id) != nil {
		return c, account, q, errNoClient
	}
	account, err = s.store.Account(r.Context(), c.workspace, id)
	if errors.Is(err, parlance.NotFound) {
		err = errNoClient
	}
	return
}

// replaceToken answers PUT /admin/clients/{user}/token: the token that is given takes
// the place of all that the user had.
func (s *Server) replaceToken(w http.ResponseWriter, r *http.Request) error {
	c, account, q, err := s.tokenCall(r)
	if err != nil {
		return err
	}
	if q.Token == "" {
		return missing("token")
	}
	expires, err := s.expires(&q)
	if err != nil {
		return err
	}
	if err := s.keeper.ReplaceToken(r.Context(), c.workspace, account.ID, q.Token, expires); err != nil {
		return taken(err)
	}
	result, err := s.client(r.Context(), c.workspace, &account)
	if err != nil {
		return err
	}
	result.setToken(&q, expires)
	return succeedTwice(w, result)
}

// revokeTokens answers DELETE /admin/clients/{user}/token: one token stops, or all.
func (s *Server) revokeTokens(w http.ResponseWriter, r *http.Request) error {
	c, account, q, err := s.tokenCall(r)
	if err != nil {
		return err
	}
	n := 1
	if q.Token != "" {
		err = s.keeper.RevokeToken(r.Context(), c.workspace, account.ID, q.Token)
		if errors.Is(err, parlance.NotFound) {
			err = errNoUserToken
		}
	} else {
		n, err = s.keeper.RevokeTokens(r.Context(), c.workspace, account.ID)
	}
	if err != nil {
		return err
	}
	return succeedTwice(w, RevokeResult{
		ID: string(account.ID), IDAgain: string(account.ID),
		Success: true, Message: fmt.Sprintf("%d tokens revoked", n), Revoked: n, Before: n,
	})
}
