package readapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/mirror"
	"parlance/search"
	"parlance/store"
	"parlance/store/pebblestore"
)

// A world is an archive behind a server.
type world struct {
	*testing.T
	store  *store.Store
	keeper *access.Keeper
	url    string
	now    parlance.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, now: 1_700_000_000_000}
	if w.store, err = store.Open(t.Context(), e, store.Options{Now: func() parlance.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	if w.keeper, err = access.Open(t.Context(), w.store, access.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, ws := range []parlance.WorkspaceID{"acme", "other"} {
		if _, _, err := w.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: ws}); err != nil {
			t.Fatal(err)
		}
	}
	ix := search.Open(w.store, search.Options{})
	srv := httptest.NewServer(New(w.store, w.keeper, Options{Search: ix, Mirror: mirror.New(w.store, mirror.Options{})}))
	w.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		ix.Close()
		w.store.Close()
	})
	return w
}

// put makes a conversation with messages.
func (w *world) put(id parlance.ConversationID, kind parlance.Kind, ms ...parlance.Message) {
	w.Helper()
	if _, err := w.store.Create(w.Context(), "acme", parlance.Conversation{ID: id, Kind: kind}); err != nil {
		w.Fatal(err)
	}
	if _, err := w.store.Put(w.Context(), parlance.Ref{Workspace: "acme", Conversation: id}, store.Mirror, ms...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) token(ws parlance.WorkspaceID, r access.Reading) string {
	w.Helper()
	_, secret, err := w.keeper.AddKey(w.Context(), ws, access.Credential{Kind: access.ReadToken, Reading: &r})
	if err != nil {
		w.Fatal(err)
	}
	return secret
}

// get asks, and decodes the answer into v if it isn't nil.
func (w *world) get(token, path string, v any) (status int, body string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if v != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, v); err != nil {
			w.Fatalf("%s: %v in %s", path, err, b)
		}
	}
	if resp.StatusCode != http.StatusOK {
		var p problem
		if err := json.Unmarshal(b, &p); err != nil || p.Status != resp.StatusCode || p.Detail == "" || resp.Header.Get("Content-Type") != problemType {
			w.Errorf("%s: %d is no problem document: %s %s", path, resp.StatusCode, resp.Header.Get("Content-Type"), b)
		}
	}
	return resp.StatusCode, string(b)
}

// sees returns what a token sees of a message by each way there is to it.
func (w *world) sees(token string, c parlance.ConversationID, id parlance.MessageID) (ways []string) {
	w.Helper()
	var list struct{ Messages []message }
	if status, _ := w.get(token, "/archive/v1/conversations/"+string(c)+"/messages", &list); status == 200 &&
		slices.ContainsFunc(list.Messages, func(m message) bool { return m.ID == id }) {
		ways = append(ways, "list")
	}
	if status, _ := w.get(token, "/archive/v1/messages/"+string(id)+"?conversation="+string(c), nil); status == 200 {
		ways = append(ways, "message")
	}
	var found finding
	if status, body := w.get(token, "/archive/v1/search?q="+url.QueryEscape("word"+string(id)), &found); status != 200 {
		w.Errorf("search: %s", body)
	}
	if slices.ContainsFunc(found.Hits, func(h hit) bool { return h.Message.ID == id }) {
		ways = append(ways, "search")
	}
	return ways
}

// TestScopes holds each way to a message against each bound of a token: all ways agree.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	day := parlance.Time(24 * 60 * 60 * 1000)
	text := func(id parlance.MessageID, at parlance.Time) parlance.Message {
		return parlance.Message{ID: id, Sender: "ann", Role: parlance.Customer, Type: parlance.TypeText, Text: "a word" + string(id) + " here", Created: at, Sent: at}
	}
	note := text("note", w.now)
	note.Type, note.Role = parlance.TypeNote, parlance.Agent
	w.put("shop1", parlance.Shop, text("old", w.now-10*day), text("new", w.now), note)
	w.put("room1", parlance.Room, text("roomy", w.now))
	all := []string{"list", "message", "search"}
	for _, c := range []struct {
		name    string
		reading access.Reading
		sees    []parlance.MessageID
	}{
		{"everything", access.Reading{}, []parlance.MessageID{"old", "new", "roomy"}},
		{"staff notes", access.Reading{Private: true}, []parlance.MessageID{"old", "new", "note", "roomy"}},
		{"a conversation", access.Reading{Conversations: []parlance.ConversationID{"room1"}}, []parlance.MessageID{"roomy"}},
		{"a kind", access.Reading{Kinds: []parlance.Kind{parlance.Shop}}, []parlance.MessageID{"old", "new"}},
		{"since", access.Reading{From: w.now - day}, []parlance.MessageID{"new", "roomy"}},
		{"until", access.Reading{To: w.now - day}, []parlance.MessageID{"old"}},
	} {
		token := w.token("acme", c.reading)
		for id, in := range map[parlance.MessageID]parlance.ConversationID{"old": "shop1", "new": "shop1", "note": "shop1", "roomy": "room1"} {
			want := all
			if !slices.Contains(c.sees, id) {
				want = nil
			}
			if got := w.sees(token, in, id); !slices.Equal(got, want) {
				t.Errorf("a token for %s sees %s by %v, want %v", c.name, id, got, want)
			}
		}
	}
	if got := w.sees(w.token("other", access.Reading{Private: true, History: true}), "room1", "roomy"); got != nil {
		t.Errorf("another workspace's token sees it by %v", got)
	}
	// What coverage and lists show follows the scope, too.
	var list struct{ Conversations []conversation }
	var known struct{ Coverage []coverage }
	token := w.token("acme", access.Reading{Kinds: []parlance.Kind{parlance.Room}})
	w.get(token, "/archive/v1/conversations", &list)
	w.get(token, "/archive/v1/coverage", &known)
	if len(list.Conversations) != 1 || list.Conversations[0].ID != "room1" || len(known.Coverage) != 1 || known.Coverage[0].State != mirror.Unknown {
		t.Errorf("%+v, %+v", list, known)
	}
	var found finding
	w.get(token, "/archive/v1/search?q=word", &found)
	if found.Coverage.Unknown != 1 || found.Total != 1 || !found.Exact {
		t.Errorf("%+v", found)
	}
}

// TestForgedCursors gives cursors that name places outside of a token's time, as its holder can make them: nothing is read there.
func TestForgedCursors(t *testing.T) {
	w := newWorld(t)
	day := parlance.Time(24 * 60 * 60 * 1000)
	at := func(id parlance.MessageID, days parlance.Time) parlance.Message {
		return parlance.Message{ID: id, Sender: "a", Text: "hello", Created: w.now + days*day, Sent: w.now + days*day}
	}
	w.put("c", parlance.Room, at("before", -5), at("inside", 0), at("after", 5))
	token := w.token("acme", access.Reading{From: w.now - day, To: w.now + day})
	for _, order := range []string{"asc", "desc"} {
		path := "/archive/v1/conversations/c/messages?order=" + order
		p, err := parse("order="+order, "order")
		if err != nil {
			t.Fatal(err)
		}
		for _, days := range []parlance.Time{-9, 9} {
			cursor := encodeCursor(p.list("messages/c"), encodePosition(parlance.Position{Time: w.now + days*day, ID: "x"}))
			var page struct{ Messages []message }
			if status, body := w.get(token, path+"&cursor="+cursor, &page); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			for _, m := range page.Messages {
				if m.ID != "inside" {
					t.Errorf("%s from %d days shows %s", order, days, m.ID)
				}
			}
		}
	}
}

// TestRecalledAndDeleted finds no text of what was taken back but with the right to history.
func TestRecalledAndDeleted(t *testing.T) {
	w := newWorld(t)
	ref := parlance.Ref{Workspace: "acme", Conversation: "c"}
	w.put("c", parlance.Room, parlance.Message{ID: "r", Sender: "a", Text: "secretword", Created: w.now}, parlance.Message{ID: "d", Sender: "a", Text: "secretword", Created: w.now})
	for id, state := range map[parlance.MessageID]parlance.State{"r": parlance.Recalled, "d": parlance.Deleted} {
		if _, err := w.store.Change(t.Context(), ref, id, func(m *parlance.Message) error { m.State = state; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	plain, history := w.token("acme", access.Reading{}), w.token("acme", access.Reading{History: true})
	for _, path := range []string{"/archive/v1/conversations/c/messages?native=true", "/archive/v1/messages/r?conversation=c", "/archive/v1/search?q=is:recalled", "/archive/v1/search?q=secretword"} {
		if status, body := w.get(plain, path, nil); status != 200 || strings.Contains(body, "secretword") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := w.get(plain, "/archive/v1/search?q=secretword+in:history", nil); status != http.StatusForbidden {
		t.Errorf("in:history without the right: %d", status)
	}
	var found finding
	if w.get(history, "/archive/v1/search?q=secretword+in:history", &found); len(found.Hits) != 4 {
		t.Errorf("in:history finds %d versions", len(found.Hits))
	}
	if status, _ := w.get(plain, "/archive/v1/messages/d?conversation=c", nil); status != http.StatusNotFound {
		t.Errorf("a deleted message: %d", status)
	}
}

// TestWalks walks each list by its cursor, one at a time and several, while messages arrive: all comes once.
func TestWalks(t *testing.T) {
	w := newWorld(t)
	token := w.token("acme", access.Reading{})
	for i := range 7 {
		var ms []parlance.Message
		for j := range 5 {
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%d.%d", i, j)), Sender: "a", Text: "hello", Created: w.now - parlance.Time(j/2)})
		}
		w.put(parlance.ConversationID(fmt.Sprint("c", i)), parlance.Room, ms...)
	}
	for _, limit := range []int{1, 2, 3, 100} {
		for path, want := range map[string]int{
			"/archive/v1/conversations?": 7, "/archive/v1/coverage?": 7, "/archive/v1/conversations/c3/messages?": 5,
			"/archive/v1/conversations/c3/messages?order=asc&": 5, "/archive/v1/search?q=hello&": 35,
		} {
			seen := map[string]bool{}
			for cursor, pages := "", 0; ; pages++ {
				var page struct {
					Conversations []conversation
					Coverage      json.RawMessage
					Messages      []message
					Hits          []hit
					Cursor        string
				}
				if status, body := w.get(token, fmt.Sprintf("%slimit=%d", path, limit)+cursor, &page); status != 200 || pages > 50 {
					t.Fatalf("%s: %d %s", path, status, body)
				}
				name := func(id string) {
					if seen[id] {
						t.Errorf("%s by %d: %s comes twice", path, limit, id)
					}
					seen[id] = true
				}
				for _, c := range page.Conversations {
					name(string(c.ID))
				}
				if strings.HasPrefix(string(page.Coverage), "[") {
					var all []coverage
					if err := json.Unmarshal(page.Coverage, &all); err != nil {
						t.Fatal(err)
					}
					for _, c := range all {
						name(string(c.Conversation))
					}
				}
				for _, m := range page.Messages {
					name(string(m.ID))
				}
				for _, h := range page.Hits {
					name(string(h.Message.ID))
				}
				if page.Cursor == "" {
					break
				}
				cursor = "&cursor=" + page.Cursor
			}
			if len(seen) != want {
				t.Errorf("%s by %d: %d came, want %d", path, limit, len(seen), want)
			}
		}
	}
}

// TestRefusals asks wrongly: each is answered with what was wrong.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.put("c", parlance.Room, parlance.Message{ID: "m", Sender: "a", Text: "x", Created: w.now})
	token := w.token("acme", access.Reading{})
	var page struct{ Cursor string }
	w.put("d", parlance.Room)
	w.get(token, "/archive/v1/conversations?limit=1", &page)
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/archive/v1/nothing":                                                 {404, "no such call"},
		"/archive/v1/conversations?limt=3":                                    {400, `"limt"`},
		"/archive/v1/conversations?limit=0":                                   {400, "1 to 1000"},
		"/archive/v1/conversations?limit=1&limit=2":                           {400, "more than once"},
		"/archive/v1/conversations?kind=":                                     {400, "empty"},
		"/archive/v1/conversations?kind=chat":                                 {400, "want room"},
		"/archive/v1/conversations?cursor=zzz":                                {400, "cursor"},
		"/archive/v1/coverage?cursor=" + page.Cursor:                          {400, "another list"},
		"/archive/v1/conversations?kind=room&cursor=" + page.Cursor:           {400, "another list"},
		"/archive/v1/conversations/none/messages":                             {404, `"none"`},
		"/archive/v1/conversations/c/messages?order=up":                       {400, "asc, desc"},
		"/archive/v1/conversations/c/messages?from=yesterday":                 {400, "2026-11-05"},
		"/archive/v1/messages/m":                                              {400, "conversation"},
		"/archive/v1/messages/none?conversation=c":                            {404, `"none"`},
		"/archive/v1/search":                                                  {400, "q=QUERY"},
		"/archive/v1/search?q=form:x":                                         {400, "form"},
		"/archive/v1/search?q=x&zone=Nowhere":                                 {400, "Nowhere"},
		"/archive/v1/search?q=x&limit=201":                                    {400, "1 to 200"},
		"/archive/v1/search?q=x&cursor=AAAA":                                  {400, "cursor"},
		"/archive/v1/search?q=" + strings.Repeat("x", 3000):                   {400, "bytes"},
		"/archive/v1/conversations/" + strings.Repeat("x", 600) + "/messages": {404, "no conversation"},
	} {
		if status, body := w.get(token, path, nil); status != want.status || !strings.Contains(body, strings.ReplaceAll(want.says, `"`, `\"`)) {
			t.Errorf("%.80s: %d %s, want %d with %q", path, status, body, want.status, want.says)
		}
	}
	for _, bad := range []string{"", "wrong", token + "x"} {
		if status, _ := w.get(bad, "/archive/v1/nothing", nil); status != 401 {
			t.Errorf("token %q: %d", bad, status)
		}
	}
	resp, err := http.Post(w.url+"/archive/v1/conversations", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("POST without a token: %d", resp.StatusCode)
	}
	// A token that is revoked or has expired ends at once.
	_, secret, err := w.keeper.AddKey(t.Context(), "acme", access.Credential{Kind: access.ReadToken, Expires: w.now + 1000})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := w.get(secret, "/archive/v1/conversations", nil); status != 200 {
		t.Errorf("a new token: %d", status)
	}
	w.now += 2000
	if status, _ := w.get(secret, "/archive/v1/conversations", nil); status != 401 {
		t.Errorf("an expired token: %d", status)
	}
	var all []access.Credential
	for c, err := range w.keeper.Credentials(t.Context(), "acme") {
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind == access.ReadToken && c.Expires == 0 {
			all = append(all, c)
		}
	}
	for _, c := range all {
		if err := w.keeper.Revoke(t.Context(), "acme", c.ID); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := w.get(token, "/archive/v1/conversations", nil); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
}
