package imkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parlance"
	"parlance/store"
)

// fields decodes an object.
func fields(t testing.TB, b json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	var o map[string]json.RawMessage
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return o
}

func text(t testing.TB, b json.RawMessage) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return s
}

// chat is a room with an owner and two members.
func chat(t testing.TB) (w *world, alice, bob headers) {
	w = open(t)
	w.room(t, parlance.Conversation{ID: "r1", Title: "Room", Owner: "olga", Created: start},
		parlance.Member{Account: "olga", Role: parlance.Owner},
		parlance.Member{Account: "alice", Role: parlance.MemberRole},
		parlance.Member{Account: "bob", Role: parlance.MemberRole})
	return w, w.user(t, "alice"), w.user(t, "bob")
}

// send sends a message and returns its id.
func (w *world) send(t testing.TB, h headers, body string) string {
	t.Helper()
	w.pass(1)
	return text(t, fields(t, w.ok(t, "POST", "/rooms/r1/message", h, body))["_id"])
}

func TestEditAndRecall(t *testing.T) {
	w, alice, bob := chat(t)
	id := w.send(t, alice, `{"messageType":"image","message":"old","originalUrl":"https://x/a.png","extra":{"k":1}}`)
	before := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, fmt.Sprintf(`{"_id":%q,"message":"old"}`, id)))
	if before["editedAt"] != nil {
		t.Errorf("an edit that changes nothing sets editedAt: %s", before["editedAt"])
	}
	w.pass(1000)
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "POST", "/rooms/r1/message", bob, fmt.Sprintf(`{"_id":%q,"message":"forged"}`, id))
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/rooms/r1/message", alice, `{"_id":"5f890cf37d980e06f6aaf349","message":"x"}`)
	edited := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, fmt.Sprintf(`{"_id":%q,"messageType":"text","message":"new"}`, id)))
	for name, want := range map[string]string{
		"message": `"new"`, "messageType": string(before["messageType"]), "originalUrl": `"https://x/a.png"`, "extra": `{"k":1}`,
		"createdAtMS": string(before["createdAtMS"]), "updatedAtMS": fmt.Sprint(int64(w.clock.Now())),
		"editedAt": `"` + w.clock.Now().String() + `"`,
	} {
		if string(edited[name]) != want {
			t.Errorf("edited: %s = %s, want %s", name, edited[name], want)
		}
	}
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "POST", "/rooms/r1/message", bob, fmt.Sprintf(`{"_id":%q,"messageType":"recall"}`, id))
	w.pass(1000)
	recalled := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, fmt.Sprintf(`{"roomId":"r1","_id":%q,"messageType":"recall"}`, id)))
	for name, want := range map[string]string{"message": `""`, "messageType": `"recall"`, "originalUrl": "", "extra": "", "editedAt": "", "createdAtMS": string(before["createdAtMS"]), "messageTimeMS": string(before["messageTimeMS"]), "updatedAtMS": fmt.Sprint(int64(w.clock.Now()))} {
		if string(recalled[name]) != want {
			t.Errorf("recalled: %s = %s, want %s", name, recalled[name], want)
		}
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/rooms/r1/message", alice, fmt.Sprintf(`{"_id":%q,"message":"back"}`, id))
	if p := w.page(t, "r1", "", bob); p.TotalCount != 1 || len(p.Data) != 1 || p.Data[0].MessageType != "recall" {
		t.Errorf("a recalled message leaves its place: %+v", p)
	}
}

func TestReply(t *testing.T) {
	w, alice, bob := chat(t)
	first := w.send(t, alice, `{"message":"first"}`)
	second := w.send(t, bob, fmt.Sprintf(`{"message":"second","reply":%q}`, first))
	third := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, fmt.Sprintf(`{"message":"third","reply":{"_id":%q}}`, second)))
	quoted := fields(t, third["reply"])
	if text(t, quoted["_id"]) != second || text(t, quoted["message"]) != "second" || text(t, fields(t, quoted["sender"])["_id"]) != "bob" {
		t.Errorf("reply = %s", third["reply"])
	}
	if quoted["reply"] != nil {
		t.Errorf("a reply is expanded more than once: %s", third["reply"])
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/rooms/r1/message", alice, `{"message":"x","reply":"5f890cf37d980e06f6aaf349"}`)
}

func TestReactions(t *testing.T) {
	w, alice, bob := chat(t)
	id := w.send(t, alice, `{"message":"hi"}`)
	for range 2 {
		w.ok(t, "POST", "/messages/"+id+"/reaction", bob, `{"reaction":"👍"}`)
	}
	got := fields(t, w.ok(t, "POST", "/messages/"+id+"/reaction", alice, `{"reaction":"👍"}`))
	if want := `[{"client":"bob","reaction":"👍"},{"client":"alice","reaction":"👍"}]`; string(got["reactions"]) != want || string(got["reactionCount"]) != "2" {
		t.Errorf("reactions = %s (%s)", got["reactions"], got["reactionCount"])
	}
	got = fields(t, w.ok(t, "DELETE", "/messages/"+id+"/reaction?reaction=%F0%9F%91%8D", bob, nil))
	if want := `[{"client":"alice","reaction":"👍"}]`; string(got["reactions"]) != want || got["editedAt"] != nil {
		t.Errorf("reactions = %s", got["reactions"])
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/messages/5f890cf37d980e06f6aaf349/reaction", alice, `{"reaction":"👍"}`)
	w.refused(t, 400, "INVALID_PARAMETER", "POST", "/messages/"+id+"/reaction", alice, `{}`)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/messages/"+id+"/reaction", w.user(t, "stranger"), `{"reaction":"👍"}`)
}

func TestHideAndDelete(t *testing.T) {
	w, alice, bob := chat(t)
	var ids []string
	for i := range 5 {
		ids = append(ids, w.send(t, alice, fmt.Sprintf(`{"message":"%d"}`, i)))
	}
	body := fmt.Sprintf(`{"room":"r1","messages":[%q,%q,"nosuch"]}`, ids[4], ids[1])
	if got := string(w.ok(t, "POST", "/messages/user-delete", bob, body)); got != `{"n":2,"nModified":2,"ok":1}` {
		t.Errorf("hidden: %s", got)
	}
	if got := string(w.ok(t, "POST", "/messages/user-delete", bob, body)); got != `{"n":2,"nModified":0,"ok":1}` {
		t.Errorf("hidden again: %s", got)
	}
	if p := w.page(t, "r1", "", bob); p.TotalCount != 5 || len(p.Data) != 5 || !p.Data[0].IsDeleted || len(p.UserDeletedIDs) != 2 {
		t.Errorf("documented: %+v", p)
	}
	p := w.page(t, "r1", "limit=2", bob.with("x-timezone", "UTC"))
	if p.TotalCount != 3 || fmt.Sprint(p.ids()) != fmt.Sprint([]string{ids[3], ids[2]}) || len(p.UserDeletedIDs) != 2 {
		t.Errorf("web: %+v", p)
	}
	if p := w.page(t, "r1", "", alice); p.TotalCount != 5 || len(p.UserDeletedIDs) != 0 || p.Data[0].IsDeleted {
		t.Errorf("others: %+v", p)
	}
	w.refused(t, 403, "INSUFFICIENT_PERMISSION", "DELETE", "/rooms/r1/messages/"+ids[0], alice, nil)
	got := fields(t, w.ok(t, "DELETE", "/rooms/r1/messages/"+ids[0], w.user(t, "olga"), nil))
	if string(got["deletedCount"]) != "1" || text(t, got["deletedBy"]) != "olga" {
		t.Errorf("deleted: %v", got)
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "DELETE", "/rooms/r1/messages/"+ids[0], w.key(""), nil)
	if p := w.page(t, "r1", "", alice); p.TotalCount != 4 || len(p.Data) != 4 {
		t.Errorf("after deletion: %+v", p)
	}
	// A deleted anchor still marks its place, unless the client would take another row for it.
	if p := w.page(t, "r1", "afterMessage="+ids[0]+"&limit=1", alice); len(p.Data) != 1 || p.Data[0].ID != ids[1] {
		t.Errorf("after the deleted one: %v", p.ids())
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "GET", "/rooms/r1/messages/v3?sortOrder=asc&afterMessage="+ids[0], alice, nil)
}

func TestPrivateNotes(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "shop", Kind: parlance.Shop, Customer: "cus"},
		parlance.Member{Account: "cus", Role: parlance.Customer}, parlance.Member{Account: "agent", Role: parlance.Agent})
	ms := w.put(t, "shop", store.Send,
		parlance.Message{Sender: "cus", Role: parlance.Customer, Type: parlance.TypeText, Text: "hello"},
		parlance.Message{Sender: "agent", Role: parlance.Agent, Type: parlance.TypeNote, Text: "difficult customer"})
	note := string(ms[1].ID)
	answer := w.put(t, "shop", store.Send, parlance.Message{Sender: "agent", Role: parlance.Agent, Type: parlance.TypeText, Text: "hi", Reply: ms[1].ID})
	customer, agent := w.user(t, "cus"), w.user(t, "agent")
	for name, h := range map[string]headers{"agent": agent, "API key": w.key("")} {
		if p := w.page(t, "shop", "", h); p.TotalCount != 3 || len(p.Data) != 3 {
			t.Errorf("%s sees %+v", name, p)
		}
	}
	a := w.call(t, "GET", "/rooms/shop/messages/v3", customer, nil)
	if strings.Contains(a.body, "difficult") || strings.Contains(a.body, note) || !strings.Contains(a.body, `"totalCount":2`) {
		t.Errorf("the customer sees %s", a.body)
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "GET", "/rooms/shop/messages/v3?beforeMessage="+note, customer, nil)
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/messages/"+note+"/reaction", customer, `{"reaction":"x"}`)
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "POST", "/rooms/shop/message", customer, fmt.Sprintf(`{"message":"x","reply":%q}`, note))
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "PUT", "/rooms/shop/lastRead", customer, fmt.Sprintf(`{"message":%q}`, note))
	if got := string(w.ok(t, "POST", "/messages/user-delete", customer, fmt.Sprintf(`{"room":"shop","messages":[%q]}`, note))); got != `{"n":0,"nModified":0,"ok":1}` {
		t.Errorf("hiding a note: %s", got)
	}
	if err := w.store.Hide(t.Context(), ref("shop"), "cus", answer[0].ID); err != nil {
		t.Fatal(err)
	}
	r := fields(t, w.ok(t, "GET", "/rooms/shop", customer, nil))
	if strings.Contains(string(r["lastMessage"]), "difficult") || text(t, fields(t, r["lastMessage"])["message"]) != "hello" || string(r["unread"]) != "2" {
		t.Errorf("room: %s unread, last %s", r["unread"], r["lastMessage"])
	}
	if list := w.call(t, "GET", "/rooms", customer, nil); strings.Contains(list.body, "difficult") {
		t.Errorf("list: %s", list.body)
	}
}

func TestPostMessageAsAdmin(t *testing.T) {
	w, alice, _ := chat(t)
	got := fields(t, w.ok(t, "POST", "/messages", w.key(""), `{"room":"r1","sender":"alice","message":"hi","messageType":"text","push":true,"skipTotalBadge":false}`))
	if string(got["sender"]) != `"alice"` || got["push"] != nil {
		t.Errorf("message = %v", got)
	}
	if p := w.page(t, "r1", "", alice); p.TotalCount != 1 {
		t.Errorf("page = %+v", p)
	}
	w.refused(t, 401, "INVALID_API_KEY", "POST", "/messages", alice, `{"room":"r1","message":"x"}`)
	w.refused(t, 400, "MISSING_PARAMETER", "POST", "/messages", w.key(""), `{"room":"r1","message":"x"}`)
	w.refused(t, 400, "MISSING_PARAMETER", "POST", "/messages", w.key(""), `{"message":"x"}`)
	w.refused(t, 404, "ROOM_NOT_FOUND", "POST", "/messages", w.key(""), `{"room":"nosuch","sender":"alice","message":"x"}`)
}

func TestWhoSpeaksForTheShop(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "shop", Kind: parlance.Shop, Customer: "cus"}, parlance.Member{Account: "boss", Role: parlance.Merchant})
	w.room(t, parlance.Conversation{ID: "r1"})
	for _, c := range []struct {
		room, sender string
		want         parlance.Role
	}{{"shop", "boss", parlance.Merchant}, {"shop", "cus", parlance.Customer}, {"shop", "clerk", parlance.Agent}, {"r1", "clerk", ""}} {
		id := text(t, fields(t, w.ok(t, "POST", "/rooms/"+c.room+"/message", w.key(c.sender), `{"message":"x"}`))["_id"])
		e, err := w.store.Message(t.Context(), ref(c.room), parlance.MessageID(id))
		if err != nil || e.Message.Role != c.want || string(e.Message.Sender) != c.sender {
			t.Errorf("%s in %s speaks as %q, %v", c.sender, c.room, e.Message.Role, err)
		}
	}
}

func TestSendRefusals(t *testing.T) {
	w, alice, _ := chat(t)
	for body, code := range map[string]string{
		``:                                 "MISSING_PARAMETER",
		`{}`:                               "MISSING_PARAMETER",
		`[]`:                               "INVALID_BODY",
		`{"message":"x"`:                   "INVALID_BODY",
		`{"message":"x"} {}`:               "INVALID_BODY",
		"{\"message\":\"\xff\"}":           "INVALID_BODY",
		`{"message":"x","mentions":"bob"}`: "INVALID_BODY",
		`{"message":"x","messageType":1}`:  "INVALID_BODY",
		`{"message":"x","reply":1}`:        "INVALID_BODY",
		`{"_id":1,"message":"x"}`:          "INVALID_BODY",
		`{"messageType":"recall"}`:         "MISSING_PARAMETER",
	} {
		w.refused(t, 400, code, "POST", "/rooms/r1/message", alice, body)
	}
	many := []byte(`{"message":"x"`)
	for i := range 60_000 {
		many = fmt.Appendf(many, `,"f%d":%d`, i, i)
	}
	w.ok(t, "POST", "/rooms/r1/message", alice, string(append(many, '}')))
	w.ok(t, "DELETE", "/rooms/r1/messages/"+w.page(t, "r1", "", alice).Data[0].ID, w.key(""), nil)
	w.refused(t, 413, "BODY_TOO_LARGE", "POST", "/rooms/r1/message", alice, `{"message":"`+strings.Repeat("x", 1<<20)+`"}`)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/r1/message", w.user(t, "stranger"), `{"message":"x"}`)
	w.ok(t, "PUT", "/rooms/r1", w.user(t, "olga"), `{"status":0}`)
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "POST", "/rooms/r1/message", alice, `{"message":"x"}`)
	if p := w.page(t, "r1", "", alice); p.TotalCount != 0 {
		t.Errorf("something was stored: %+v", p)
	}
}
