// Package readapi is the read API across the three platforms, /archive/v1: conversations, messages, search and coverage in one JSON form. It hides
// how a read token's scope decides what is read, before anything is.
//
// All calls are GET, take a read token as bearer, and answer errors as RFC 9457. Lists go by keyset: cursors are opaque, good for the
// call and the parameters that gave them, and stay right while messages arrive.
package readapi

import (
	"context"
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"golang.org/x/sync/singleflight"

	"parlance"
	"parlance/access"
	"parlance/internal/reply"
	"parlance/mirror"
	"parlance/search"
	"parlance/store"
)

//go:embed openapi.yaml
var openapi []byte

// OpenAPI returns the description of the API, YAML.
func OpenAPI() []byte { return openapi }

// Options are a server's settings. Mirror may be nil: then nothing is known of what is missing.
type Options struct {
	Search *search.Index // required
	Mirror *mirror.Mirror
	Logger *slog.Logger // nil: silent
}

// A Server answers the read API.
type Server struct {
	store  *store.Store
	keeper *access.Keeper
	search *search.Index
	mirror *mirror.Mirror
	log    *slog.Logger
	mux    *http.ServeMux

	coverage coverageCache
	reading  singleflight.Group // of coverage, by workspace
}

// New returns a server of what s holds, for whom k knows.
func New(s *store.Store, k *access.Keeper, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Server{store: s, keeper: k, search: o.Search, mirror: o.Mirror, log: o.Logger, mux: http.NewServeMux()}
	for pattern, answer := range map[string]answerer{
		"GET /archive/v1/conversations":               a.conversations,
		"GET /archive/v1/conversations/{id}/messages": a.messages,
		"GET /archive/v1/messages/{id}":               a.message,
		"GET /archive/v1/search":                      a.find,
		"GET /archive/v1/coverage":                    a.coverages,
	} {
		a.mux.HandleFunc(pattern, a.handle(answer))
	}
	a.mux.HandleFunc("/", a.handle(nothing))
	return a
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// An asker is who asks, and what they may read.
type asker struct {
	access.Grant
	ws parlance.WorkspaceID
}

// An answerer returns what is answered, as JSON.
type answerer func(ctx context.Context, who asker, r *http.Request) (any, error)

// handle checks who asks and writes what is answered.
func (s *Server) handle(answer answerer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.answer(r, answer)
		var body []byte
		if err == nil {
			body, err = json.Marshal(v)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		reply.JSON(w, http.StatusOK, body)
	}
}

func (s *Server) answer(r *http.Request, answer answerer) (any, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(r.Header.Values("Authorization")) > 1 {
		return nil, parlance.Errorf(parlance.Unauthenticated, "send a read token: Authorization: Bearer TOKEN")
	}
	g, err := s.keeper.ReadToken(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return answer(r.Context(), asker{g, g.Workspace.ID}, r)
}

// nothing answers what is no call of the API.
func nothing(_ context.Context, _ asker, r *http.Request) (any, error) {
	if r.Method != http.MethodGet {
		return nil, errMethod
	}
	return nil, parlance.Errorf(parlance.NotFound, "there is no such call: see /openapi/archive.yaml")
}

// conversation returns a conversation that may be read; NotFound alike for one that isn't there.
func (s *Server) conversation(ctx context.Context, who asker, id string) (c parlance.Conversation, err error) {
	none := parlance.Errorf(parlance.NotFound, "there is no conversation %q", id)
	if parlance.CheckID("conversation id", parlance.ConversationID(id)) != nil {
		return c, none
	}
	c, err = s.store.Conversation(ctx, parlance.Ref{Workspace: who.ws, Conversation: parlance.ConversationID(id)})
	if parlance.KindOf(err) == parlance.NotFound || err == nil && !who.admits(c.ID, c.Kind) {
		return c, none
	}
	return c, err
}
