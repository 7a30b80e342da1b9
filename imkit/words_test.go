package imkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"parlance"
	"parlance/store"
)

func TestWordsOfTheAPIAreNoIDs(t *testing.T) {
	w, alice, _ := chat(t)
	// Some that stand already, from a mirror or from before.
	for _, id := range []string{"quitted", "ids", "invitations", "createAndJoin"} {
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(id)}, parlance.Member{Account: "alice"})
		for _, path := range []string{"/join", "/messages/v3", "/message", "/lastRead", "/members"} {
			method := map[string]string{"/messages/v3": "GET", "/lastRead": "PUT"}[path]
			if method == "" {
				method = "POST"
			}
			w.refused(t, 404, "NOT_FOUND", method, "/rooms/"+id+path, alice, nil)
		}
		w.refused(t, 404, "NOT_FOUND", "PUT", "/rooms/"+id, alice, nil)
		w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/createAndJoin", alice, fmt.Sprintf(`{"_id":%q}`, id))
	}
	w.refused(t, 404, "NOT_FOUND", "GET", "/rooms/quitted", alice, nil)
	w.refused(t, 404, "NOT_FOUND", "GET", "/rooms/createAndJoin", alice, nil)
	w.refused(t, 404, "NOT_FOUND", "DELETE", "/rooms/r1/messages/v3", w.key(""), nil)
	w.refused(t, 404, "NOT_FOUND", "POST", "/messages/user-delete/reaction", alice, `{"reaction":"+"}`)
	if got := string(w.ok(t, "GET", "/rooms/invitations", alice, nil)); got != `{"totalCount":0,"data":[]}` {
		t.Errorf("invitations: %s", got)
	}
	w.refused(t, 401, "INVALID_TOKEN", "GET", "/rooms/invitations", nil, nil)
}

func TestRoomIDs(t *testing.T) {
	w, alice, bob := chat(t)
	w.room(t, parlance.Conversation{ID: "r2", Created: start + 1}, parlance.Member{Account: "alice"})
	w.room(t, parlance.Conversation{ID: "r3", Created: start + 2}, parlance.Member{Account: "bob"})
	for _, c := range []struct {
		query string
		who   headers
		total int
		want  string
	}{
		{"", alice, 2, `["r2","r1"]`}, {"?skip=1&limit=1", alice, 2, `["r1"]`}, {"?limit=1", bob, 2, `["r3"]`}, {"?skip=9", bob, 2, `[]`}, {"", w.key(""), 3, `["r3","r2","r1"]`},
	} {
		got := fields(t, w.ok(t, "GET", "/rooms/ids"+c.query, c.who, nil))
		if string(got["totalCount"]) != fmt.Sprint(c.total) || string(got["data"]) != c.want {
			t.Errorf("%s: %s of %s, want %s of %d", c.query, got["data"], got["totalCount"], c.want, c.total)
		}
	}
	w.refused(t, 400, "INVALID_PARAMETER", "GET", "/rooms/ids?limit=x", alice, nil)
}

func TestDeletingAllMessagesOfARoom(t *testing.T) {
	w, alice, _ := chat(t)
	var ms []parlance.Message
	for i := range 1203 {
		ms = append(ms, withTimes(parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%04d", i)), Sender: "bob", Type: parlance.TypeText, Text: "x"}, int64(start)+int64(i)))
	}
	w.put(t, "r1", store.Import, ms...)
	w.refused(t, 403, "INSUFFICIENT_PERMISSION", "DELETE", "/rooms/r1/messages/_all", alice, nil)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "DELETE", "/rooms/r1/messages/_all", w.user(t, "stranger"), nil)
	w.refused(t, 404, "ROOM_NOT_FOUND", "DELETE", "/rooms/nosuch/messages/_all", w.key(""), nil)

	// A client that leaves stops the work, and the next call does what is left.
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, "DELETE", "/rooms/r1/messages/_all", nil)
	for k, v := range w.user(t, "olga") {
		r.Header.Set(k, v)
	}
	w.server.ServeHTTP(httptest.NewRecorder(), r)
	left := w.page(t, "r1", "limit=1", alice).TotalCount
	if left < 1203-32 {
		t.Errorf("%d messages are left after a client that had gone", left)
	}
	var got struct {
		DeletedCount                            int
		RoomID, MessageID, DeletedBy, DeletedAt string
	}
	if err := json.Unmarshal(w.ok(t, "DELETE", "/rooms/r1/messages/_all", w.user(t, "olga"), nil), &got); err != nil {
		t.Fatal(err)
	}
	if got.DeletedCount != left || got.RoomID != "r1" || got.MessageID != "_all" || got.DeletedBy != "olga" || got.DeletedAt == "" {
		t.Errorf("answer: %+v, want %d deleted", got, left)
	}
	if p := w.page(t, "r1", "", alice); p.TotalCount != 0 || len(p.Data) != 0 {
		t.Errorf("%d messages are left", p.TotalCount)
	}
	if _, err := w.store.Message(t.Context(), ref("r1"), "m0007"); !errors.Is(err, parlance.NotFound) {
		t.Errorf("m0007: %v", err)
	}
	w.send(t, alice, `{"message":"anew"}`)
	if p := w.page(t, "r1", "", alice); p.TotalCount != 1 {
		t.Errorf("the room holds %d messages after a new one", p.TotalCount)
	}
}

func TestRevokingReactions(t *testing.T) {
	w, alice, bob := chat(t)
	id := w.send(t, alice, `{"message":"x"}`)
	path := "/messages/" + id + "/reaction"
	react := func() {
		for _, r := range []string{"+", "-", "*"} {
			w.ok(t, "POST", path, alice, `{"reaction":"`+r+`"}`)
		}
		w.ok(t, "POST", path, bob, `{"reaction":"+"}`)
	}
	reactions := func(query string, body any) string {
		return string(fields(t, w.ok(t, "DELETE", path+query, alice, body))["reactions"])
	}
	react()
	if got := reactions("?reaction=-", nil); got != `[{"client":"alice","reaction":"+"},{"client":"alice","reaction":"*"},{"client":"bob","reaction":"+"}]` {
		t.Errorf("one: %s", got)
	}
	if got := reactions("", `{"reaction":"*"}`); got != `[{"client":"alice","reaction":"+"},{"client":"bob","reaction":"+"}]` {
		t.Errorf("one named in the body: %s", got)
	}
	react()
	if got := reactions("", nil); got != `[{"client":"bob","reaction":"+"}]` {
		t.Errorf("all of the caller's: %s", got)
	}
	w.refused(t, 400, "INVALID_PARAMETER", "DELETE", path+"?reaction=", alice, nil)
}
