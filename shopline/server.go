// Package shopline speaks the messaging part of the SHOPLINE Open API, the one of
// open.shopline.io: as a server ([Server]), as a client ([Client]), and as a reader of
// whole histories ([Source]).
//
// What of it holds, what deviates and what nobody knows is told in
// docs/dialects/shopline.md. Comments cite that page's headings where a rule is obeyed.
package shopline

import (
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"parlance"
	"parlance/access"
	"parlance/internal/answers"
	"parlance/internal/body"
	"parlance/internal/reply"
	"parlance/store"
)

// cacheSize is how many bytes of finished answers are kept.
const cacheSize = 96 << 20

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of what the server answers, as YAML. The bytes are
// shared and must not be changed.
func OpenAPI() []byte { return openAPI }

// Options tell a [Server] what differs from the default.
type Options struct {
	Logger *slog.Logger // nil = silent

	// RatePerSecond is how many requests a credential may make in a second. The
	// platform allows 20. Zero means no limit.
	RatePerSecond int

	// Usage is told now and then how many requests each credential made that were let
	// through, by access.Grant.Reader, so that other nodes can be told by [Server.Used]. The map
	// is its own. Nil: there are no other nodes. Nobody is told anything without a limit.
	Usage func(map[string]int)

	// Rewrite, if set, replaces addresses of files in answers.
	Rewrite reply.Rewrite
}

// A Server answers every request below /v1/. It is an [http.Handler] and safe for use
// by many goroutines.
type Server struct {
	store    *store.Store
	keeper   *access.Keeper
	failures reply.Failures
	limits   *limiter
	answers  *answers.Cache
	buffers  reply.Buffers
	mux      *http.ServeMux
	handler  http.Handler // mux, with addresses replaced if that is asked for
}

// New returns a server of what s holds, to those whom k knows.
func New(s *store.Store, k *access.Keeper, o Options) *Server {
	srv := &Server{
		store:    s,
		keeper:   k,
		failures: reply.Failures{Log: o.Logger, Message: "shopline request failed"},
		limits:   newLimiter(o.RatePerSecond, o.Usage),
		answers:  answers.New(cacheSize),
		mux:      http.NewServeMux(),
	}
	if srv.failures.Log == nil {
		srv.failures.Log = slog.New(slog.DiscardHandler)
	}
	srv.handle("GET /v1/conversations", srv.listConversations)
	srv.handle("GET /v1/conversations/{conversationId}/messages", srv.listMessages)
	srv.handle("POST /v1/conversations/message", srv.sendShopMessage)
	srv.handle("POST /v1/orders/{id}/messages", srv.sendOrderMessage)
	srv.handle("GET /v1/token/info", srv.tokenInfo)
	// SHOPLINE errors, unknown paths: answered in the platform's form.
	srv.handle("/", srv.unknownPath)
	srv.handler = reply.Rewriting(srv.mux, o.Rewrite)
	return srv
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Used counts n requests of a credential, by access.Grant.Reader, that another node let through
// towards its limit here.
func (s *Server) Used(reader string, n int) {
	s.limits.used(reader, n, s.store.Now().Std())
}

// An endpoint answers a request of a caller who is known. If it returns an error it has
// not answered.
type endpoint func(w http.ResponseWriter, r *http.Request, who access.Grant) error

// handle routes a pattern to an endpoint. Who is asking comes first, for every path.
func (s *Server) handle(pattern string, e endpoint) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		who, err := s.keeper.Bearer(r.Context(), bearerToken(r))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		reply.In(r.Context(), who.Workspace.ID)
		if !s.limits.allow(who.Reader, s.store.Now().Std()) {
			s.fail(w, r, parlance.Errorf(parlance.Limited, "Rate limit exceeded: at most %d requests per second", s.limits.perSecond))
			return
		}
		if err := e(w, r, who); err != nil {
			s.fail(w, r, err)
		}
	})
}

// bearerToken returns the request's token, empty if there is none. Other headers in
// which clients repeat it are not read.
//
// SHOPLINE access, token: in the Authorization header.
func bearerToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// decode reads a request's JSON body into v. Members that v lacks are ignored.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := body.Read(w, r)
	if kind := parlance.KindOf(err); kind == parlance.Invalid || kind == parlance.Unavailable {
		return err
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	var large *http.MaxBytesError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return &malformedError{status{http.StatusRequestEntityTooLarge, "PayloadTooLarge", "body is larger than 1 MiB"}, err}
	case errors.As(err, &semantic):
		name := strings.TrimPrefix(string(semantic.JSONPointer), "/")
		if name == "" {
			name = "body"
		}
		return parlance.Wrap(parlance.Invalid, err, "%s is of the wrong type", name)
	}
	return &malformedError{status{http.StatusBadRequest, "BadRequest", "body is not valid JSON"}, err}
}

// query reads the parameters behind the question mark.
func query(r *http.Request) (*values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &malformedError{status{http.StatusBadRequest, "BadRequest", "query is not well-formed"}, err}
	}
	return &values{q: q}, nil
}

// unknownPath answers whatever has no endpoint.
func (s *Server) unknownPath(http.ResponseWriter, *http.Request, access.Grant) error {
	return parlance.Errorf(parlance.NotFound, "no such path")
}
