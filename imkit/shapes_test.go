package imkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parlance"
	"parlance/store"
)

func TestSentMessagesComeBackAsSent(t *testing.T) {
	w, alice, bob := chat(t)
	for _, body := range []string{
		`{"roomId":"r1","messageType":"text","message":"hi @bob <b>&amp;\u2028","reply":null,"mentions":["bob"]}`,
		`{"message":"no type"}`,
		`{"messageType":"url","message":"http://example.com","url":"http://example.com","extra":{"title":"t","images":"http://…"}}`,
		`{"messageType":"image","images":[{"originalUrl":"https://x/a.png","thumbnailUrl":"https://x/t.png","width":800,"height":600}],"originalUrl":"https://x/a.png","width":800}`,
		`{"messageType":"mixed","message":"caption","images":[{"originalUrl":"https://x/a.png","thumbnailUrl":"https://x/t.png","width":1,"height":1}]}`,
		`{"messageType":"video","originalUrl":"https://x/v.mp4","thumbnailUrl":"https://x/t.png","width":1280,"height":720,"duration":12.5,"extra":{"fileExtension":"mp4","mimeType":"video/mp4","bytes":123}}`,
		`{"messageType":"audio","originalUrl":"https://x/a.m4a","duration":3.2,"message":"20250101","extra":"{\"fileName\":\"20250101\",\"bytes\":2048}"}`,
		`{"messageType":"file","originalUrl":"https://x/r.pdf","message":"report","extra":{"fileName":"report","fileExtension":"pdf","mimeType":"application/pdf","bytes":5120}}`,
		`{"messageType":"location","message":"address text","latitude":25.03,"longitude":121.56}`,
		`{"messageType":"sticker","sticker":"FunFunFamily-12"}`,
		`{"messageType":"announcement","message":"shown centred"}`,
		`{"messageType":"template","template":{"type":"buttons","title":"T","actions":[{"type":"uri","label":"Open","uri":"http://…"}]}}`,
		`{"messageType":"flex","contents":{"type":"bubble"},"extra":{}}`,
		`{"messageType":"payment","message":"x","extra":{"id":"p1","payer":{"id":"ho2"},"value":1500,"timestamp":1644245541593}}`,
		`{"messageType":"line","extra":{"type":"sticker","stickerId":"1"}}`,
		`{"messageType":"encrypted","message":"B64(id):B64"}`,
		`{"messageType":"whatever","message":"x","big":12345678901234567890}`,
	} {
		id := w.send(t, alice, body)
		sent := fields(t, json.RawMessage(body))
		result := fields(t, w.ok(t, "GET", "/rooms/r1/messages/v3?limit=1", bob, nil))
		var rows []json.RawMessage
		if err := json.Unmarshal(result["data"], &rows); err != nil {
			t.Fatal(err)
		}
		got := fields(t, rows[0])
		if text(t, got["_id"]) != id || text(t, got["id"]) != id || text(t, got["room"]) != "r1" {
			t.Fatalf("%s: came back as %s", body, rows[0])
		}
		for name, want := range sent {
			if name == "roomId" || string(want) == "null" {
				continue
			}
			if name == "message" {
				if text(t, got[name]) != text(t, want) {
					t.Errorf("%s: message = %s", body, got[name])
				}
				continue
			}
			if string(got[name]) != string(want) {
				t.Errorf("%s: %s = %s", body, name, got[name])
			}
		}
		if name := got["messageType"]; name == nil || sent["messageType"] == nil && text(t, name) != "text" {
			t.Errorf("%s: messageType = %s", body, name)
		}
		if got["reply"] != nil || text(t, fields(t, got["sender"])["_id"]) != "alice" {
			t.Errorf("%s: %s", body, rows[0])
		}
	}
}

func TestPlainTextKeepsNothingBesideTheCommonForm(t *testing.T) {
	w, alice, _ := chat(t)
	id := w.send(t, alice, `{"roomId":"r1","messageType":"text","message":"hi","reply":null,"mentions":[],"data":{"x":1}}`)
	e, err := w.store.Message(t.Context(), ref("r1"), parlance.MessageID(id))
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Message.Native; n.Dialect != "" || n.JSON != nil {
		t.Errorf("Native = %+v", n)
	}
}

func TestAnyMessageIsTaken(t *testing.T) {
	w, alice, _ := chat(t)
	for body, want := range map[string]string{
		`{"message":1111234}`:                   "1111234",
		`{"message":{"a": [1, null]}}`:          `{"a":[1,null]}`,
		`{"message":true}`:                      "true",
		`{"message":null,"messageType":"text"}`: "",
	} {
		got := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, body))
		if text(t, got["message"]) != want {
			t.Errorf("%s: message = %s", body, got["message"])
		}
	}
}

func TestShapesThatBreakClientsAreNeverServed(t *testing.T) {
	w, alice, _ := chat(t)
	for body, want := range map[string]string{
		`{"messageType":"addMember","message":"x"}`:                            "announcement",
		`{"messageType":"addMember","member":{"_id":"b"},"message":"x"}`:       "addMember",
		`{"messageType":"addMembers","message":"x","extra":{}}`:                "announcement",
		`{"messageType":"deleteMember","member":{"_id":"b"},"message":"x"}`:    "deleteMember",
		`{"messageType":"deleteMembers","extra":{"members":[{"_id":"b"}]}}`:    "deleteMember",
		`{"messageType":"payment","message":"x"}`:                              "text",
		`{"messageType":"payment-select","message":"x"}`:                       "text",
		`{"messageType":"sticker","message":"x"}`:                              "text",
		`{"messageType":"sticker","extra":{"stickerId":"1"}}`:                  "sticker",
		`{"messageType":"file","message":"x"}`:                                 "text",
		`{"messageType":"file","originalUrl":"https://x/a.pdf","message":"x"}`: "file",
		`{"messageType":"line","message":"x","extra":{"type":"text"}}`:         "text",
		`{"messageType":"location","message":"x"}`:                             "text",
	} {
		got := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, body))
		if text(t, got["messageType"]) != want {
			t.Errorf("%s is shown as %s, want %s", body, got["messageType"], want)
		}
		if want == "file" && fields(t, got["extra"])["fileName"] == nil {
			t.Errorf("%s: extra = %s", body, got["extra"])
		}
	}
}

func TestOtherPlatformsMessages(t *testing.T) {
	w, alice, _ := chat(t)
	picture := parlance.Attachment{Type: parlance.TypeImage, URL: "https://x/a.png", Thumb: "https://x/t.png", Width: 8, Height: 6}
	report := parlance.Attachment{Type: parlance.TypeFile, URL: "https://x/r.pdf?sig=1", MIME: "application/pdf", Size: 7, HasSize: true}
	for i, c := range []struct {
		message parlance.Message
		want    string // what stands between sender and id
	}{
		{parlance.Message{Type: parlance.TypeText, Text: "plain"}, `"message":"plain" "messageType":"text"`},
		{parlance.Message{Type: "unheard of", Text: "plain"}, `"messageType":"text"`},
		{parlance.Message{Type: parlance.TypeSystem, Text: "joined"}, `"messageType":"announcement"`},
		{parlance.Message{Type: parlance.TypeAction, Text: "waves"}, `"message":"waves" "messageType":"text"`},
		{
			parlance.Message{Type: parlance.TypeImage, Attachments: []parlance.Attachment{picture}},
			`"messageType":"image","images":[{"originalUrl":"https://x/a.png","thumbnailUrl":"https://x/t.png","width":8,"height":6}],"originalUrl":"https://x/a.png","thumbnailUrl":"https://x/t.png","width":8,"height":6`,
		},
		{
			parlance.Message{Type: parlance.TypeText, Text: "see", Attachments: []parlance.Attachment{picture, report}},
			`"message":"see\nhttps://x/r.pdf?sig=1" "messageType":"mixed","images":[{`,
		},
		{parlance.Message{Type: parlance.TypeImage, Text: "lost"}, `"messageType":"text"`},
		{
			parlance.Message{Type: parlance.TypeFile, Attachments: []parlance.Attachment{report}},
			`"message":"r.pdf" "messageType":"file","originalUrl":"https://x/r.pdf?sig=1","extra":{"fileName":"r","fileExtension":"pdf","mimeType":"application/pdf","bytes":7}`,
		},
		{
			parlance.Message{Type: parlance.TypeAudio, Attachments: []parlance.Attachment{{Type: parlance.TypeAudio, URL: "https://x/a.m4a", Duration: 3400}}},
			`"messageType":"audio","originalUrl":"https://x/a.m4a","duration":3,"extra":{"fileName":"a","fileExtension":"m4a"`,
		},
		{
			parlance.Message{Type: parlance.TypeVideo, Attachments: []parlance.Attachment{{Type: parlance.TypeVideo, URL: "https://x/v.mp4", Width: 4}}},
			`"messageType":"video","originalUrl":"https://x/v.mp4","width":4,"extra":{`,
		},
		{
			parlance.Message{Type: parlance.TypeLocation, Text: "here", Location: &parlance.Location{Latitude: 25.03, Longitude: -0.5}},
			`"messageType":"location","latitude":25.03,"longitude":-0.5`,
		},
		{parlance.Message{Type: parlance.TypeLocation, Text: "here"}, `"messageType":"text"`},
		{parlance.Message{Type: parlance.TypeSticker, Sticker: "Fun-1"}, `"messageType":"sticker","sticker":"Fun-1"`},
		{parlance.Message{Type: parlance.TypeCustom, Text: "shown"}, `"message":"shown" "messageType":"text"`},
		{parlance.Message{Type: parlance.TypeCustom, Native: parlance.Native{Dialect: parlance.Shopline, JSON: []byte(`{"_id":"x"}`)}}, `"message":"" "messageType":"custom"`},
	} {
		w.pass(10)
		c.message.ID = parlance.MessageID(fmt.Sprintf("any id %d/%%", i))
		c.message.Sender, c.message.SenderName = "someone", "Some One"
		w.put(t, "r1", store.Import, withTimes(c.message, int64(w.clock.Now())))
		a := w.call(t, "GET", "/rooms/r1/messages/v3?limit=1&timeRangeField=createdAt", alice, nil)
		for _, part := range strings.Split(c.want, " ") {
			if !strings.Contains(a.body, part) {
				t.Errorf("%+v is shown as %s, want %s", c.message, a.body, part)
			}
		}
		if !strings.Contains(a.body, `"sender":{"_id":"someone","nickname":"Some One"`) {
			t.Errorf("sender: %s", a.body)
		}
	}
}

func withTimes(m parlance.Message, at int64) parlance.Message {
	m.Sent, m.Created, m.Updated = parlance.Time(at), parlance.Time(at), parlance.Time(at)
	return m
}

func TestMirroredMessagesAreServedByteForByte(t *testing.T) {
	w, alice, bob := chat(t)
	native := `{ "_id":"m1", "room":"r1","messageType":"text","createdAtMS":1600000001000,"message":"as  it was\u00e9", "sender":{"_id":"z"}, "n":1.50,"isDeleted":true,"x":[1, 2]}`
	without := `{"_id":"m1","room":"r1","messageType":"text","createdAtMS":1600000001000,"message":"as  it was\u00e9","sender":{"_id":"z"},"n":1.50,"x":[1, 2]`
	plain := `{ "_id":"m2", "id":"m2", "room":"r1","message":"x","n":1.50 , "extra":"{}", "messageType":"text","sender":{"_id":"alice"},"editedAt":null, "reply":null,"createdAtMS":1600000002000}`
	w.put(t, "r1", store.Mirror,
		withTimes(parlance.Message{ID: "m1", Sender: "z", Type: parlance.TypeText, Text: "as  it wasé", Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(native)}}, 1600000001000),
		withTimes(parlance.Message{ID: "m2", Sender: "alice", Type: parlance.TypeText, Text: "x", Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(plain)}}, 1600000002000))
	if err := w.store.Hide(t.Context(), ref("r1"), "bob", "m1"); err != nil {
		t.Fatal(err)
	}
	raw := func(h headers) string {
		h = h.with("Accept", "application/json")
		r := w.raw("GET", "/rooms/r1/messages/v3", h)
		return r[strings.Index(r, `"data":`):]
	}
	if got, want := raw(alice), `"data":[`+plain+`,`+without+`}],"userDeletedIDs":[]}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := raw(bob), `"data":[`+plain+`,`+without+`,"isDeleted":true}],"userDeletedIDs":["m1"]}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Once it is changed here, the common form holds where the two differ.
	got := fields(t, w.ok(t, "POST", "/rooms/r1/message", alice, `{"_id":"m2","message":"y"}`))
	if text(t, got["message"]) != "y" || string(got["n"]) != "1.50" || text(t, got["extra"]) != "{}" || got["editedAt"] == nil {
		t.Errorf("edited = %v", got)
	}
}
