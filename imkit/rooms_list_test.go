package imkit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"parlance"
	"parlance/store"
)

// TestRoomsOfTheWorkspaceByActivity finds that an API key's list by last activity, of which no more is read than is shown, has
// the rooms and the total that the list has which is read whole, page by page, while rooms are frozen and freed.
func TestRoomsOfTheWorkspaceByActivity(t *testing.T) {
	w := open(t)
	kinds := []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}
	for i := range 23 {
		id := fmt.Sprintf("r%02d", i)
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(id), Kind: kinds[i%3], Frozen: i%5 == 4, Created: start - 1000 + parlance.Time(i)})
		if i%4 != 0 {
			w.put(t, id, store.Import, parlance.Message{ID: "m", Sender: "a", Sent: start + parlance.Time(i*7%23)*100_000})
		}
	}
	if err := w.store.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := func(path string) (p struct {
		TotalCount int
		Data       []string
	},
	) {
		t.Helper()
		if err := json.Unmarshal(w.ok(t, "GET", path, w.key(""), nil), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	compare := func(total int) {
		t.Helper()
		whole := list("/rooms/ids?sort=-lastMessage+-createdTime")
		if whole.TotalCount != total || len(whole.Data) != total {
			t.Fatalf("%d of %d rooms, want %d", len(whole.Data), whole.TotalCount, total)
		}
		for skip := 0; skip <= total+3; skip += 3 {
			p := list(fmt.Sprintf("/rooms/ids?limit=4&skip=%d", skip))
			if want := whole.Data[min(skip, total):min(skip+4, total)]; p.TotalCount != total || !slices.Equal(p.Data, want) {
				t.Errorf("from %d: %v of %d, want %v of %d", skip, p.Data, p.TotalCount, want, total)
			}
		}
	}
	freeze := func(id string, frozen bool) {
		t.Helper()
		if _, err := w.store.UpdateConversation(t.Context(), ref(id), func(c *parlance.Conversation) error { c.Frozen = frozen; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	compare(19)
	freeze("r04", false)
	compare(20)
	freeze("r05", true)
	freeze("r06", true)
	compare(18)
	w.room(t, parlance.Conversation{ID: "new", Frozen: true})
	w.room(t, parlance.Conversation{ID: "newer"})
	compare(19)
}
