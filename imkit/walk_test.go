package imkit_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/store"
)

// A model is a room as a plain slice: the messages that aren't deleted, and what the
// reader hid.
type model struct {
	w       *world
	room    string
	began   parlance.Time
	reader  headers
	staff   bool // the reader sees notes
	live    map[parlance.MessageID]parlance.Message
	hidden  map[parlance.MessageID]bool
	written int
}

// newModel makes a room of its own in w.
func newModel(t *rapid.T, w *world) *model {
	m := &model{
		w:      w,
		room:   fmt.Sprintf("room %d/%d", w.clock.Advance(10*time.Millisecond), w.rooms.Add(1)),
		staff:  rapid.Bool().Draw(t, "staff"),
		live:   map[parlance.MessageID]parlance.Message{},
		hidden: map[parlance.MessageID]bool{},
	}
	m.began = w.clock.Now()
	role := parlance.Customer
	if m.staff {
		role = parlance.Agent
	}
	m.w.room(t, parlance.Conversation{ID: parlance.ConversationID(m.room), Kind: parlance.Shop}, parlance.Member{Account: "reader", Role: role})
	m.reader = m.w.user(t, "reader")
	return m
}

// write does one random thing to the room.
func (m *model) write(t *rapid.T) {
	ctx := context.Background()
	m.w.pass(int64(rapid.IntRange(0, 3).Draw(t, "pass")))
	kind := rapid.IntRange(0, 9).Draw(t, "write")
	if len(m.live) == 0 {
		kind = 0
	}
	switch {
	case kind <= 5:
		m.written++
		at := m.began + parlance.Time(rapid.IntRange(-4, 4).Draw(t, "created"))
		message := parlance.Message{
			ID: parlance.MessageID(fmt.Sprintf("%02x%d", rapid.IntRange(0, 255).Draw(t, "id"), m.written)), Sender: "a",
			Type: parlance.TypeText, Text: "text", Created: at,
			Sent:    at - parlance.Time(rapid.IntRange(0, 3).Draw(t, "sent")),
			Updated: at + parlance.Time(rapid.IntRange(0, 3).Draw(t, "updated")),
		}
		if rapid.IntRange(0, 3).Draw(t, "note") == 0 {
			message.Type, message.Role = parlance.TypeNote, parlance.Agent
		}
		mode := rapid.SampledFrom([]store.Mode{store.Send, store.Mirror, store.Import}).Draw(t, "mode")
		stored := m.w.put(t, m.room, mode, message)[0]
		m.live[stored.ID] = stored
	case kind == 6:
		id := m.draw(t)
		if err := m.w.store.Hide(ctx, ref(m.room), "reader", id); err != nil {
			t.Fatal(err)
		}
		m.hidden[id] = true
	default:
		out, err := m.w.store.Change(ctx, ref(m.room), m.draw(t), func(x *parlance.Message) error {
			switch kind {
			case 7:
				x.Text += "!"
			case 8:
				x.State = parlance.Recalled
			default:
				x.State = parlance.Deleted
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if x := out.Entry.Message; x.State == parlance.Deleted {
			delete(m.live, x.ID)
		} else {
			m.live[x.ID] = x
		}
	}
}

// draw returns one of the messages that are there.
func (m *model) draw(t *rapid.T) parlance.MessageID {
	ids := make([]parlance.MessageID, 0, len(m.live))
	for id := range m.live {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "message")
}

// visible returns what the reader may see, newest first in the given order.
func (m *model) visible(tl parlance.Timeline) []parlance.Message {
	var vs []parlance.Message
	for _, x := range m.live {
		if m.staff || !x.Private() {
			vs = append(vs, x)
		}
	}
	slices.SortFunc(vs, func(a, b parlance.Message) int { return b.Position(tl).Compare(a.Position(tl)) })
	return vs
}

// A speech is one of the ways in which clients ask.
type speech struct {
	order    string // sortOrder
	field    string // timeRangeField
	timezone bool
}

func (s speech) web() bool { return s.order != "" || s.timezone }

// timeline is the order that the rules give, for requests without afterTime.
func (s speech) timeline() parlance.Timeline {
	switch {
	case s.field == "createdAt":
		return parlance.ByCreated
	case s.field == "messageTime":
		return parlance.BySent
	case s.field == "" && s.web():
		return parlance.ByCreated
	}
	return parlance.ByUpdated
}

func (s speech) values(limit int) url.Values {
	v := url.Values{"limit": {strconv.Itoa(limit)}}
	if s.order != "" {
		v.Set("sortOrder", s.order)
	}
	if s.field != "" {
		v.Set("timeRangeField", s.field)
	}
	return v
}

func (s speech) headers(h headers) headers {
	if s.timezone {
		return h.with("x-timezone", "Asia/Taipei")
	}
	return h
}

func drawSpeech(t *rapid.T) speech {
	return speech{
		order:    rapid.SampledFrom([]string{"", "", "desc", "asc"}).Draw(t, "sortOrder"),
		field:    rapid.SampledFrom([]string{"", "", "updatedAt", "createdAt", "messageTime"}).Draw(t, "timeRangeField"),
		timezone: rapid.Bool().Draw(t, "x-timezone"),
	}
}

// Any page of any query is what the rules say, read off a plain slice.
func TestPagesAreWhatTheModelSays(t *testing.T) {
	w := open(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, w)
		for range rapid.IntRange(1, 25).Draw(t, "writes") {
			m.write(t)
		}
		for range 8 {
			m.checkPage(t)
		}
	})
}

func (m *model) checkPage(t *rapid.T) {
	s := drawSpeech(t)
	limit := rapid.IntRange(1, 8).Draw(t, "limit")
	values := s.values(limit)
	tl := s.timeline()
	shown := func(x parlance.Message) bool { return !s.web() || !m.hidden[x.ID] }

	var before, after *parlance.Message
	for name, to := range map[string]**parlance.Message{"beforeMessage": &before, "afterMessage": &after} {
		if vs := m.visible(tl); len(vs) > 0 && rapid.IntRange(0, 2).Draw(t, name) == 0 {
			x := rapid.SampledFrom(vs).Draw(t, name)
			*to = &x
			values.Set(name, string(x.ID))
		}
	}
	var later *parlance.Time
	if rapid.IntRange(0, 3).Draw(t, "afterTime") == 0 {
		at := m.began + parlance.Time(rapid.IntRange(-5, 5).Draw(t, "after"))
		later = &at
		values.Set("afterTime", strconv.FormatInt(int64(at), 10))
		if s.field == "" && s.order == "" {
			tl = parlance.ByUpdated
		}
	}

	var want []parlance.MessageID
	total := 0
	vs := m.visible(tl)
	for _, x := range vs {
		if shown(x) {
			total++
		}
		p := x.Position(tl)
		anchored := s.order != "" && (before != nil && x.ID == before.ID || after != nil && x.ID == after.ID)
		switch {
		case later != nil && p.Time <= *later,
			before != nil && p.Compare(before.Position(tl)) >= 0 && !(anchored && x.ID == before.ID),
			after != nil && p.Compare(after.Position(tl)) <= 0 && !(anchored && x.ID == after.ID),
			!shown(x) && !anchored:
			continue
		}
		want = append(want, x.ID)
	}
	fromBelow := s.order == "asc"
	if (before == nil) != (after == nil) {
		fromBelow = before == nil
	}
	switch {
	case len(want) <= limit:
	case fromBelow:
		want = want[len(want)-limit:]
	default:
		want = want[:limit]
	}
	if s.order == "asc" {
		slices.Reverse(want)
	}

	p := m.w.page(t, m.room, values.Encode(), s.headers(m.reader))
	got := p.ids()
	if !slices.EqualFunc(got, want, func(g string, w parlance.MessageID) bool { return g == string(w) }) {
		t.Fatalf("%s %+v:\n got %v\nwant %v", values.Encode(), s, got, want)
	}
	if p.TotalCount != total {
		t.Fatalf("%s %+v: totalCount = %d, want %d", values.Encode(), s, p.TotalCount, total)
	}
	if len(p.UserDeletedIDs) != len(m.hidden) {
		t.Fatalf("userDeletedIDs = %v, want %d", p.UserDeletedIDs, len(m.hidden))
	}
	for _, r := range p.Data {
		if r.IsDeleted != m.hidden[parlance.MessageID(r.ID)] {
			t.Fatalf("row %s: isDeleted = %v", r.ID, r.IsDeleted)
		}
	}
}

// A walk, in any way a client may walk, loses and doubles nothing that was there when
// it began, whatever is written meanwhile. Under updatedAt a message that changes moves
// above the walk, where the next one finds it.
func TestWalksLoseAndDoubleNothing(t *testing.T) {
	w := open(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, w)
		for range rapid.IntRange(0, 30).Draw(t, "writes") {
			m.write(t)
		}
		s := drawSpeech(t)
		up := s.order == "asc"
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		if s.order != "" {
			limit++ // the anchor takes one place
		}
		atStart := m.visible(s.timeline())
		hiddenAtStart := map[parlance.MessageID]bool{}
		for id := range m.hidden {
			hiddenAtStart[id] = true
		}

		seen, updated := map[string]int{}, map[string]int64{}
		var walked []row
		anchor := ""
		for step := 0; ; step++ {
			if step > 300 {
				t.Fatal("the walk doesn't end")
			}
			values := s.values(limit)
			if anchor != "" {
				values.Set(map[bool]string{true: "afterMessage", false: "beforeMessage"}[up], anchor)
			}
			a := m.w.call(t, "GET", "/rooms/"+url.PathEscape(m.room)+"/messages/v3?"+values.Encode(), s.headers(m.reader), nil)
			if a.status == 404 && s.order != "" {
				return // the anchor was deleted, and the client is told so
			}
			var e struct {
				Result page `json:"result"`
			}
			if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != 200 {
				t.Fatalf("%s = %d %s", values.Encode(), a.status, a.body)
			}
			p := e.Result
			data := p.Data
			if anchor != "" && s.order != "" {
				if len(data) == 0 || data[0].ID != anchor {
					t.Fatalf("the page after %s doesn't begin with it: %v", anchor, p.ids())
				}
				data = data[1:]
			}
			full := limit == len(p.Data)
			for _, r := range data {
				if s.timeline() == parlance.ByUpdated && seen[r.ID] > 0 && r.UpdatedAtMS > updated[r.ID] {
					seen[r.ID]-- // it changed and lies ahead of a walk that goes up
				}
				updated[r.ID] = r.UpdatedAtMS
				seen[r.ID]++
				walked = append(walked, r)
			}
			if len(data) == 0 {
				break
			}
			anchor = data[len(data)-1].ID
			if !full && rapid.Bool().Draw(t, "trust a short page") {
				break
			}
			for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
				m.writeDuring(t, anchor, s)
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Fatalf("%s came %d times", id, n)
			}
		}
		for _, x := range atStart {
			now, there := m.live[x.ID]
			moved := s.timeline() == parlance.ByUpdated && now.Updated != x.Updated
			if !there || moved || s.web() && (hiddenAtStart[x.ID] || m.hidden[x.ID]) {
				continue
			}
			if seen[string(x.ID)] != 1 {
				t.Fatalf("%+v: lost %s of %d; walked %v", s, x.ID, len(atStart), walked)
			}
		}
		if !slices.IsSortedFunc(walked, func(a, b row) int { return m.order(s, up, a, b) }) {
			t.Fatalf("%+v: the walk is out of order: %v", s, walked)
		}
	})
}

// writeDuring writes in the middle of a walk. In an order that messages move in, the
// anchor stays as it is: a client whose anchor moved starts over.
func (m *model) writeDuring(t *rapid.T, anchor string, s speech) {
	was, there := m.live[parlance.MessageID(anchor)]
	m.write(t)
	now, still := m.live[parlance.MessageID(anchor)]
	if s.timeline() == parlance.ByUpdated && there && still && now.Updated != was.Updated {
		t.Skip("the anchor moved")
	}
}

// order compares rows as a walk meets them, by the times that rows show.
func (m *model) order(s speech, up bool, a, b row) int {
	n := 0
	switch s.timeline() {
	case parlance.ByCreated:
		n = cmp.Or(cmp.Compare(a.CreatedAtMS, b.CreatedAtMS), cmp.Compare(a.ID, b.ID))
	case parlance.ByUpdated:
		n = cmp.Or(cmp.Compare(a.UpdatedAtMS, b.UpdatedAtMS), cmp.Compare(a.ID, b.ID))
	}
	if !up {
		n = -n
	}
	return n
}
