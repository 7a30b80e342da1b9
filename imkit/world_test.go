package imkit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/imkit"
	"parlance/internal/dialecttest"
	"parlance/store"
)

// failer is what worlds need of a test, a fuzz test or a property.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// A world is a server on a store in memory, and who may call it.
type world struct {
	store   *store.Store
	keeper  *access.Keeper
	server  *imkit.Server
	secrets access.Secrets
	clock   *dialecttest.Clock
	rooms   atomic.Int64 // made by properties
}

const workspace = "sampleapp"

// start is the time at which every world begins.
const start parlance.Time = 1_700_000_000_000

// description is read once: it is large and there are many worlds.
var description, errDescription = dialecttest.Describe(imkit.OpenAPI())

// newWorld returns a world that lives as long as the test.
func newWorld(t testing.TB, o imkit.Options) *world {
	t.Helper()
	if errDescription != nil {
		t.Fatal(errDescription)
	}
	w := new(world)
	w.store, w.keeper, w.clock = dialecttest.Open(t, start)
	var err error
	if _, w.secrets, err = w.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: workspace}); err != nil {
		t.Fatal(err)
	}
	w.server = imkit.New(w.store, w.keeper, o)
	return w
}

// open returns a world of default settings.
func open(t testing.TB) *world {
	t.Helper()
	return newWorld(t, imkit.Options{})
}

// pass lets time pass.
func (w *world) pass(ms int64) { w.clock.Advance(time.Duration(ms) * time.Millisecond) }

func ref(room string) parlance.Ref {
	return parlance.Ref{Workspace: workspace, Conversation: parlance.ConversationID(room)}
}

// room makes a room with members.
func (w *world) room(t failer, c parlance.Conversation, members ...parlance.Member) {
	t.Helper()
	ctx := context.Background()
	if c.Kind == "" {
		c.Kind = parlance.Room
	}
	if _, err := w.store.Create(ctx, workspace, c); err != nil {
		t.Fatal(err)
	}
	if len(members) == 0 {
		return
	}
	if err := w.store.AddMembers(ctx, ref(string(c.ID)), members...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) put(t failer, room string, mode store.Mode, ms ...parlance.Message) []parlance.Message {
	t.Helper()
	out, err := w.store.Put(context.Background(), ref(room), mode, ms...)
	if err != nil {
		t.Fatal(err)
	}
	stored := make([]parlance.Message, len(out))
	for i := range out {
		stored[i] = out[i].Entry.Message
	}
	return stored
}

// A headers value is what a caller sends to say who they are.
type headers map[string]string

// user issues a token to an account and returns its headers.
func (w *world) user(t failer, id string) headers {
	t.Helper()
	token, err := w.keeper.AddToken(context.Background(), workspace, parlance.AccountID(id), access.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	return headers{"IM-CLIENT-KEY": w.secrets.ClientKey, "IM-Authorization": token.Token}
}

// key returns the headers of the API key, acting for account unless that is empty.
func (w *world) key(account string) headers {
	h := headers{"IM-API-KEY": w.secrets.APIKey}
	if account != "" {
		h["IM-CLIENT-ID"] = account
	}
	return h
}

func (h headers) with(name, value string) headers {
	more := headers{}
	for k, v := range h {
		more[k] = v
	}
	more[name] = value
	return more
}

// An answer is a response that was read and checked against the description.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a request. body is nil, text, or a value to send as JSON.
func (w *world) call(t failer, method, path string, h headers, body any) answer {
	t.Helper()
	return w.exchange(t, method, path, h, body, false)
}

// exchange is call, where anyRequest says that the server may take what isn't described.
func (w *world) exchange(t failer, method, path string, h headers, body any, anyRequest bool) answer {
	t.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		if sent, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(sent))
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range h {
		r.Header.Set(k, v)
	}
	recorded := httptest.NewRecorder()
	w.server.ServeHTTP(recorded, r)
	got, err := io.ReadAll(recorded.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{recorded.Code, recorded.Header(), string(got)}
	w.check(t, r, sent, a, anyRequest)
	return a
}

// check holds the exchange against the description. Requests that are refused may be
// anything; answers may not.
func (w *world) check(t failer, r *http.Request, sent []byte, a answer, anyRequest bool) {
	t.Helper()
	if r.Method == http.MethodOptions || a.status == http.StatusMethodNotAllowed {
		return
	}
	plain := r.Clone(context.Background())
	plain.URL = &url.URL{Path: "/" + strings.Trim(r.URL.Path, "/"), RawPath: "/" + strings.Trim(r.URL.EscapedPath(), "/"), RawQuery: r.URL.RawQuery}
	plain.Host = ""
	if !description.Check(t, dialecttest.Exchange{
		Request: plain, Sent: sent, Status: a.status, Header: a.header, Body: []byte(a.body), AnyRequest: anyRequest,
	}) && a.status != http.StatusNotFound && a.status != http.StatusUnauthorized {
		t.Errorf("%s %s is not described", r.Method, r.URL.Path)
	}
}

// ok is call for requests that must succeed; it returns the result.
func (w *world) ok(t failer, method, path string, h headers, body any) json.RawMessage {
	t.Helper()
	a := w.call(t, method, path, h, body)
	var e struct {
		RC     int
		RM     string
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != http.StatusOK || e.RC != 0 || e.RM != "OK" {
		t.Fatalf("%s %s = %d %s", method, path, a.status, a.body)
	}
	return e.Result
}

// refused is call for requests that must be refused with this status and code.
func (w *world) refused(t failer, status int, code, method, path string, h headers, body any) {
	t.Helper()
	a := w.call(t, method, path, h, body)
	var e struct {
		RC    int
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != status || e.RC != status ||
		!strings.Contains(string(e.Error), `"`+code+`"`) {
		t.Errorf("%s %s = %d %s, want %d %s", method, path, a.status, a.body, status, code)
	}
}

// A page is a page of messages as a client reads it.
type page struct {
	TotalCount     int      `json:"totalCount"`
	Data           []row    `json:"data"`
	UserDeletedIDs []string `json:"userDeletedIDs"`
	Inspect        struct {
		Query  json.RawMessage `json:"query"`
		TookMS int64           `json:"tookMS"`
	} `json:"inspect"`
}

type row struct {
	ID          string          `json:"_id"`
	Message     string          `json:"message"`
	MessageType string          `json:"messageType"`
	CreatedAtMS int64           `json:"createdAtMS"`
	UpdatedAtMS int64           `json:"updatedAtMS"`
	IsDeleted   bool            `json:"isDeleted"`
	Extra       json.RawMessage `json:"extra"`
}

func (p page) ids() []string {
	ids := make([]string, len(p.Data))
	for i := range p.Data {
		ids[i] = p.Data[i].ID
	}
	return ids
}

// page reads a page of a room.
func (w *world) page(t failer, room, query string, h headers) page {
	t.Helper()
	var p page
	if err := json.Unmarshal(w.ok(t, "GET", "/rooms/"+url.PathEscape(room)+"/messages/v3?"+query, h, nil), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// raw makes a request and returns the body as it is, unchecked: mirrored messages may be anything.
func (w *world) raw(method, path string, h headers) string {
	r := httptest.NewRequest(method, path, nil)
	for k, v := range h {
		r.Header.Set(k, v)
	}
	recorded := httptest.NewRecorder()
	w.server.ServeHTTP(recorded, r)
	return recorded.Body.String()
}
