package imetastore_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"parlance"
	"parlance/access"
	"parlance/imetastore"
	"parlance/internal/dialecttest"
	"parlance/store"
)

// The parties of the platform's own example.
const (
	seller = "seller_001"
	buyer  = "1907369850568257537"
)

// start is when the clock of a fixture starts, as the example has it.
var start = time.Date(2025, 12, 17, 13, 44, 16, 0, time.UTC)

// A fixture is a server with its store, and a client whose traffic is held to the
// server's description of itself.
type fixture struct {
	t       testing.TB
	store   *store.Store
	keeper  *access.Keeper
	ws      access.Workspace
	secrets access.Secrets
	token   string
	url     string
	client  *http.Client
	clock   *dialecttest.Clock
}

func newFixture(t testing.TB, o imetastore.Options) *fixture {
	t.Helper()
	f := &fixture{t: t}
	f.store, f.keeper, f.clock = dialecttest.Open(t, parlance.TimeOf(start))
	f.ws, f.secrets = f.workspace("acme")
	f.token = f.login(f.secrets)
	srv := httptest.NewServer(imetastore.New(f.store, f.keeper, o))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	f.client = &http.Client{Transport: validated(t, srv)}
	return f
}

func (f *fixture) workspace(id parlance.WorkspaceID) (access.Workspace, access.Secrets) {
	f.t.Helper()
	ws, secrets, err := f.keeper.CreateWorkspace(f.t.Context(), access.Workspace{ID: id})
	if err != nil {
		f.t.Fatalf("create workspace %s: %v", id, err)
	}
	return ws, secrets
}

func (f *fixture) login(s access.Secrets) string {
	f.t.Helper()
	session, err := f.keeper.Login(f.t.Context(), s.Email, s.Password)
	if err != nil {
		f.t.Fatalf("log in: %v", err)
	}
	return session.AccessToken
}

func (f *fixture) advance(d time.Duration) { f.clock.Advance(d) }

// conversation makes a conversation; its customer, if it has one, is a member.
func (f *fixture) conversation(c parlance.Conversation) parlance.Ref {
	f.t.Helper()
	ctx := f.t.Context()
	if c.Kind == "" {
		c.Kind = parlance.Shop
	}
	if c.Created == 0 {
		c.Created = f.store.Now()
	}
	if _, err := f.store.Create(ctx, f.ws.ID, c); err != nil {
		f.t.Fatalf("create conversation: %v", err)
	}
	ref := parlance.Ref{Workspace: f.ws.ID, Conversation: c.ID}
	if c.Customer != "" {
		if err := f.store.AddMembers(ctx, ref, parlance.Member{Account: c.Customer, Role: parlance.Customer}); err != nil {
			f.t.Fatalf("add members: %v", err)
		}
	}
	return ref
}

func (f *fixture) put(ref parlance.Ref, mode store.Mode, ms ...parlance.Message) {
	f.t.Helper()
	if _, err := f.store.Put(f.t.Context(), ref, mode, ms...); err != nil {
		f.t.Fatalf("put messages: %v", err)
	}
}

// mirror stores items as the platform would send them.
func (f *fixture) mirror(ref parlance.Ref, items ...string) {
	f.t.Helper()
	for _, item := range items {
		m, err := imetastore.MessageOf([]byte(item))
		if err != nil {
			f.t.Fatalf("read item %s: %v", item, err)
		}
		f.put(ref, store.Mirror, m)
	}
}

func (f *fixture) change(ref parlance.Ref, id parlance.MessageID, change func(*parlance.Message)) {
	f.t.Helper()
	_, err := f.store.Change(f.t.Context(), ref, id, func(m *parlance.Message) error { change(m); return nil })
	if err != nil {
		f.t.Fatalf("change %s: %v", id, err)
	}
}

// A reply is a whole answer.
type reply struct {
	status int
	header http.Header
	body   string
}

func (f *fixture) do(method, path, authorization, body string) reply {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatalf("make request: %v", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatalf("%s %s: read body: %v", method, path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// post posts with the fixture's token.
func (f *fixture) post(path, body string) reply {
	f.t.Helper()
	return f.do("POST", path, "Bearer "+f.token, body)
}

// list asks for a page, which must succeed.
func (f *fixture) list(body string) imetastore.MessageList {
	f.t.Helper()
	return decode[imetastore.MessageList](f.t, f.post("/seller/im/msg", body))
}

// send sends a message, which must succeed.
func (f *fixture) send(body string) {
	f.t.Helper()
	r := f.post("/seller/im/send-msg", body)
	want := `{"code":"0000","msg":"Success","time":"` + f.store.Now().String() + `"}`
	if r.status != http.StatusOK || r.body != want {
		f.t.Fatalf("send %s: %d %s", body, r.status, r.body)
	}
}

func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	var e imetastore.Envelope[T]
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		t.Fatalf("decode %s: %v", r.body, err)
	}
	if r.status != http.StatusOK || e.Code != "0000" {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	return e.Data
}

// everything asks for all of a buyer.
const everything = `{"buyerId":` + buyer + `,"minTime":0,"maxTime":4102444800}`
