package shopline

import (
	"net/http"

	"parlance/access"
)

// tokenInfo answers GET /v1/token/info: whose token this is.
func (s *Server) tokenInfo(w http.ResponseWriter, _ *http.Request, who access.Grant) error {
	s.buffers.OK(w, func(b []byte) []byte {
		return appendTokenInfo(b, TokenInfo{
			Staff:    Identity{ID: who.Account},
			Merchant: Identity{ID: who.Workspace.Merchant},
		})
	})
	return nil
}
