package imkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imkit"
	"parlance/store"
)

// client returns a client of w's server over a real connection.
func (w *world) client(t *testing.T, c imkit.Credentials) *imkit.Client {
	t.Helper()
	server := httptest.NewServer(w.server)
	t.Cleanup(server.Close)
	client, err := imkit.NewClient(server.URL+"/", c.Provide, imkit.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (w *world) credentials(t *testing.T, user string) imkit.Credentials {
	h := w.user(t, user)
	return imkit.Credentials{ClientKey: h["IM-CLIENT-KEY"], Token: h["IM-Authorization"]}
}

// must returns v, and fails the test if there is an error.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Each call of a client, answered by our own server.
func TestClientRoundTrip(t *testing.T) {
	w, ctx := open(t), t.Context()
	admin := w.client(t, imkit.Credentials{APIKey: w.secrets.APIKey})
	record, err := admin.PutUser(ctx, imkit.UserDraft{ID: "ann", Nickname: "Ann", IssueAccessToken: true})
	ann := w.client(t, imkit.Credentials{ClientKey: w.secrets.ClientKey, Token: must(t, record, err).Token})
	room, err := admin.CreateRoom(ctx, imkit.RoomDraft{ID: "a room/é", Name: "Room", Members: []string{"ann"}, Owner: "ann"})
	if must(t, room, err).ID != "a room/é" || !slices.Equal(room.Members.IDs, []string{"ann"}) {
		t.Errorf("room = %+v", room)
	}
	id := room.ID
	room, err = ann.AddMembers(ctx, id, false, "ben")
	if must(t, room, err); len(room.Members.Users) != 2 {
		t.Errorf("room = %+v", room)
	}
	me, err := ann.Me(ctx)
	if must(t, me, err).ID != "ann" || me.Nickname != "Ann" {
		t.Errorf("me = %+v", me)
	}
	first, err := ann.Send(ctx, id, imkit.Draft{Message: "hi @ben", Mentions: []string{"ben"}})
	must(t, first, err)
	w.pass(5)
	second, err := ann.Send(ctx, id, imkit.Draft{Message: "re", Reply: first.ID, Extra: map[string]int64{"n": 9007199254740993}})
	if must(t, second, err).Reply == nil || second.Reply.ID != first.ID || string(second.Extra) != `{"n":9007199254740993}` {
		t.Errorf("second = %s", second.Raw)
	}
	edited, err := ann.Edit(ctx, id, first.ID, imkit.Draft{Message: "hi"})
	if must(t, edited, err).Message != "hi" || edited.EditedAt == "" {
		t.Errorf("edited = %s", edited.Raw)
	}
	reacted, err := ann.React(ctx, first.ID, "👍")
	if must(t, reacted, err).ReactionCount != 1 {
		t.Errorf("reacted = %s", reacted.Raw)
	}
	if reacted, err = ann.Unreact(ctx, first.ID, "👍"); must(t, reacted, err).ReactionCount != 0 {
		t.Errorf("unreacted = %s", reacted.Raw)
	}
	recalled, err := ann.Recall(ctx, id, second.ID)
	if must(t, recalled, err).MessageType != "recall" {
		t.Errorf("recalled = %s", recalled.Raw)
	}
	posted, err := admin.Post(ctx, id, imkit.Draft{Message: "from above", Sender: "ben"})
	if must(t, posted, err).Sender.ID != "ben" { // which is an id here
		t.Errorf("posted = %s", posted.Raw)
	}
	hidden, err := ann.Hide(ctx, id, first.ID)
	if must(t, hidden, err).N != 1 {
		t.Errorf("hidden = %+v", hidden)
	}
	page, err := ann.Messages(ctx, id, imkit.HistoryQuery{Limit: 2, TimeRangeField: "createdAt"})
	if must(t, page, err).TotalCount != 3 || len(page.Data) != 2 || page.Data[0].ID != posted.ID || !slices.Equal(page.UserDeletedIDs, []string{first.ID}) {
		t.Errorf("page = %+v", page)
	}
	page, err = ann.Messages(ctx, id, imkit.HistoryQuery{BeforeMessage: page.Data[1].ID, TimeRangeField: "createdAt"})
	if must(t, page, err); len(page.Data) != 1 || page.Data[0].ID != first.ID || !page.Data[0].IsDeleted {
		t.Errorf("page = %+v", page)
	}
	deleted, err := ann.Delete(ctx, id, second.ID)
	if must(t, deleted, err).DeletedCount != 1 {
		t.Errorf("deleted = %+v", deleted)
	}
	read, err := ann.SetLastRead(ctx, id, posted.ID)
	if must(t, read, err).LastRead != posted.ID {
		t.Errorf("read = %+v", read)
	}
	rooms, err := ann.Rooms(ctx, imkit.RoomsQuery{Limit: 10})
	if must(t, rooms, err).TotalCount != 1 || rooms.Data[0].ID != id {
		t.Errorf("rooms = %+v", rooms)
	}
	got, err := ann.Room(ctx, id)
	if must(t, got, err).Name != "Room" || got.Owner.ID != "ann" {
		t.Errorf("room = %+v", got)
	}
	if room, err = ann.RemoveMembers(ctx, id, true, "ben"); len(must(t, room, err).Members.Users) != 1 {
		t.Errorf("room = %+v", room)
	}
	_, err = ann.Room(ctx, "nosuch")
	if !errors.Is(err, parlance.NotFound) || imkit.ErrorCode(err) != "ROOM_NOT_FOUND" {
		t.Errorf("unknown room: %v", err)
	}
	if err := admin.RevokeToken(ctx, "ann", ""); err != nil {
		t.Error(err)
	}
	if _, err = ann.Me(ctx); !errors.Is(err, parlance.Unauthenticated) {
		t.Errorf("a revoked token: %v", err)
	}
	if _, err = admin.ReplaceToken(ctx, "nobody", "x", ""); imkit.ErrorCode(err) != "CLIENT_NOT_FOUND" {
		t.Errorf("flat form: %v", err)
	}
}

// A secret that is changed is used at once, and is told to nobody.
func TestCredentials(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "r"}, parlance.Member{Account: "ann"})
	good, current := w.credentials(t, "ann"), imkit.Credentials{ClientKey: w.secrets.ClientKey, Token: "secret-old"}
	server := httptest.NewServer(w.server)
	defer server.Close()
	c := must2(imkit.NewClient(server.URL, func(context.Context) (imkit.Credentials, error) { return current, nil }, imkit.ClientOptions{}))(t)
	if _, err := c.Me(t.Context()); !errors.Is(err, parlance.Unauthenticated) {
		t.Errorf("got %v", err)
	}
	current = good
	if _, err := c.Me(t.Context()); err != nil {
		t.Error(err)
	}
	for _, shown := range []string{fmt.Sprint(good), fmt.Sprintf("%+v %#v %v", good, good, &good), good.LogValue().String()} {
		if strings.Contains(shown, good.Token) || strings.Contains(shown, good.ClientKey) {
			t.Errorf("told: %s", shown)
		}
	}
	echo := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(401)
		fmt.Fprintf(rw, `{"RC":401,"RM":"no","error":{"code":"INVALID_TOKEN","message":"bad token %s"}}`, r.Header.Get("IM-Authorization"))
	}))
	defer echo.Close()
	_, err := must2(imkit.NewClient(echo.URL, good.Provide, imkit.ClientOptions{}))(t).Me(t.Context())
	if err == nil || strings.Contains(err.Error(), good.Token) {
		t.Errorf("the error tells the token: %v", err)
	}
	source := imkit.NewSource(c)
	for address, want := range map[string]bool{server.URL + "/files/a/b": true, "http://elsewhere.test/files/a/b": false, strings.Replace(server.URL, "http:", "https:", 1): false} {
		r := &http.Request{URL: must2(url.Parse(address))(t), Header: http.Header{}}
		if source.Authorize(r); (r.Header.Get("IM-Authorization") != "") != want {
			t.Errorf("%s: headers %v", address, len(r.Header))
		}
	}
}

func must2[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { return must(t, v, err) }
}

// All of a store, read through our own server, is what the server shows, byte for byte.
func TestSourceReadsOurOwnServer(t *testing.T) {
	w, ctx := open(t), t.Context()
	want := map[string]int{}
	for r := range 3 {
		id := fmt.Sprintf("room %d", r)
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(id), Title: "T", Owner: "ann"}, parlance.Member{Account: "ann", Role: parlance.Owner}, parlance.Member{Account: "ben"})
		var ms []parlance.Message
		for i := range 150 * r {
			at := start + parlance.Time(i/7)
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%d-%d", r, i)), Sender: "ann", Type: parlance.TypeText, Text: "t", Sent: at, Created: at, Updated: at + parlance.Time(i%3)})
		}
		if len(ms) > 0 {
			w.put(t, id, store.Mirror, ms...)
		}
		want[id] = len(ms)
	}
	for _, credentials := range []imkit.Credentials{w.credentials(t, "ann"), {APIKey: w.secrets.APIKey}} {
		source := imkit.NewSource(w.client(t, credentials))
		account, err := source.Account(ctx)
		if must(t, account, err) != map[bool]string{true: "ann"}[credentials.Token != ""] {
			t.Errorf("account %q", account)
		}
		found := map[string]int{}
		for s, err := range source.Streams(ctx) {
			if must(t, s, err); s.Conversation.Owner != "ann" || len(s.Members) != 2 || s.Hint == "" || bytes.Contains(s.Conversation.Native.JSON, []byte("unread")) {
				t.Errorf("stream %+v", s)
			}
			ids := map[parlance.MessageID]bool{}
			for page, err := range source.Walk(ctx, s.ID, updated) {
				must(t, page, err)
				for _, i := range page.Items {
					if i.Err != nil || i.Message.Native.Dialect != parlance.IMKit {
						t.Fatalf("item %+v", i)
					}
					ids[i.Message.ID] = true
				}
				if len(page.Gaps)+len(page.Findings) > 0 {
					t.Errorf("gaps %v, findings %v", page.Gaps, page.Findings)
				}
			}
			found[string(s.ID)] = len(ids)
		}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Errorf("found %v, want %v", found, want)
		}
	}
	source := imkit.NewSource(w.client(t, w.credentials(t, "ann")), "room 1", "nosuch")
	var named []history.StreamID
	for s, err := range source.Streams(ctx) {
		named = append(named, must(t, s, err).ID)
	}
	if len(named) != 2 {
		t.Errorf("named %v", named)
	}
	changed := 0
	for page, err := range source.Changes(ctx, "room 1", start+19) {
		changed += len(must(t, page, err).Items)
	}
	if changed == 0 || changed > 40 {
		t.Errorf("%d changes", changed)
	}
}
