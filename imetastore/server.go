// Package imetastore speaks the seller messaging API of iMetaStore (iGV): login, the history of the
// chats with buyers, and sending to a buyer. A [Server] answers these calls from a store, a [Client] makes
// them, and a [Source] reads a whole history with them.
//
// What of it holds, what deviates and what nobody knows is told in
// docs/dialects/imetastore.md. Comments that begin with "iMetaStore" cite that page's
// headings where a rule is obeyed.
package imetastore

import (
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/access"
	"parlance/internal/answers"
	"parlance/internal/body"
	"parlance/internal/quote"
	"parlance/internal/reply"
	"parlance/store"
)

// answerBytes bounds the pages that are kept ready.
const answerBytes = 96 << 20

// defaultPageSize is how many messages a page has unless [Options] say otherwise.
const defaultPageSize = 100

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of all calls that a [Server] answers, as OpenAPI 3 in
// YAML. The bytes are shared and must not be changed.
func OpenAPI() []byte { return openAPI }

// Options are a server's settings. The zero value is good.
type Options struct {
	Logger *slog.Logger // nil = silent

	// PageSize is the most messages of a page: 1 to 4,999, and what lies outside
	// counts as the nearest of these; 0 = 100.
	PageSize int

	// TrustedProxies are the networks of proxies whose X-Forwarded-For is believed: it then says whose wrong logins are slowed.
	TrustedProxies []netip.Prefix

	// Rewrite, if set, replaces addresses of files in answers.
	Rewrite reply.Rewrite
}

// A Server answers the calls below each of the three base paths. It is an
// [http.Handler] and safe for use by many goroutines.
type Server struct {
	store    *store.Store
	keeper   *access.Keeper
	failures reply.Failures
	pageSize int
	trusted  []netip.Prefix // proxies
	answers  *answers.Cache // pages, and the conversations of buyers
	buffers  reply.Buffers
	mux      *http.ServeMux
	handler  http.Handler // mux, with addresses replaced if that is asked for
}

// basePaths are where the calls are found, each the same.
//
// iMetaStore access, base paths: all equal.
var basePaths = [...]string{"", "/merchant-api", "/api/merchant-api"}

// New returns a server of what s holds, to the sellers whom k knows.
func New(s *store.Store, k *access.Keeper, o Options) *Server {
	srv := &Server{
		store:    s,
		keeper:   k,
		failures: reply.Failures{Log: o.Logger, Message: "imetastore request failed"},
		pageSize: defaultPageSize,
		trusted:  o.TrustedProxies,
		answers:  answers.New(answerBytes),
		mux:      http.NewServeMux(),
	}
	if srv.failures.Log == nil {
		srv.failures.Log = slog.New(slog.DiscardHandler)
	}
	if o.PageSize != 0 {
		srv.pageSize = max(1, min(o.PageSize, store.MaxLimit-1)) // one more is read than shown
	}
	for _, base := range basePaths {
		srv.handle(base+"/seller/auth/login", srv.login, refuse(errMethod))
		srv.handle(base+"/seller/im/msg", srv.seller(srv.listMessages), srv.strange(errMethod))
		srv.handle(base+"/seller/im/send-msg", srv.seller(srv.sendMessage), srv.strange(errMethod))
	}
	srv.mux.HandleFunc("/", srv.answering(srv.strange(errPath)))
	srv.handler = reply.Rewriting(srv.mux, o.Rewrite)
	return srv
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Slashes too many come from a base address that ends in one. They are dropped here
	// because a redirect would turn some clients' POST into a GET.
	if clean := path.Clean("/" + r.URL.Path); clean != r.URL.Path {
		r2, u := *r, *r.URL
		u.Path, u.RawPath = clean, ""
		r2.URL = &u
		r = &r2
	}
	s.handler.ServeHTTP(w, r)
}

// An endpoint answers a request. If it returns an error it has not answered.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// handle routes POST requests of a path to one endpoint and all others to another.
func (s *Server) handle(path string, post, other endpoint) {
	s.mux.HandleFunc("POST "+path, s.answering(post))
	s.mux.HandleFunc(path, s.answering(other))
}

// answering answers with e's errors too.
func (s *Server) answering(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := e(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// refuse returns an endpoint that answers with err.
func refuse(err error) endpoint {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

// strange returns an endpoint that asks who is calling and answers with err then. iMetaStore errors, unknown paths.
func (s *Server) strange(err error) endpoint {
	return s.seller(func(http.ResponseWriter, *http.Request, access.Grant) error { return err })
}

// seller returns an endpoint that asks who is calling before anything else.
//
// iMetaStore access, token: in the Authorization header.
func (s *Server) seller(e func(w http.ResponseWriter, r *http.Request, who access.Grant) error) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		var token string
		if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimSpace(rest)
		}
		who, err := s.keeper.SellerToken(r.Context(), token)
		if err != nil {
			return err
		}
		reply.In(r.Context(), who.Workspace.ID)
		return e(w, r, who)
	}
}

// decode reads a request's JSON body into v. Members that v lacks are ignored.
//
// iMetaStore access, bodies: names in any case.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := body.Read(w, r)
	switch parlance.KindOf(err) {
	case parlance.Invalid:
		return parlance.Wrap(parlance.Invalid, err, "Request body: %s.", err)
	case parlance.Unavailable:
		return err
	}
	if err == nil {
		err = json.Unmarshal(b, v, anyCase)
	}
	var large *http.MaxBytesError
	var semantic *json.SemanticError
	var why *parlance.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return errTooLarge
	case !errors.As(err, &semantic):
		return parlance.Wrap(parlance.Invalid, err, "Request body is not valid JSON.")
	}
	field := fieldOf(semantic.JSONPointer)
	if errors.As(err, &why) {
		return parlance.Wrap(parlance.Invalid, err, "Field %s: %s.", field, why.Text)
	}
	return parlance.Wrap(parlance.Invalid, err, "Field %s is of the wrong type.", field)
}

// fieldOf names the field that a pointer leads to.
func fieldOf(p jsontext.Pointer) string {
	if p == "" {
		return "(body)"
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

// missing is the error of a required field that is not there.
func missing(field string) error {
	return parlance.Errorf(parlance.Invalid, "Field %s is required.", field)
}

// appendHead appends an envelope up to its data, the comma not included.
func (s *Server) appendHead(b []byte, code, msg string) []byte {
	b = append(b, `{"code":"`...)
	b = append(b, code...)
	b = append(b, `","msg":`...)
	b = appendString(b, msg)
	b = append(b, `,"time":"`...)
	b = s.store.Now().Append(b)
	return append(b, '"')
}

// succeed answers with the data that write appends; none if write is nil.
func (s *Server) succeed(w http.ResponseWriter, write func(b []byte) []byte) {
	s.buffers.OK(w, func(b []byte) []byte {
		b = s.appendHead(b, success, "Success")
		if write != nil {
			b = write(append(b, `,"data":`...))
		}
		return append(b, '}')
	})
}

// appendString appends s as JSON. What is not UTF-8 is replaced by U+FFFD.
func appendString[T ~string](b []byte, s T) []byte {
	if quote.Plain(s) {
		b = append(append(b, '"'), s...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // the error only tells of the replacement
	return b
}
