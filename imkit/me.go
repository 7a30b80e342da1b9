package imkit

import "net/http"

// me answers GET /me. Nothing is pushed to devices, so notifications are never on.
func (s *Server) me(w http.ResponseWriter, r *http.Request) error {
	c, err := s.user(r)
	if err != nil {
		return err
	}
	u, err := s.userOf(r.Context(), c.workspace, c.account, "")
	if err != nil {
		return err
	}
	return succeed(w, Self{User: u})
}
