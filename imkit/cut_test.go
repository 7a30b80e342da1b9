package imkit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"parlance"
	"parlance/imkit"
	"parlance/internal/enginetest"
	"parlance/store"
)

// A large message that many answer is shown whole once, and cut inside of the answers.
func TestRepliesAreCut(t *testing.T) {
	w, alice, _ := chat(t)
	long := strings.Repeat("x", 1_000_000)
	id := parlance.MessageID(text(t, fieldsOf(t, w, alice, `{"message":"`+long+`"}`)["_id"]))
	for range 10 {
		w.put(t, "r1", store.Send, many(100, parlance.Message{Sender: "alice", Type: parlance.TypeText, Text: "y", Reply: id})...)
	}
	body := w.raw("GET", "/rooms/r1/messages/v3?limit=1000", alice)
	if n := strings.Count(body, `"reply":{`); n != 1000 || len(body) > 8<<20 {
		t.Errorf("%d answers in %d bytes", n, len(body))
	}
	if !strings.Contains(body, `"truncated":true`) {
		t.Error("nothing says that the answered message is cut")
	}
	if p := w.raw("GET", "/rooms/r1/messages/v3?limit=1&sortOrder=asc", alice); !strings.Contains(p, long) {
		t.Error("the message itself is cut")
	}
}

func many(n int, m parlance.Message) []parlance.Message {
	ms := make([]parlance.Message, n)
	for i := range ms {
		ms[i] = m
	}
	return ms
}

// A page of large messages has all its rows and a bound in bytes; whoever asks for fewer gets them whole.
func TestPagesAreBounded(t *testing.T) {
	w, alice, _ := chat(t)
	small := w.put(t, "r1", store.Send, parlance.Message{Sender: "bob", Type: parlance.TypeText, Text: strings.Repeat("s", parlance.MaxShown/2)})
	for range 50 {
		w.put(t, "r1", store.Send, many(1, parlance.Message{Sender: "alice", Type: parlance.TypeText, Text: strings.Repeat("x", 1_000_000)})...)
	}
	body := w.raw("GET", "/rooms/r1/messages/v3?limit=1000", alice)
	whole, cut := strings.Count(body, strings.Repeat("x", 1_000_000)), strings.Count(body, `"truncated":true`)
	if whole+cut != 50 || cut == 0 || whole < 20 || len(body) > parlance.MaxPage+1<<20 {
		t.Errorf("%d whole, %d cut, %d bytes", whole, cut, len(body))
	}
	if !strings.Contains(body, small[0].Text) {
		t.Error("a small message is cut because of large ones")
	}
	seen := map[string]bool{}
	query := "limit=20"
	for {
		p := w.page(t, "r1", query, alice)
		if len(p.Data) == 0 {
			break
		}
		for _, m := range p.Data {
			if seen[m.ID] || m.ID != string(small[0].ID) && len(m.Message) != 1_000_000 {
				t.Fatalf("%s, of %d bytes", m.ID, len(m.Message))
			}
			seen[m.ID] = true
		}
		query = "limit=20&beforeMessage=" + p.Data[len(p.Data)-1].ID
	}
	if len(seen) != 51 {
		t.Errorf("%d messages", len(seen))
	}
}

// A list of rooms is bounded whatever rooms hold that were mirrored or imported.
func TestRoomListsAreBounded(t *testing.T) {
	w, alice, _ := chat(t)
	long := strings.Repeat("n", 300_000)
	for i := range 50 {
		id := fmt.Sprint("n", i)
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(id), Title: long, Description: long, Tags: []string{long}}, parlance.Member{Account: "alice"})
		w.put(t, id, store.Send, parlance.Message{Sender: "alice", Type: parlance.TypeText, Text: long})
	}
	body := w.raw("GET", "/rooms", alice)
	if n := strings.Count(body, `"roomType"`); n != 51 || len(body) > 2<<20 {
		t.Errorf("%d rooms in %d bytes", n, len(body))
	}
}

// A list of ids is bounded, and paged like that of rooms.
func TestRoomIDsAreBounded(t *testing.T) {
	if os.Getenv(enginetest.Variable) != "" {
		t.Skip("10,001 rooms are made in minutes on a cluster, and the bound is the same there")
	}
	w := open(t)
	var rooms []parlance.Conversation
	for i := range parlance.MaxRoomIDs + 1 {
		rooms = append(rooms, parlance.Conversation{ID: parlance.ConversationID(fmt.Sprint("n", i)), Kind: parlance.Room, Created: start})
	}
	if _, err := w.store.Create(t.Context(), workspace, rooms...); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"": parlance.MaxRoomIDs, "?skip=9999": 2, "?limit=20000&skip=1": parlance.MaxRoomIDs, "?limit=3": 3} {
		var page imkit.RoomIDPage
		if err := json.Unmarshal(w.ok(t, "GET", "/rooms/ids"+query, w.key(""), nil), &page); err != nil {
			t.Fatal(err)
		}
		if page.TotalCount != len(rooms) || len(page.Data) != want {
			t.Errorf("%s: %d ids of %d", query, len(page.Data), page.TotalCount)
		}
	}
}

// What a customer is shown of how far others have read never names a note of the staff.
func TestLastReadHidesNotes(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "shop", Kind: parlance.Shop, Customer: "cus"},
		parlance.Member{Account: "boss", Role: parlance.Merchant}, parlance.Member{Account: "cus", Role: parlance.Customer})
	said := w.put(t, "shop", store.Send, parlance.Message{Sender: "boss", Role: parlance.Merchant, Type: parlance.TypeText, Text: "hello"})[0].ID
	note := w.put(t, "shop", store.Send, parlance.Message{Sender: "boss", Role: parlance.Merchant, Type: parlance.TypeNote, Text: "careful"})[0].ID
	for _, who := range []string{"boss", "cus"} { // the second by an API key
		w.ok(t, "PUT", "/rooms/shop/lastRead", w.key(who), `{"message":"`+string(note)+`"}`)
	}
	for _, path := range []string{"/rooms/shop", "/rooms", "/rooms/shop/messages/v3"} {
		if body := w.raw("GET", path, w.user(t, "cus")); strings.Contains(body, string(note)) || !strings.Contains(body, string(said)) {
			t.Errorf("%s shows a customer %s", path, body)
		}
	}
	var r struct{ LastRead string }
	if err := json.Unmarshal(w.ok(t, "PUT", "/rooms/shop/lastRead", w.user(t, "cus"), `{}`), &r); err != nil || r.LastRead != string(said) {
		t.Errorf("the customer has read %q, %v", r.LastRead, err)
	}
	if body := w.raw("GET", "/rooms/shop", w.user(t, "boss")); !strings.Contains(body, string(note)) {
		t.Errorf("the staff isn't shown what it has read: %s", body)
	}
}
