package imkit_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/imkit"
	"parlance/store"
)

func TestPageRefusals(t *testing.T) {
	w, alice, _ := chat(t)
	for _, query := range []string{
		"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=1&limit=2", "limit=99999999999999999999",
		"sortOrder=up", "sortOrder=", "timeRangeField=sent", "timeRangeField=", "afterTime=yesterday", "afterTime=",
		"afterTime=253402300800000", "afterTime=2020-13-01", "beforeMessage=", "afterMessage=", "limit=%zz",
	} {
		w.refused(t, 400, "INVALID_PARAMETER", "GET", "/rooms/r1/messages/v3?"+query, alice, nil)
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "GET", "/rooms/r1/messages/v3?afterMessage=alice", alice, nil)
	if p := w.page(t, "r1", "limit=1000&unknown=1", alice); p.TotalCount != 0 || p.Data == nil || p.UserDeletedIDs == nil {
		t.Errorf("empty room: %+v", p)
	}
}

func TestTimezoneRuleCanBeTurnedOff(t *testing.T) {
	w := newWorld(t, imkit.Options{IgnoreTimezone: true})
	w.room(t, parlance.Conversation{ID: "r1"}, parlance.Member{Account: "alice"})
	w.put(t, "r1", store.Mirror,
		parlance.Message{ID: "a", Sender: "alice", Type: parlance.TypeText, Sent: 1, Created: 1, Updated: 9},
		parlance.Message{ID: "b", Sender: "alice", Type: parlance.TypeText, Sent: 2, Created: 2, Updated: 2})
	p := w.page(t, "r1", "", w.user(t, "alice").with("x-timezone", "UTC"))
	if fmt.Sprint(p.ids()) != "[a b]" {
		t.Errorf("order = %v", p.ids())
	}
}

func TestInspectNamesTheAnchors(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "r1"}, parlance.Member{Account: "alice"})
	for i := range 3 {
		w.put(t, "r1", store.Mirror, withTimes(parlance.Message{ID: parlance.MessageID(fmt.Sprint("m", i)), Sender: "alice", Type: parlance.TypeText}, int64(i+1)*1000))
	}
	p := w.page(t, "r1", "sortOrder=desc&beforeMessage=m2&afterMessage=m0", w.user(t, "alice"))
	want := `{"appID":"sampleapp","room":"r1","$and":[` +
		`{"$or":[{"createdAt":{"$lt":"1970-01-01T00:00:03.000Z"}},{"createdAt":"1970-01-01T00:00:03.000Z","_id":{"$lte":"m2"}}]},` +
		`{"$or":[{"createdAt":{"$gt":"1970-01-01T00:00:01.000Z"}},{"createdAt":"1970-01-01T00:00:01.000Z","_id":{"$gte":"m0"}}]}]}`
	if string(p.Inspect.Query) != want || fmt.Sprint(p.ids()) != "[m2 m1 m0]" {
		t.Errorf("%v %s", p.ids(), p.Inspect.Query)
	}
}

func TestAPageOfAThousand(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "r1"}, parlance.Member{Account: "alice"})
	alice := w.user(t, "alice")
	var ms []parlance.Message
	for i := range 1700 {
		ms = append(ms, withTimes(parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%04d", i)), Sender: "alice", Type: parlance.TypeText}, int64(start)+int64(i/7)))
	}
	w.put(t, "r1", store.Mirror, ms...)
	for _, limit := range []int{1, 99, 100, 101, 999, 1000} {
		if p := w.page(t, "r1", fmt.Sprint("limit=", limit), alice); len(p.Data) != limit || p.TotalCount != 1700 {
			t.Errorf("limit %d: %d rows of %d", limit, len(p.Data), p.TotalCount)
		}
	}
	var hide []parlance.MessageID
	for i := 1000; i < 1690; i++ {
		hide = append(hide, ms[i].ID)
	}
	if err := w.store.Hide(t.Context(), ref("r1"), "alice", hide...); err != nil {
		t.Fatal(err)
	}
	p := w.page(t, "r1", "limit=1000", alice.with("x-timezone", "UTC"))
	if len(p.Data) != 1000 || p.TotalCount != 1010 || len(p.UserDeletedIDs) != 690 || p.Data[10].ID != "m0999" {
		t.Errorf("after hiding: %d rows of %d, %d ids, row 10 is %s", len(p.Data), p.TotalCount, len(p.UserDeletedIDs), p.Data[10].ID)
	}
}

// A page that was kept is never served once anything that it shows has changed.
func TestKeptPagesAreFresh(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	w.room(t, parlance.Conversation{ID: "r1", Kind: parlance.Shop}, parlance.Member{Account: "agent", Role: parlance.Agent})
	agent := w.user(t, "agent")
	note := w.put(t, "r1", store.Send, parlance.Message{Sender: "agent", Role: parlance.Agent, Type: parlance.TypeNote, Text: "note"})[0]
	for i, step := range []struct {
		change func() error
		want   string
	}{
		{func() error { return nil }, `"totalCount":1`},
		{func() error {
			_, err := w.store.UpdateAccount(ctx, workspace, "agent", func(a *parlance.Account) error { a.Name = "New Name"; return nil })
			return err
		}, `"nickname":"New Name"`},
		{func() error { return w.store.Hide(ctx, ref("r1"), "agent", note.ID) }, `"isDeleted":true`},
		{func() error {
			_, err := w.store.Change(ctx, ref("r1"), note.ID, func(m *parlance.Message) error { m.Text = "other"; return nil })
			return err
		}, `"message":"other"`},
		{func() error {
			_, err := w.store.UpdateMember(ctx, ref("r1"), "agent", func(m *parlance.Member) error { m.Role = parlance.MemberRole; return nil })
			return err
		}, `"totalCount":0`},
		{func() error { return w.store.RemoveMember(ctx, ref("r1"), "agent") }, `NOT_ROOM_MEMBER`},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if a := w.call(t, "GET", "/rooms/r1/messages/v3", agent, nil); !strings.Contains(a.body, step.want) {
				t.Errorf("step %d: %s lacks %s", i, a.body, step.want)
			}
		}
	}
}

// What many send at once is found once each by somebody who walks up meanwhile.
func TestWalkWhileManySend(t *testing.T) {
	w, alice, bob := chat(t)
	const writers, each = 4, 25
	first := w.send(t, alice, `{"message":"first"}`)
	var sending sync.WaitGroup
	for range writers {
		sending.Go(func() {
			for range each {
				w.call(t, "POST", "/rooms/r1/message", alice, `{"message":"one of many"}`)
			}
		})
	}
	done := make(chan struct{})
	go func() { sending.Wait(); close(done) }()
	seen := map[string]bool{first: true}
	last := row{ID: first}
	for finished := false; ; {
		p := w.page(t, "r1", "limit=7&sortOrder=asc&afterMessage="+last.ID, bob)
		for _, r := range p.Data[1:] {
			if seen[r.ID] || r.CreatedAtMS <= last.CreatedAtMS {
				t.Errorf("%s at %d came after %s at %d", r.ID, r.CreatedAtMS, last.ID, last.CreatedAtMS)
			}
			seen[r.ID] = true
			last = r
		}
		if len(p.Data) > 1 {
			continue
		}
		if finished {
			break
		}
		<-done
		finished = true
	}
	if len(seen) != writers*each+1 {
		t.Errorf("saw %d messages of %d", len(seen), writers*each+1)
	}
}
