package imkit

import "net/http"

// getRoom answers GET /rooms/{id}.
func (s *Server) getRoom(w http.ResponseWriter, r *http.Request) error {
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	o, err := s.roomByID(r.Context(), c, r.PathValue("id"))
	if err != nil {
		return err
	}
	return succeed(w, o)
}
