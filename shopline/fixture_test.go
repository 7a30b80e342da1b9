package shopline_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/internal/dialecttest"
	"parlance/shopline"
	"parlance/store"
)

// The parties of the platform's own examples.
const (
	merchant = "5e6b6e242c389a0016d21048"
	staff    = "58ef246969702d5afd040000"
	customer = "600d71329888be544e4f27fb"
)

// A fixture is a server with its store, and a client whose traffic is held to the
// server's description of itself.
type fixture struct {
	t      testing.TB
	store  *store.Store
	keeper *access.Keeper
	ws     access.Workspace
	token  string
	server *shopline.Server
	url    string
	client *http.Client
	clock  *dialecttest.Clock
}

// start is when the clock of a fixture starts: a moment after the examples.
var start = time.Date(2021, 1, 25, 9, 39, 35, 167e6, time.UTC)

func newFixture(t testing.TB, o shopline.Options) *fixture {
	t.Helper()
	f := &fixture{t: t}
	f.store, f.keeper, f.clock = dialecttest.Open(t, parlance.TimeOf(start))
	f.ws, f.token = f.workspace("acme", merchant)
	f.server = shopline.New(f.store, f.keeper, o)
	srv := httptest.NewServer(f.server)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	f.client = &http.Client{Transport: validated(t, srv)}
	return f
}

// workspace makes a workspace and returns a token of it.
func (f *fixture) workspace(id parlance.WorkspaceID, merchant parlance.AccountID) (access.Workspace, string) {
	f.t.Helper()
	ws, secrets, err := f.keeper.CreateWorkspace(f.t.Context(), access.Workspace{ID: id, Merchant: merchant, Staff: staff})
	if err != nil {
		f.t.Fatalf("create workspace %s: %v", id, err)
	}
	return ws, secrets.ShoplineToken
}

func (f *fixture) advance(d time.Duration) { f.clock.Advance(d) }

// conversation makes a conversation with a customer of the same name.
func (f *fixture) conversation(c parlance.Conversation) parlance.Ref {
	f.t.Helper()
	ctx := f.t.Context()
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

// mirror stores messages with the times that they have; Sent and Updated are Created
// unless given.
func (f *fixture) mirror(ref parlance.Ref, ms ...parlance.Message) {
	f.t.Helper()
	for i := range ms {
		if ms[i].Sent == 0 {
			ms[i].Sent = ms[i].Created
		}
		if ms[i].Updated == 0 {
			ms[i].Updated = ms[i].Created
		}
	}
	if _, err := f.store.Put(f.t.Context(), ref, store.Mirror, ms...); err != nil {
		f.t.Fatalf("mirror: %v", err)
	}
}

// A reply is a whole answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// do makes a request with the fixture's token. The body may be empty.
func (f *fixture) do(method, path, body string) reply {
	f.t.Helper()
	return f.doAs("Bearer "+f.token, method, path, body)
}

func (f *fixture) doAs(authorization, method, path, body string) reply {
	f.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatalf("make request: %v", err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
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

// get makes a request that must succeed and decodes its answer.
func get[T any](f *fixture, path string) T {
	f.t.Helper()
	return decode[T](f, f.do("GET", path, ""))
}

func decode[T any](f *fixture, r reply) T {
	f.t.Helper()
	var v T
	if r.status != http.StatusOK {
		f.t.Fatalf("status %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		f.t.Fatalf("decode %s: %v", r.body, err)
	}
	return v
}

// ids returns the ids of a page's messages, with spaces between.
func ids(p shopline.Page) string {
	all := make([]string, len(p.Items))
	for i, it := range p.Items {
		all[i] = string(it.ID)
	}
	return strings.Join(all, " ")
}

// at returns the time that the text says.
func at(t testing.TB, text string) parlance.Time {
	t.Helper()
	tm, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parlance.TimeOf(tm)
}
