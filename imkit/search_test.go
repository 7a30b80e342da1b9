package imkit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"parlance"
	"parlance/imkit"
	"parlance/search"
	"parlance/store"
)

// searched returns the chat of [chat] with a search index.
func searched(t *testing.T) (w *world, alice, bob headers) {
	w, _, _ = chat(t)
	ix := search.Open(w.store, search.Options{})
	t.Cleanup(ix.Close)
	w.server = imkit.New(w.store, w.keeper, imkit.Options{Search: ix})
	return w, w.user(t, "alice"), w.user(t, "bob")
}

// find returns the ids of the messages that a keyword finds.
func (w *world) find(t *testing.T, h headers, kind, keyword, more string) []string {
	t.Helper()
	k, _ := json.Marshal(keyword)
	var found map[string][]struct {
		Room      struct{ Members []any }
		Messages  []string
		MessageID string
	}
	if err := json.Unmarshal(w.ok(t, "POST", "/search", h, fmt.Sprintf(`{"type":[%q],"keyword":%s%s}`, kind, k, more)), &found); err != nil {
		t.Fatal(err)
	}
	if found[kind] == nil {
		t.Fatalf("no array of %s", kind)
	}
	var ids []string
	for _, f := range found[kind] {
		ids = append(ids, f.Messages...)
	}
	return ids
}

func TestSearch(t *testing.T) {
	w, alice, bob := searched(t)
	w.room(t, parlance.Conversation{ID: "other", Title: "Other room", Created: start}, parlance.Member{Account: "mallory"})
	w.put(t, "other", store.Import, parlance.Message{ID: "o1", Sender: "mallory", Sent: start, Type: parlance.TypeText, Text: "refund elsewhere"})
	w.put(t, "r1", store.Import, parlance.Message{ID: "n1", Sender: "olga", Role: parlance.Agent, Sent: start, Type: parlance.TypeNote, Text: "refund note"})
	a := w.send(t, alice, `{"message":"Refund one"}`)
	b := w.send(t, alice, `{"message":"refund two from:bob -x \"quoted\""}`)
	c := w.send(t, bob, `{"message":"我要退款，谢谢"}`)
	d := w.send(t, bob, `{"message":"こんにちは、返金をお願いします"}`)
	recalled := w.send(t, bob, `{"message":"refund recalled"}`)
	w.ok(t, "POST", "/rooms/r1/message", bob, fmt.Sprintf(`{"_id":%q,"messageType":"recall"}`, recalled))
	gone := w.send(t, bob, `{"message":"refund deleted"}`)
	w.ok(t, "DELETE", "/rooms/r1/messages/"+gone, w.user(t, "olga"), nil)
	for _, q := range []struct {
		who           headers
		keyword, more string
		want          []string
	}{
		{alice, "refund", "", []string{a, b}},
		{alice, "refund", `,"limit":1`, []string{b}},
		{alice, "refund", `,"room":"r1"`, []string{a, b}},
		{alice, "refund", `,"roomTags":["none"]`, nil},
		{alice, "two REFUND", "", []string{b}},
		{alice, `from:bob -x "quoted"`, "", []string{b}},
		{alice, "退款", "", []string{c}},
		{alice, "返金", "", []string{d}},
		{alice, "elsewhere", "", nil},
		{w.user(t, "nobody"), "refund", "", nil},
		{w.key(""), "elsewhere", "", []string{"o1"}},
		{w.key(""), "refund", "", []string{"o1", a, b}},
	} {
		got := w.find(t, q.who, "messages", q.keyword, q.more)
		slices.Sort(q.want)
		sorted := slices.Sorted(slices.Values(got))
		if !slices.Equal(sorted, q.want) {
			t.Errorf("%q%s finds %v, want %v", q.keyword, q.more, got, q.want)
		}
	}
	w.ok(t, "POST", "/messages/user-delete", alice, fmt.Sprintf(`{"room":"r1","messages":[%q]}`, a))
	if got := w.find(t, alice, "messages", "refund", ""); !slices.Equal(got, []string{b}) {
		t.Errorf("with one hidden: %v", got)
	}
	if got := w.find(t, bob, "messages", "refund", ""); !slices.Equal(got, []string{a, b}) {
		t.Errorf("another's hidden one: %v", got)
	}
	all := fields(t, w.ok(t, "POST", "/search", alice, `{"type":["messages","files","roomName","roomMember","roomTags","roomPrefTags","roomPrefFolder"],"keyword":"room"}`))
	if len(all) != 7 {
		t.Errorf("%d types", len(all))
	}
	var rooms []struct{ ID string }
	if err := json.Unmarshal(all["roomName"], &rooms); err != nil || len(rooms) != 1 || rooms[0].ID != "r1" {
		t.Errorf("rooms = %s", all["roomName"])
	}
}

func TestSearchRefusals(t *testing.T) {
	w, alice, _ := searched(t)
	w.room(t, parlance.Conversation{ID: "other", Created: start}, parlance.Member{Account: "mallory"})
	for body, code := range map[string]string{
		`{"keyword":"x"}`:                                 "INVALID_SEARCH_TYPE",
		`{"type":[],"keyword":"x"}`:                       "INVALID_SEARCH_TYPE",
		`{"type":["people"],"keyword":"x"}`:               "INVALID_SEARCH_TYPE",
		`{"type":["messages"]}`:                           "MISSING_PARAMETER",
		`{"type":["messages"],"keyword":" "}`:             "MISSING_PARAMETER",
		`{"type":["messages"],"keyword":"x","limit":0}`:   "INVALID_PARAMETER",
		`{"type":["messages"],"keyword":"x","limit":101}`: "INVALID_PARAMETER",
		`{"type":"messages","keyword":"x"}`:               "INVALID_BODY",
	} {
		w.refused(t, 400, code, "POST", "/search", alice, body)
	}
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/search", alice, `{"type":["messages"],"keyword":"x","room":"other"}`)
	w.refused(t, 404, "ROOM_NOT_FOUND", "POST", "/search", alice, `{"type":["messages"],"keyword":"x","room":"none"}`)
	w.refused(t, 401, "INVALID_TOKEN", "POST", "/search", nil, `{"type":["messages"],"keyword":"x"}`)
	plain, user, _ := chat(t)
	plain.refused(t, 404, "NOT_FOUND", "POST", "/search", user, `{"type":["messages"],"keyword":"x"}`)
}
