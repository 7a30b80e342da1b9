// Package imkit speaks the chat API of IMKit: rooms, members, messages and the paged
// history of a room, in the shapes that IMKit's own clients can read.
//
// What holds, what deviates and what is unknown is written in docs/dialects/imkit.md;
// comments that begin with "IMKit" cite its headings.
package imkit

import (
	_ "embed"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"parlance"
	"parlance/access"
	"parlance/files"
	"parlance/internal/answers"
	"parlance/internal/reply"
	"parlance/search"
	"parlance/store"
)

// answerBytes bounds the pages that are kept ready.
const answerBytes = 96 << 20

// Options are a server's settings. The zero value is good.
type Options struct {
	Logger *slog.Logger // nil: silent

	// IgnoreTimezone turns off that requests with an x-timezone header are
	// taken for the web SDK's: IMKit Order, the web SDK.
	IgnoreTimezone bool

	// Files are those that messages mention, and Links their signed addresses: IMKit Files. Both or neither.
	Files *files.Archive
	Links *files.Links
	// Search finds messages; nil: there is no call that does.
	Search *search.Index
	// Rewrite, if set, replaces addresses of files in answers.
	Rewrite reply.Rewrite
}

// A Server answers IMKit's calls from a store. It is an [http.Handler].
type Server struct {
	store          *store.Store
	keeper         *access.Keeper
	log            *slog.Logger
	ignoreTimezone bool
	files          *files.Archive // nil: none are kept
	links          *files.Links
	index          *search.Index // nil: nothing is searched
	pages          *answers.Cache
	ids            *parlance.ObjectIDs // of rooms
	growth         growth
	mux            *http.ServeMux
	handler        http.Handler // mux, with addresses replaced if that is asked for
}

// New returns a server that reads and writes s and asks k who is calling.
func New(s *store.Store, k *access.Keeper, o Options) *Server {
	v := &Server{
		store:          s,
		keeper:         k,
		log:            o.Logger,
		ignoreTimezone: o.IgnoreTimezone,
		files:          o.Files,
		links:          o.Links,
		index:          o.Search,
		pages:          answers.New(answerBytes),
		ids:            parlance.NewObjectIDs(),
		mux:            http.NewServeMux(),
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	for pattern, h := range v.routes() {
		v.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				v.fail(w, r, err)
			}
		})
	}
	v.mux.HandleFunc("/", v.unknown)
	v.handler = reply.Rewriting(v.mux, o.Rewrite)
	return v
}

// Words of IMKit's API that stand where other calls have an id. They are never taken for one:
// IMKit Conventions, words.
var (
	roomWords    = map[string]bool{"ids": true, "invitations": true, "quitted": true, "createAndJoin": true}
	messageWords = map[string]bool{
		"_all": true, "v3": true, "user-delete": true, "batch": true, "recent": true, "search": true,
		"hide-by-sender-in-room": true, "unhide-by-sender-in-room": true,
	}
)

// A handler answers a request, or returns why not and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

func (s *Server) routes() map[string]handler {
	return map[string]handler{
		"GET /rooms/{id}/messages/v3":        s.listMessages,
		"POST /rooms/{id}/message":           s.postMessage,
		"POST /messages":                     s.postMessageAsAdmin,
		"DELETE /rooms/{id}/messages/{mid}":  s.deleteMessage,
		"DELETE /rooms/{id}/messages/_all":   s.deleteAllMessages,
		"POST /messages/{mid}/reaction":      s.addReaction,
		"DELETE /messages/{mid}/reaction":    s.removeReaction,
		"POST /messages/user-delete":         s.hideMessages,
		"POST /search":                       s.search,
		"GET /rooms":                         s.listRooms,
		"GET /rooms/ids":                     s.listRoomIDs,
		"GET /rooms/invitations":             s.listInvitations,
		"POST /rooms":                        s.createRoom,
		"POST /rooms/createAndJoin":          s.createAndJoin,
		"GET /rooms/{id}":                    s.getRoom,
		"PUT /rooms/{id}":                    s.updateRoom,
		"POST /rooms/{id}/join":              s.joinRoom,
		"PUT /rooms/{id}/lastRead":           s.setLastRead,
		"POST /rooms/{id}/members":           s.addMembers,
		"POST /rooms/{id}/delete/members":    s.removeMembers,
		"POST /rooms/{id}/members/{user}":    s.addMember,
		"DELETE /rooms/{id}/members/{user}":  s.removeMember,
		"GET /me":                            s.me,
		"GET /files/{bucket}/{id}":           s.getFile,
		"POST /admin/clients":                flatErrors(s.putClient),
		"PUT /admin/clients/{user}/token":    flatErrors(s.replaceToken),
		"DELETE /admin/clients/{user}/token": flatErrors(s.revokeTokens),
	}
}

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of all calls that a [Server] answers, as OpenAPI 3 in YAML.
func OpenAPI() []byte { return openAPI }

// allowedHeaders are the request headers that pages of other origins may send.
const allowedHeaders = "IM-Client-Key, IM-Authorization, IM-API-Key, IM-Client-ID, IM-Device-ID, Authorization, Content-Type, X-Timezone"

// ServeHTTP answers r.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Type")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, HEAD")
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.handler.ServeHTTP(w, plainPath(r))
}

// plainPath returns r with the slashes dropped that a client has too many of: at the
// end, where the documentation itself is of two minds, and at the beginning, where
// they come from a base address that ends in one.
func plainPath(r *http.Request) *http.Request {
	escaped := r.URL.EscapedPath()
	plain := "/" + strings.Trim(escaped, "/")
	if plain == escaped {
		return r
	}
	path, err := url.PathUnescape(plain)
	if err != nil {
		return r
	}
	r2 := *r
	u := *r.URL
	u.Path, u.RawPath = path, plain
	r2.URL = &u
	return &r2
}

// unknown answers calls that there aren't, and tells so only those who have a credential.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	if _, err := s.caller(r); err != nil {
		s.fail(w, r, err)
		return
	}
	var allow []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := s.mux.Handler(&other); pattern != "/" {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		s.fail(w, r, errNotFound)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	s.fail(w, r, errMethod)
}

// succeed sends result in the envelope.
func succeed(w http.ResponseWriter, result any) error {
	b, err := appendJSON([]byte(`{"RC":0,"RM":"OK","result":`), result)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, append(b, '}'))
	return nil
}
