package imkit_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"parlance"
)

// list returns n different texts as a JSON list.
func list(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint("u", i)
	}
	b, _ := json.Marshal(texts)
	return string(b)
}

// cost returns how many bytes do allocates.
func cost(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBoundsOfRooms(t *testing.T) {
	w, _, _ := chat(t)
	admin, olga := w.key(""), w.user(t, "olga")
	long := func(n int) string { return strings.Repeat("x", n+1) }
	for name, body := range map[string]string{
		"name":        `{"name":"` + long(parlance.MaxName) + `"}`,
		"cover":       `{"cover":"` + long(parlance.MaxAddress) + `"}`,
		"description": `{"description":"` + long(parlance.MaxDescription) + `"}`,
		"tag":         `{"roomTags":["` + long(parlance.MaxName) + `"]}`,
		"tags":        `{"roomTags":` + list(parlance.MaxTags+1) + `}`,
		"fields":      `{"extParams":"` + long(parlance.MaxRoomFields/2) + `","webhook":"` + long(parlance.MaxRoomFields/2) + `"}`,
		"managers":    `{"managers":` + list(100_000) + `}`,
		"members":     `{"members":` + list(100_000) + `}`,
	} {
		took := cost(func() { w.refused(t, 400, "INVALID_BODY", "POST", "/rooms", admin, body) })
		if took > 100*uint64(len(body)) {
			t.Errorf("%s: to refuse %d bytes cost %d", name, len(body), took)
		}
		if name != "members" {
			w.refused(t, 400, "INVALID_BODY", "PUT", "/rooms/r1", olga, body)
		}
	}
	// The fields together, put there one after the other.
	w.ok(t, "PUT", "/rooms/r1", olga, `{"webhook":"`+long(parlance.MaxRoomFields/2)+`"}`)
	w.refused(t, 400, "INVALID_BODY", "PUT", "/rooms/r1", olga, `{"botState":"`+long(parlance.MaxRoomFields/2)+`"}`)
	for name, body := range map[string]string{
		"nickname": `"nickname":"` + long(parlance.MaxName), "avatar": `"avatarUrl":"` + long(parlance.MaxAddress), "description": `"description":"` + long(parlance.MaxDescription),
	} {
		if a := w.call(t, "POST", "/admin/clients", admin, `{"_id":"x",`+body+`"}`); a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	// As many members as there may be, and no more.
	w.ok(t, "POST", "/rooms", admin, `{"_id":"full","members":`+list(parlance.MaxMembers-1)+`}`)
	w.ok(t, "POST", "/rooms/full/members", admin, `{"invitees":["one"]}`)
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/full/members", admin, `{"invitees":["two"]}`)
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/full/join", w.user(t, "two"), nil)
}

// A request costs in proportion to its bytes, whatever it holds many of.
func TestCostIsLinear(t *testing.T) {
	w, alice, _ := chat(t)
	fields := func(prefix string, n int) string {
		b := []byte(`{"message":"x"`)
		for i := range n {
			b = fmt.Appendf(b, `,"%s%d":%d`, prefix, i, i)
		}
		return string(append(b, '}'))
	}
	edit := func(n int) uint64 {
		id := text(t, fieldsOf(t, w, alice, fields("f", n))["_id"])
		body := `{"_id":"` + id + `",` + fields("f", n)[1:]
		return cost(func() { w.ok(t, "POST", "/rooms/r1/message", alice, body) })
	}
	edit(10) // makes what is made once
	if few, many := edit(6_000), edit(60_000); many > 15*few {
		t.Errorf("an edit of 6,000 fields cost %d, of 60,000 %d", few, many)
	}
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/r1/message", alice, `{"message":"x","mentions":`+list(parlance.MaxMentions+1)+`}`)
	w.ok(t, "POST", "/rooms/r1/message", alice, `{"message":"x","mentions":`+list(parlance.MaxMentions)+`}`)
}

func fieldsOf(t *testing.T, w *world, h headers, body string) map[string]json.RawMessage {
	t.Helper()
	return fields(t, w.ok(t, "POST", "/rooms/r1/message", h, body))
}

func TestBoundsOfFilters(t *testing.T) {
	w, alice, _ := chat(t)
	w.ok(t, "PUT", "/rooms/r1", w.user(t, "olga"), `{"name":"`+strings.Repeat("a", parlance.MaxName)+`"}`)
	for i := range 100 {
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(fmt.Sprint("n", i)), Title: strings.Repeat("a", parlance.MaxName)}, parlance.Member{Account: "alice"})
	}
	q := func(filter string) string { return "/rooms?q=" + url.QueryEscape(filter) }
	w.refused(t, 400, "INVALID_QUERY", "GET", q(`{"name":{"$regex":"(a?){500}b"}}`), alice, nil)
	w.refused(t, 400, "INVALID_QUERY", "GET", q(`{"name":{"$regex":"`+strings.Repeat("a", parlance.MaxPattern+1)+`"}}`), alice, nil)
	w.refused(t, 400, "INVALID_QUERY", "GET", q(`{"members":{"$in":`+list(parlance.MaxAlternative+1)+`}}`), alice, nil)
	w.refused(t, 400, "INVALID_QUERY", "GET", q(`{"members":`+strings.Repeat("[", 10_000)+`}`), alice, nil)
	w.ok(t, "GET", q(`{"name":{"$regex":"^a+b?$","$options":"i"}}`), alice, nil)
}

func TestBoundsOfReactions(t *testing.T) {
	w, alice, _ := chat(t)
	id := text(t, fieldsOf(t, w, alice, `{"message":"`+strings.Repeat("x", 100)+`"}`)["_id"])
	react := func(h headers, emoji string) answer {
		return w.call(t, "POST", "/messages/"+id+"/reaction", h, `{"reaction":"`+emoji+`"}`)
	}
	for i := range parlance.MaxReactionsBy {
		if a := react(alice, fmt.Sprint(i)); a.status != 200 {
			t.Fatalf("reaction %d: %d %s", i, a.status, a.body)
		}
	}
	if a := react(alice, "one more"); a.status != 400 || !strings.Contains(a.body, "INVALID_PARAMETER") {
		t.Errorf("one more: %d %s", a.status, a.body)
	}
	if a := react(alice, "1"); a.status != 200 {
		t.Errorf("one that was given already: %d", a.status)
	}
	if a := react(w.user(t, "bob"), "one more"); a.status != 200 {
		t.Errorf("another's: %d", a.status)
	}

	// A large message isn't written anew as often as one asks, until time has passed; others aren't held back.
	id = text(t, fieldsOf(t, w, alice, `{"message":"`+strings.Repeat("x", 1_000_000)+`"}`)["_id"])
	allowed := 0
	for ; allowed < 100; allowed++ {
		if allowed%2 == 0 && react(alice, "x").status != 200 ||
			allowed%2 == 1 && w.call(t, "DELETE", "/messages/"+id+"/reaction?reaction=x", alice, nil).status != 200 {
			break
		}
	}
	if most := parlance.MaxGrowth / 1_000_000; allowed > most || allowed < most-1 {
		t.Errorf("%d changes", allowed)
	}
	if a := react(alice, "x"); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := react(w.user(t, "bob"), "x"); a.status != 200 {
		t.Errorf("another account: %d %s", a.status, a.body)
	}
	w.pass(60_000)
	if a := react(alice, "x"); a.status != 200 {
		t.Errorf("a minute later: %d %s", a.status, a.body)
	}
}
