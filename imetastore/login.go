package imetastore

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"parlance"
)

// login answers POST /seller/auth/login with a token of the seller.
//
// iMetaStore access, login: older tokens stay good.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	var in LoginRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.Email == "" {
		return missing("email")
	}
	if in.Password == "" {
		return missing("password")
	}
	session, err := s.keeper.LoginFrom(r.Context(), caller(r, s.trusted), in.Email, in.Password)
	if errors.Is(err, parlance.Unauthenticated) {
		return errLogin
	}
	if err != nil {
		return fmt.Errorf("log a seller in: %w", err)
	}
	data, err := json.Marshal(Login{
		AccessToken:  session.AccessToken,
		TokenType:    "Bearer",
		ExpiresIn:    int64(session.ExpiresIn / time.Second),
		RefreshToken: session.RefreshToken,
	})
	if err != nil {
		return fmt.Errorf("write a session: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	s.succeed(w, func(b []byte) []byte { return append(b, data...) })
	return nil
}
