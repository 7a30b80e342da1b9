package imkit_test

import (
	"testing"

	"parlance"
	"parlance/store"
)

// A server that stops between making a room and adding its members leaves one without any. Whoever makes it again finishes it.
func TestRoomsWithoutMembersAreFinished(t *testing.T) {
	direct := parlance.Conversation{ID: directMD5, Kind: parlance.Direct, Platform: parlance.IMKit}
	left := func(c parlance.Conversation) *world {
		w := open(t)
		w.room(t, c)
		return w
	}
	between := func(w *world) {
		t.Helper()
		for _, who := range []string{"alice", "Bob"} {
			got := fields(t, w.ok(t, "GET", "/rooms/"+directMD5, w.user(t, who), nil))
			if ids(t, got["members"]) != "Bob alice" {
				t.Errorf("members = %s", got["members"])
			}
		}
		w.ok(t, "POST", "/rooms/"+directMD5+"/message", w.user(t, "Bob"), `{"message":"hi"}`)
	}
	for name, again := range map[string]func(w *world){
		"createAndJoin": func(w *world) {
			w.ok(t, "POST", "/rooms/createAndJoin", w.user(t, "Bob"), `{"roomType":"direct","invitee":"alice"}`)
		},
		"by id": func(w *world) {
			w.ok(t, "POST", "/rooms/createAndJoin", w.user(t, "alice"), `{"_id":"`+directMD5+`","invitee":"Bob"}`)
		},
		"rooms": func(w *world) {
			w.ok(t, "POST", "/rooms", w.user(t, "alice"), `{"roomType":"direct","members":["alice","Bob"]}`)
		},
		"key": func(w *world) {
			w.ok(t, "POST", "/rooms", w.key(""), `{"roomType":"direct","members":["alice","Bob"]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := left(direct)
			again(w)
			between(w)
		})
	}

	w := left(direct)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/createAndJoin", w.user(t, "mallory"), `{"_id":"`+directMD5+`","roomType":"direct","invitee":"alice"}`)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/createAndJoin", w.user(t, "mallory"), `{"_id":"`+directMD5+`"}`)

	// What was said there isn't shown to another pair of the same sum after the first has left.
	w = left(direct)
	w.put(t, directMD5, store.Import, parlance.Message{ID: "m", Sender: "alice", Sent: start, Text: "secret"})
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms/createAndJoin", w.user(t, "bob"), `{"roomType":"direct","invitee":"alice"}`)

	// A room of many is finished by who made it and by API keys, and by nobody else.
	mine := parlance.Conversation{ID: "team", Kind: parlance.Room, Platform: parlance.IMKit, Maker: "alice", Owner: "alice"}
	w = left(mine)
	w.refused(t, 403, "NOT_ROOM_MEMBER", "POST", "/rooms", w.user(t, "mallory"), `{"_id":"team","members":["mallory"]}`)
	got := fields(t, w.ok(t, "POST", "/rooms/createAndJoin", w.user(t, "alice"), `{"_id":"team","invitee":["bob","carol"]}`))
	if ids(t, got["members"]) != "alice bob carol" {
		t.Errorf("members = %s", got["members"])
	}
	w = left(mine)
	got = fields(t, w.ok(t, "POST", "/rooms", w.key(""), `{"_id":"team","members":["bob","alice"],"managers":["bob"]}`))
	if ids(t, got["members"]) != "alice bob" || ids(t, got["managers"]) != "bob" {
		t.Errorf("members = %s, managers = %s", got["members"], got["managers"])
	}
	got = fields(t, w.ok(t, "POST", "/rooms", w.key(""), `{"_id":"team","members":["dora"]}`))
	if ids(t, got["members"]) != "alice bob" {
		t.Errorf("a room that is finished was changed: members = %s", got["members"])
	}
}

// What a conversation's own platform says of it outlives a change of what IMKit shows.
func TestAChangedRoomKeepsItsPlatformsRecord(t *testing.T) {
	for _, dialect := range []parlance.Dialect{parlance.Shopline, parlance.IMetaStore, "jsonl"} {
		w := open(t)
		native := parlance.Native{Dialect: dialect, JSON: []byte(`{"id":"c","customer":{"name":"Ann"},"title":"c"}`)}
		w.room(t, parlance.Conversation{ID: "c", Kind: parlance.Shop, Platform: dialect, Title: "c", Native: native})
		w.ok(t, "PUT", "/rooms/c", w.key(""), `{"name":"another","status":0,"roomTags":["vip"]}`)
		c, err := w.store.Conversation(t.Context(), ref("c"))
		if err != nil {
			t.Fatal(err)
		}
		if c.Native.Dialect != dialect || string(c.Native.JSON) != string(native.JSON) || c.Title != "another" || !c.Frozen || len(c.Tags) != 1 {
			t.Errorf("%s: %+v", dialect, c)
		}
		w.refused(t, 409, "CONFLICT", "PUT", "/rooms/c", w.key(""), `{"webhook":"https://hook"}`)
	}
}
