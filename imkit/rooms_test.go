package imkit_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"parlance"
	"parlance/store"
)

// ids lists the member ids of a room, or its member list if that holds ids.
func ids(t testing.TB, list json.RawMessage) string {
	t.Helper()
	var plain []string
	if json.Unmarshal(list, &plain) == nil {
		return strings.Join(plain, " ")
	}
	var users []struct {
		ID         string `json:"_id"`
		IDAgain    string `json:"id"`
		ClientType string `json:"clientType"`
	}
	if err := json.Unmarshal(list, &users); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	plain = nil
	for _, u := range users {
		if u.ID != u.IDAgain || u.ClientType != "user" {
			t.Errorf("member %+v", u)
		}
		plain = append(plain, u.ID)
	}
	return strings.Join(plain, " ")
}

func TestCreateRoom(t *testing.T) {
	w := open(t)
	body := `{"_id":"team","name":"Team","cover":"https://x/c.png","description":"d","roomTags":["a","b"],"members":["bob","alice","bob"],` +
		`"owner":"alice","extParams":"{\"guestId\":\"g\"}","webhook":"https://hook","botMode":true}`
	made := fields(t, w.ok(t, "POST", "/rooms/", w.key(""), body))
	if ids(t, made["members"]) != "alice bob" {
		t.Errorf("members = %s", made["members"])
	}
	got := fields(t, w.ok(t, "GET", "/rooms/team", w.user(t, "bob"), nil))
	for name, want := range map[string]string{
		"_id": `"team"`, "id": `"team"`, "name": `"Team"`, "cover": `"https://x/c.png"`, "description": `"d"`, "roomType": `"group"`,
		"createdTimeMS": fmt.Sprint(int64(start)), "status": "1", "opening": "1", "roomTags": `["a","b"]`, "extParams": `"{\"guestId\":\"g\"}"`,
		"managers": "[]", "lastMessage": "null", "unread": "0", "muted": "false", "isMentioned": "false", "isSuperuser": "false",
		"webhook": `"https://hook"`, "botMode": "true",
		"memberProperties": `[{"client":"alice","role":"owner"},{"client":"bob","badge":0,"role":"member"}]`,
	} {
		if string(got[name]) != want {
			t.Errorf("%s = %s, want %s", name, got[name], want)
		}
	}
	if ids(t, got["members"]) != "alice bob" || got["data"] != nil {
		t.Errorf("members = %s", got["members"])
	}
	again := fields(t, w.ok(t, "POST", "/rooms", w.key(""), `{"_id":"team","name":"Other"}`))
	if text(t, again["name"]) != "Team" {
		t.Errorf("a room that exists was changed: %v", again)
	}
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms", w.user(t, "mallory"), `{"_id":"team"}`)
	own := fields(t, w.ok(t, "POST", "/rooms", w.user(t, "carol"), `{"name":"Mine"}`))
	if ids(t, own["members"]) != "" || len(text(t, own["_id"])) != 24 {
		t.Errorf("the caller isn't added: %v", own)
	}
	for _, text := range []string{`"null"`, `null`} {
		id := fields(t, w.ok(t, "POST", "/rooms", w.key(""), `{"extParams":`+text+`}`))
		if string(id["extParams"]) != `"{}"` {
			t.Errorf("extParams = %s", id["extParams"])
		}
	}
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms", w.key(""), `{"roomType":"castle"}`)
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms", w.key(""), `{"name":1}`)
	w.refused(t, 400, "INVALID_USER_ID", "POST", "/rooms", w.key(""), `{"members":[""]}`)
}

// directMD5 is the MD5 sum of "alice_bob".
const directMD5 = "1d9ac4c2a4f56e22e1d939891a38d764"

func TestDirectRoomsHaveTheIDThatClientsWorkOut(t *testing.T) {
	w := open(t)
	got := fields(t, w.ok(t, "POST", "/rooms/createAndJoin", w.user(t, "Bob"), `{"roomType":"direct","invitee":"alice"}`))
	if want := directMD5; text(t, got["_id"]) != want || text(t, got["roomType"]) != "direct" {
		t.Errorf("room = %s %s, want %s", got["_id"], got["roomType"], want)
	}
	other := fields(t, w.ok(t, "POST", "/rooms/createAndJoin", w.user(t, "alice"), `{"roomType":"direct","invitee":["Bob"]}`))
	if string(other["_id"]) != string(got["_id"]) {
		t.Errorf("two rooms for the same two people: %s and %s", got["_id"], other["_id"])
	}
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/"+directMD5+"/join", w.user(t, "mallory"), nil)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/createAndJoin", w.user(t, "mallory"), `{"_id":"`+directMD5+`"}`)
	w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/createAndJoin", w.user(t, "alice"), `{"roomType":"direct","invitee":["b","c"]}`)
}

func TestNobodyJoinsAConversationWithAShop(t *testing.T) {
	w := open(t)
	w.room(t, parlance.Conversation{ID: "shop", Kind: parlance.Shop}, parlance.Member{Account: "cus", Role: parlance.Customer}, parlance.Member{Account: "agent", Role: parlance.Agent})
	mallory := w.user(t, "mallory")
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/shop/join", mallory, nil)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/createAndJoin", mallory, `{"_id":"shop","members":["mallory"]}`)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/shop/members", mallory, `{"invitees":["mallory"]}`)
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "POST", "/rooms/shop/members", w.user(t, "cus"), `{"invitees":["mallory"]}`)
	w.ok(t, "POST", "/rooms/shop/members", w.user(t, "agent"), `{"invitees":["colleague"]}`)
}

func TestMembersComeAndGo(t *testing.T) {
	w, alice, _ := chat(t)
	last := func() map[string]json.RawMessage {
		t.Helper()
		return fields(t, fields(t, w.ok(t, "GET", "/rooms/r1", w.user(t, "olga"), nil))["lastMessage"])
	}
	steps := []struct {
		method, path, body string
		members            string
		kind               string // of the system message
		fields             map[string]string
	}{
		{"POST", "/rooms/r1/members", `{"invitees":["carol"],"systemMessage":true}`, "alice bob carol olga", "addMember", map[string]string{
			"member": `{"_id":"carol","id":"carol","nickname":"","avatarUrl":""}`, "message": `"carol"`,
			"extra": `{"invitees":[{"_id":"carol","id":"carol","nickname":"","avatarUrl":""}]}`,
		}},
		{"POST", "/rooms/r1/members", `{"invitees":["dan","erin","carol"],"systemMessage":true}`, "alice bob carol dan erin olga", "addMembers", map[string]string{
			"member": "", "message": `"dan, erin"`,
			"extra": `{"invitees":[{"_id":"dan","id":"dan","nickname":"","avatarUrl":""},{"_id":"erin","id":"erin","nickname":"","avatarUrl":""}]}`,
		}},
		{"POST", "/rooms/r1/delete/members", `{"members":["dan"],"systemMessage":true}`, "alice bob carol erin olga", "deleteMember", map[string]string{
			"member": `{"_id":"dan","id":"dan","nickname":"","avatarUrl":""}`,
			"extra":  `{"members":[{"_id":"dan","id":"dan","nickname":"","avatarUrl":""}]}`,
		}},
		{"POST", "/rooms/r1/members/frank", "", "alice bob carol erin frank olga", "deleteMember", nil},
		{"DELETE", "/rooms/r1/members/frank/", "", "alice bob carol erin olga", "deleteMember", nil},
		{"POST", "/rooms/r1/delete/members", `{"members":["alice"],"systemMessage":true}`, "bob carol erin olga", "leaveRoom", nil},
	}
	for _, s := range steps {
		w.pass(10)
		got := fields(t, w.ok(t, s.method, s.path, alice, s.body))
		if ids(t, got["members"]) != s.members {
			t.Errorf("%s %s %s: members = %s", s.method, s.path, s.body, ids(t, got["members"]))
		}
		m := last()
		if text(t, m["messageType"]) != s.kind || text(t, fields(t, m["sender"])["_id"]) != "alice" {
			t.Errorf("%s %s: told %s by %s", s.path, s.body, m["messageType"], m["sender"])
		}
		for name, want := range s.fields {
			if string(m[name]) != want {
				t.Errorf("%s %s: %s = %s, want %s", s.path, s.body, name, m[name], want)
			}
		}
	}
	w.refused(t, 403, "NOT_ROOM_MEMBER", "GET", "/rooms/r1/messages/v3", alice, nil)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/r1/delete/members", alice, `{"members":["bob"]}`)
	w.refused(t, 404, "USER_NOT_FOUND", "POST", "/rooms/r1/delete/members", w.user(t, "bob"), `{"members":["nobody"]}`)
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "POST", "/rooms/r1/delete/members", w.user(t, "bob"), `{"members":["olga"]}`)
	got := fields(t, w.ok(t, "POST", "/rooms/r1/join", alice, `{"systemMessage":true}`))
	if ids(t, got["members"]) != "alice bob carol erin olga" || text(t, fields(t, got["lastMessage"])["messageType"]) != "joinRoom" {
		t.Errorf("joined: %s, last %s", ids(t, got["members"]), got["lastMessage"])
	}
}

func TestUpdateRoom(t *testing.T) {
	w, alice, _ := chat(t)
	olga := w.user(t, "olga")
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "PUT", "/rooms/r1", alice, `{"name":"x"}`)
	got := fields(t, w.ok(t, "PUT", "/rooms/r1", olga, `{"name":"New","roomTags":["t"],"managers":["alice"],"extParams":{"a":1}}`))
	if text(t, got["name"]) != "New" || string(got["managers"]) != `["alice"]` || string(got["extParams"]) != `"{\"a\":1}"` || string(got["isSuperuser"]) != "true" {
		t.Errorf("room = %v", got)
	}
	got = fields(t, w.ok(t, "PUT", "/rooms/r1", alice, `{"description":"by a manager"}`))
	if text(t, got["name"]) != "New" || text(t, got["description"]) != "by a manager" {
		t.Errorf("room = %v", got)
	}
	w.refused(t, 403, "INSUFFICIENT_PERMISSIONS", "PUT", "/rooms/r1", alice, `{"owner":"alice"}`)
	w.refused(t, 404, "USER_NOT_FOUND", "PUT", "/rooms/r1", olga, `{"owner":"stranger"}`)
	got = fields(t, w.ok(t, "PUT", "/rooms/r1", olga, `{"owner":"bob"}`))
	if text(t, fields(t, got["owner"])["_id"]) != "bob" || string(got["isSuperuser"]) != "false" {
		t.Errorf("room = %v", got)
	}
	w.refused(t, 400, "INVALID_BODY", "PUT", "/rooms/r1", w.key(""), `{"status":2}`)
}

func TestListRooms(t *testing.T) {
	w := open(t)
	for i, name := range []string{"Alpha", "beta", "Gamma", "Delta"} {
		id := fmt.Sprintf("r%d", i)
		w.pass(1000)
		w.room(t, parlance.Conversation{ID: parlance.ConversationID(id), Title: name, Created: w.clock.Now(), Tags: []string{"all", id}},
			parlance.Member{Account: "alice"}, parlance.Member{Account: parlance.AccountID("friend" + id)})
	}
	w.room(t, parlance.Conversation{ID: "other"}, parlance.Member{Account: "bob"})
	w.room(t, parlance.Conversation{ID: "frozen", Frozen: true}, parlance.Member{Account: "alice"})
	for _, id := range []string{"r2", "r0", "r1"} {
		w.pass(1000)
		w.put(t, id, store.Send, parlance.Message{Sender: "friend" + parlance.AccountID(id), Type: parlance.TypeText, Text: "in " + id, Mentions: []parlance.AccountID{"friend" + parlance.AccountID(id)}})
	}
	w.ok(t, "PUT", "/rooms/r0/lastRead", w.user(t, "alice"), fmt.Sprintf(`{"message":%q}`, w.page(t, "r0", "", w.key("")).Data[0].ID))
	all := "r1 r0 r2 r3"
	for query, want := range map[string]string{
		"": all,
		"skip=0&limit=30&q=%7B+%22members%22%3A+%22alice%22+%7D&sort=-lastMessage&sortUnreadFirst=0": all,
		"limit=2":           "r1 r0",
		"skip=1&limit=2":    "r0 r2",
		"skip=9":            "",
		"sort=lastMessage":  "r3 r2 r0 r1",
		"sort=-createdTime": "r3 r2 r1 r0",
		"sort=createdTime":  "r0 r1 r2 r3",
		"sortUnreadFirst=1": "r1 r2 r0 r3",
		"updatedAfter=" + fmt.Sprint(int64(start)+5000): "r1 r0",
		`q={"name":"beta"}`:                             "r1",
		`q={"name":{"$regex":"^.l"}}`:                   "r0",
		`q={"name":{"$regex":"^[ad]","$options":"i"}}`:  "r0 r3",
		`q={"roomTags":"r2"}`:                           "r2",
		`q={"roomTags":{"$all":["all","r3"]}}`:          "r3",
		`q={"roomTags":{"$in":["r3","r0"]}}`:            "r0 r3",
		`q={"members":"friendr1","roomTags":"all"}`:     "r1",
		`q={"members":"bob"}`:                           "",
		`q={"roomType":"group"}`:                        all,
		`q={"roomType":"direct"}`:                       "",
		`q={"name":{"$in":[]}}`:                         "",
		`q={}&pref={"tags":"x"}`:                        all,
	} {
		var p struct {
			TotalCount int `json:"totalCount"`
			Data       []struct {
				ID          string `json:"_id"`
				Unread      int
				LastMessage *row
			} `json:"data"`
		}
		if err := json.Unmarshal(w.ok(t, "GET", "/rooms?"+escape(query), w.user(t, "alice"), nil), &p); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range p.Data {
			got = append(got, r.ID)
			if (r.LastMessage == nil) != (r.ID == "r3") || (r.Unread == 1) != (r.ID == "r1" || r.ID == "r2") {
				t.Errorf("%s: room %+v", query, r)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
		if !strings.Contains(query, "skip") && !strings.Contains(query, "limit") && p.TotalCount != len(got) {
			t.Errorf("%s: totalCount = %d", query, p.TotalCount)
		}
	}
	for query, code := range map[string]string{
		`q=x`: "INVALID_QUERY", `q=[]`: "INVALID_QUERY", `q={"_id":"r0"}`: "INVALID_QUERY", `q={"name":1}`: "INVALID_QUERY",
		`q={"name":{"$gt":"a"}}`: "INVALID_QUERY", `q={"name":{"$regex":"("}}`: "INVALID_QUERY", `q={"name":{}}`: "INVALID_QUERY",
		`q={"name":{"$in":"x"}}`: "INVALID_QUERY", `q={"name":{"$options":"i"}}`: "INVALID_QUERY", `q={"$or":[]}`: "INVALID_QUERY",
		`q={"name":{"$in":null}}`: "INVALID_QUERY", `pref=x`: "INVALID_QUERY",
		`limit=-1`: "INVALID_PARAMETER", `skip=x`: "INVALID_PARAMETER", `sort=name`: "INVALID_PARAMETER", `updatedAfter=x`: "INVALID_PARAMETER",
	} {
		w.refused(t, 400, code, "GET", "/rooms?"+escape(query), w.user(t, "alice"), nil)
	}
	everything := w.ok(t, "GET", "/rooms", w.key(""), nil)
	if !strings.HasPrefix(string(everything), `{"totalCount":5,`) {
		t.Errorf("an API key sees %s", everything)
	}
	if mine := w.ok(t, "GET", "/rooms", w.key("bob"), nil); !strings.HasPrefix(string(mine), `{"totalCount":1,`) {
		t.Errorf("an API key that acts for bob sees %s", mine)
	}
}

// escape escapes the JSON in a query.
func escape(query string) string {
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		if name, value, ok := strings.Cut(part, "="); ok && strings.ContainsAny(value, "{[ ") {
			part = name + "=" + url.QueryEscape(value)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "&")
}

func TestLastRead(t *testing.T) {
	w, alice, bob := chat(t)
	if got := string(w.ok(t, "PUT", "/rooms/r1/lastRead", bob, `{}`)); got != `{"client":"bob","badge":0}` {
		t.Errorf("empty room: %s", got)
	}
	var sent []string
	for i := range 3 {
		sent = append(sent, w.send(t, alice, fmt.Sprintf(`{"message":"%d @bob","mentions":["bob"]}`, i)))
	}
	room := fields(t, w.ok(t, "GET", "/rooms/r1", bob, nil))
	if string(room["unread"]) != "3" || string(room["isMentioned"]) != "true" {
		t.Errorf("unread = %s, isMentioned = %s", room["unread"], room["isMentioned"])
	}
	for _, step := range []struct{ read, want string }{
		{sent[1], `{"client":"bob","lastRead":"` + sent[1] + `","badge":1}`},
		{sent[0], `{"client":"bob","lastRead":"` + sent[1] + `","badge":1}`}, // never back
		{sent[2], `{"client":"bob","lastRead":"` + sent[2] + `","badge":0}`},
	} {
		if got := string(w.ok(t, "PUT", "/rooms/r1/lastRead", bob, fmt.Sprintf(`{"message":%q}`, step.read))); got != step.want {
			t.Errorf("%s: %s, want %s", step.read, got, step.want)
		}
	}
	room = fields(t, w.ok(t, "GET", "/rooms/r1", bob, nil))
	if string(room["unread"]) != "0" || string(room["isMentioned"]) != "false" ||
		!strings.Contains(string(room["memberProperties"]), `{"client":"bob","badge":0,"lastRead":"`+sent[2]+`","role":"member"}`) {
		t.Errorf("read: %v", room)
	}
	w.refused(t, 404, "MESSAGE_NOT_FOUND", "PUT", "/rooms/r1/lastRead", bob, `{"message":"nosuch"}`)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "PUT", "/rooms/r1/lastRead", w.key("stranger"), `{}`)
	w.refused(t, 400, "INVALID_USER_ID", "PUT", "/rooms/r1/lastRead", w.key(""), `{}`)
}
