package imkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/imkit"
	"parlance/store"
)

// shown reads all that shows the newest of a room to the caller, as the clients do.
func (w *world) shown(t failer, h headers, room string) (rows []map[string]any, broken []string) {
	t.Helper()
	var r reader
	result := func(path string) any {
		body := w.call(t, "GET", path, h, nil).body
		v, err := decode([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
		o, _ := v.(map[string]any)
		if o["result"] == nil {
			t.Fatalf("%s: %s", path, body)
		}
		return o["result"]
	}
	page := r.object("page", result("/rooms/"+room+"/messages/v3?limit=4"))
	r.objects("page.data", page["data"], func(path string, o map[string]any) {
		r.message(path, o)
		rows = append(rows, o)
	})
	r.room("room", result("/rooms/"+room))
	list := r.object("rooms", result("/rooms?"+escape(`q={"name":"`+room+`"}`)))
	r.objects("rooms.data", list["data"], func(path string, o map[string]any) { r.room(path, o) })
	return rows, r.broken
}

// mirrorRow puts a message of another IMKit server into a room as the mirror does. It returns
// false if it can't be read as one.
func (w *world) mirrorRow(t failer, room string, native []byte) bool {
	t.Helper()
	m, err := imkit.MirrorMessage(native, parlance.ConversationID(room))
	if err != nil {
		return false
	}
	w.put(t, room, store.Mirror, m)
	return true
}

// broken are fields of messages that stopped a client when they were first served.
var broken = []string{
	`"messageType":"image","images":[null]`,
	`"messageType":"image","images":"x"`,
	`"messageType":"image","images":[{"originalUrl":5}]`,
	`"messageType":"image","images":[{"originalUrl":"https://x/a","width":1.5,"height":"9"}]`,
	`"messageType":"mixed","message":"x","images":{}`,
	`"messageType":"image","images":null,"originalUrl":"https://x/a"`,
	`"messageType":"image","originalUrl":5`,
	`"messageType":"video","originalUrl":["x"],"duration":"long"`,
	`"messageType":"audio","originalUrl":"https://x/a","extra":"no JSON"`,
	`"messageType":"file","originalUrl":5,"extra":{}`,
	`"messageType":"file","originalUrl":"https://x/a.pdf"`,
	`"messageType":"file","originalUrl":"https://x/a.pdf","extra":{"fileName":5,"bytes":1.5}`,
	`"messageType":"file","originalUrl":"https://x/a.pdf","extra":"{\"fileName\":5}"`,
	`"messageType":"file","originalUrl":"https://x/a.pdf","extra":7`,
	`"messageType":"sticker","sticker":""`,
	`"messageType":"sticker","sticker":5`,
	`"messageType":"sticker","extra":"{\"stickerId\":\"1\"}"`,
	`"messageType":"line","extra":{"type":"text"}`,
	`"messageType":"addMember","message":"x"`,
	`"messageType":"addMember","member":"bob"`,
	`"messageType":"addMember","member":{"_id":"b","nickname":5},"extra":[null]`,
	`"messageType":"addMember","extra":{"invitees":[{"_id":"b"}]}`,
	`"messageType":"addMembers","extra":"text"`,
	`"messageType":"addMembers","extra":"{\"invitees\":[{\"_id\":\"b\"}]}"`,
	`"messageType":"addMembers","extra":{"invitees":[null]}`,
	`"messageType":"addMembers","extra":{"invitees":null},"member":{"_id":"b"}`,
	`"messageType":"deleteMember","extra":"text"`,
	`"messageType":"deleteMember","extra":[null]`,
	`"messageType":"deleteMember","extra":{"members":[null,{"_id":"b"}]}`,
	`"messageType":"deleteMember","member":{"_id":"b","nickname":"B"}`,
	`"messageType":"deleteMember","message":"x"`,
	`"messageType":"deleteMembers","extra":{"members":[{"_id":"b"}]}`,
	`"messageType":"payment","extra":{"value":1}`,
	`"messageType":"payment","extra":"{\"payer\":{\"id\":\"b\"}}"`,
	`"messageType":"payment-select","extra":{"payer":{"id":"b"},"payee":null,"availableMethods":"card"}`,
	`"messageType":"template"`,
	`"messageType":"template","template":{"type":"buttons","text":"x"}`,
	`"messageType":"template","template":{"type":"buttons","actions":[null,5]}`,
	`"messageType":"template","template":{"type":"confirm","actions":[{"type":"uri"}]}`,
	`"messageType":"template","template":{"type":"carousel","columns":[{"text":"x"},null,{"actions":"x"}]}`,
	`"messageType":"template","template":"{\"type\":\"buttons\",\"actions\":[]}"`,
	`"messageType":"text","template":{"quickReply":{"items":[null,{"action":null}]}}`,
	`"messageType":"text","template":{"quickReply":{}}`,
	`"messageType":"flex","contents":null`,
	`"messageType":"flex","contents":"{\"type\":\"bubble\"}"`,
	`"messageType":"flex","contents":"text"`,
	`"messageType":"flex","contents":{"type":"carousel","contents":[null,{"type":"bubble","body":null}]}`,
	`"messageType":"flex","contents":{"type":"bubble","body":{"type":"box","contents":[{"type":"text","text":5}]}}`,
	`"messageType":"flex","contents":` + strings.Repeat(`{"type":"box","contents":[`, 40) + strings.Repeat(`]}`, 40),
	`"messageType":"location","latitude":{},"longitude":"x"`,
	`"messageType":"location","latitude":"25.5","longitude":1e400`,
	`"messageType":"video","originalUrl":"https://x/a","width":1e400,"duration":-1e400`,
	`"messageType":"typing"`,
	`"messageType":"ai_streaming","text":5`,
	`"messageType":"cancelInvitations","extra":{"invitees":[5]}`,
	`"messageType":"hologram","originalUrl":5,"sticker":[],"extra":5,"width":"wide"`,
	`"messageType":"text","message":"x","images":"x"`,
}

// brokenNative are fields that only another server can write so.
var brokenNative = []string{
	`"message":5`, `"message":{"a":1}`, `"sender":"ben"`, `"sender":null`, `"sender":{"_id":"ben","nickname":5,"lastLoginTimeMS":1.6e12}`, `"sender":{"id":"ben"}`,
	`"createdAtMS":"1602817267925"`, `"createdAtMS":1.602817267925e12`, `"createdAtMS":1602817267`, `"createdAtMS":null`, `"updatedAtMS":1602817267926.0`,
	`"mentions":"ben"`, `"mentions":[null,"ben"]`, `"reactions":[null,{"client":{"_id":"eve"},"reaction":"+"}]`, `"reactions":{}`, `"reactionCount":"1"`,
	`"reply":5`, `"reply":{}`, `"reply":{"_id":"q"}`, `"reply":{"_id":"q","sender":"ben","message":5,"messageType":"deleteMember","createdAtMS":"x"}`,
	`"reply":{"_id":"q","message":"","sender":{"_id":"b"},"messageType":"image","images":[null],"reply":{"_id":"p","reply":{"_id":"o","reply":{"_id":"n"}}}}`,
	`"reply":{"_id":"q","message":"","sender":{"_id":"b"},"messageType":"text","data":{"x":1}}`,
	`"room":{"_id":"r1"}`, `"id":5`, `"messageType":null`, `"editedAt":1602817267926`, `"data":{"x":1}`, `"messageType":"recall","message":null`,
}

// No message that is sent, edited or mirrored stops a client: not as a row, not as the last message of its
// room in a list, not as what another message answers.
func TestNoMessageStopsAClient(t *testing.T) {
	w, alice, _ := chat(t)
	for i, fields := range broken {
		room := w.newRoom(t, "sent")
		said := func(body string) string {
			w.pass(10)
			a := w.call(t, "POST", "/rooms/"+room+"/message", alice, body)
			if a.status != 200 && a.status != 400 {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
			if _, broken := w.shown(t, alice, room); len(broken) > 0 {
				t.Errorf("%s: %s", body, broken)
			}
			var sent struct{ Result row }
			_ = json.Unmarshal([]byte(a.body), &sent)
			return sent.Result.ID
		}
		said("{" + fields + "}")
		id := said(`{"message":"before","messageType":"` + typeIn(fields) + `"}`)
		said(`{"_id":"` + id + `",` + fields + `}`)
		said(fmt.Sprintf(`{"message":"answer %d","reply":%q}`, i, id))
	}
	for i, fields := range append(broken[:len(broken):len(broken)], brokenNative...) {
		room := w.newRoom(t, "mirrored")
		id := fmt.Sprintf("5f890cf37d980e06f6aa%04d", i)
		native := override(t, id, `"room":"`+room+`",`+fields)
		if !w.mirrorRow(t, room, native) {
			continue // set aside
		}
		if _, broken := w.shown(t, alice, room); len(broken) > 0 {
			t.Errorf("mirrored %s: %s", fields, broken)
		}
		e, err := w.store.Message(t.Context(), ref(room), parlance.MessageID(id))
		if err != nil || string(e.Message.Native.JSON) != string(native) {
			t.Errorf("mirrored %s: stored %s, %v", fields, e.Message.Native.JSON, err)
		}
		w.ok(t, "POST", "/rooms/"+room+"/message", alice, `{"message":"an answer","reply":"`+id+`"}`)
		w.ok(t, "POST", "/messages/"+id+"/reaction", alice, `{"reaction":"+"}`)
		if _, broken := w.shown(t, alice, room); len(broken) > 0 {
			t.Errorf("mirrored and changed %s: %s", fields, broken)
		}
	}
}

// newRoom makes a room that alice is in, and returns its id, which is its name too.
func (w *world) newRoom(t failer, kind string) string {
	t.Helper()
	id := fmt.Sprintf("%s-%d", kind, w.rooms.Add(1))
	w.room(t, parlance.Conversation{ID: parlance.ConversationID(id), Title: id, Created: start}, parlance.Member{Account: "alice", Role: parlance.MemberRole})
	return id
}

func typeIn(fields string) string {
	var o struct{ MessageType string }
	if json.Unmarshal([]byte("{"+fields+"}"), &o) != nil || o.MessageType == "" {
		return "text"
	}
	return o.MessageType
}

// whole is a message as the platform writes one.
const whole = `"room":"r1","sender":{"_id":"ann","nickname":"Ann","id":"ann","lastLoginTimeMS":1588744338369},"messageType":"text","message":"hi",` +
	`"reactions":[],"messageTimeMS":1602817267923,"createdAtMS":1602817267925,"updatedAtMS":1602817267926`

// override returns a whole message with other fields in it.
func override(t failer, id, fields string) []byte {
	t.Helper()
	var order []string
	values := map[string]json.RawMessage{}
	for _, text := range []string{`{"_id":"` + id + `","id":"` + id + `",` + whole + `}`, "{" + fields + "}"} {
		d := json.NewDecoder(strings.NewReader(text))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			var v json.RawMessage
			if err := d.Decode(&v); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if _, again := values[name.(string)]; !again {
				order = append(order, name.(string))
			}
			values[name.(string)] = v
		}
	}
	var b strings.Builder
	for i, name := range order {
		fmt.Fprintf(&b, "%s%q:%s", map[bool]string{true: "{", false: ","}[i == 0], name, values[name])
	}
	return []byte(b.String() + "}")
}

// What is plainly wrong is refused, and what can be read another way is taken.
func TestPlainlyWrongFieldsAreRefused(t *testing.T) {
	w, alice, _ := chat(t)
	id := w.send(t, alice, `{"messageType":"image","images":[{"originalUrl":"https://x/a"}]}`)
	for _, fields := range []string{
		`"images":"x"`, `"images":[null]`, `"images":[{"originalUrl":5}]`, `"originalUrl":5`, `"sticker":5`, `"extra":5`, `"extra":[null]`, `"width":"wide"`, `"template":5`,
	} {
		w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/r1/message", alice, `{"messageType":"image",`+fields+`}`)
		w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/r1/message", alice, `{"_id":"`+id+`",`+fields+`}`)
		w.refused(t, 400, "INVALID_BODY", "POST", "/messages", w.key("alice"), `{"room":"r1","messageType":"image",`+fields+`}`)
	}
	for _, body := range []string{
		`{"messageType":"deleteMember","extra":"text"}`, `{"messageType":"deleteMember","extra":{"members":[null]}}`, `{"messageType":"flex","contents":"text"}`,
		`{"messageType":"template","template":{"type":"buttons"}}`, `{"messageType":"file","originalUrl":"https://x/a","extra":"no JSON"}`,
	} {
		w.refused(t, 400, "INVALID_BODY", "POST", "/rooms/r1/message", alice, body)
	}
	for body, want := range map[string]string{
		`{"messageType":"image","images":[{"originalUrl":"https://x/a","width":"8"}],"width":2.5}`:     `"images":[{"originalUrl":"https://x/a","width":8}],"width":3`,
		`{"messageType":"location","latitude":"25.5","longitude":121}`:                                 `"latitude":25.5,"longitude":121`,
		`{"messageType":"flex","contents":"{\"type\":\"bubble\"}"}`:                                    `"contents":{"type":"bubble"}`,
		`{"messageType":"deleteMember","member":{"_id":"b"}}`:                                          `"extra":{"members":[{"_id":"b"}]}`,
		`{"messageType":"addMember","extra":{"invitees":[{"_id":"b"}]}}`:                               `"member":{"_id":"b"}`,
		`{"messageType":"addMembers","extra":"{\"invitees\":[{\"_id\":\"b\"}]}"}`:                      `"extra":{"invitees":[{"_id":"b"}]}`,
		`{"messageType":"poll","contents":["a"],"template":5,"member":"x","extra":"{}","images":null}`: `"contents":["a"],"template":5,"member":"x","extra":"{}"`,
	} {
		if a := w.call(t, "POST", "/rooms/r1/message", alice, body); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s, want %s", body, a.status, a.body, want)
		}
	}
}

// Whatever stands in any field of a message, by whatever way it came, clients read it.
func TestClientsReadEveryMessage(t *testing.T) {
	w, alice, _ := chat(t)
	rapid.Check(t, func(t *rapid.T) { w.anyMessage(t, alice) })
}

func FuzzClientsReadEveryMessage(f *testing.F) {
	w, alice, _ := chat(f)
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { w.anyMessage(t, alice) }))
}

// anyMessage sends, edits and mirrors messages with anything in their fields, and reads them.
func (w *world) anyMessage(t *rapid.T, h headers) {
	room := w.newRoom(t, "any")
	post := func(body string) (id string) {
		a := w.exchange(t, "POST", "/rooms/"+room+"/message", h, body, true)
		var sent struct{ Result row }
		_ = json.Unmarshal([]byte(a.body), &sent) // refused: none
		return sent.Result.ID
	}
	id := fmt.Sprintf("5f890cf37d980e06%08x", w.rooms.Add(1))
	fields := anyFields().Draw(t, "fields")
	common := `"room":"` + room + `",` + fields
	switch rapid.SampledFrom([]string{"send", "edit", "mirror", "quote"}).Draw(t, "way") {
	case "send":
		post("{" + fields + "}")
	case "edit":
		if id := post("{" + fields + "}"); id != "" {
			post(`{"_id":"` + id + `",` + anyFields().Draw(t, "edit") + "}")
		}
	case "mirror":
		w.mirrorRow(t, room, override(t, id, common+","+anyCommon().Draw(t, "common")))
	case "quote":
		w.mirrorRow(t, room, override(t, id, common+`,"reply":`+string(override(t, "q", fields+","+anyCommon().Draw(t, "common")))))
	}
	if _, broken := w.shown(t, h, room); len(broken) > 0 {
		t.Fatalf("%s", broken)
	}
}

var messageTypes = []string{
	"text", "url", "image", "mixed", "video", "audio", "file", "location", "sticker", "line", "template", "flex", "payment", "payment-select", "announcement",
	"addMember", "addMembers", "deleteMember", "deleteMembers", "cancelInvitations", "assignAdmin", "joinRoom", "leaveRoom", "typing", "ai_streaming", "encrypted", "custom",
}

var messageFields = []string{
	"message", "images", "originalUrl", "thumbnailUrl", "sticker", "width", "height", "duration", "latitude", "longitude", "extra", "member", "template", "contents", "url", "text",
}

var commonFields = []string{
	"room", "sender", "mentions", "reactions", "reactionCount", "reply", "editedAt", "createdAtMS", "updatedAtMS", "messageTimeMS", "id", "data", "isDeleted", "messageType",
}

// keys are those that clients look for inside fields.
var keys = []string{
	"_id", "id", "nickname", "invitees", "members", "payer", "payee", "stickerId", "type", "fileName", "bytes", "originalUrl", "width", "actions", "columns", "action",
	"contents", "body", "text", "quickReply", "items", "availableMethods", "client", "reaction", "sender", "messageType", "message", "images", "extra",
}

func anyFields() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		fields := fmt.Sprintf(`"messageType":%q`, rapid.SampledFrom(messageTypes).Draw(t, "type"))
		return fields + someOf(t, messageFields)
	})
}

func anyCommon() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return `"x":1` + someOf(t, commonFields) })
}

func someOf(t *rapid.T, names []string) (fields string) {
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID).Draw(t, "names") {
		fields += fmt.Sprintf(",%q:%s", name, anyJSON(4).Draw(t, name))
	}
	return fields
}

// anyJSON is any value, with what clients look for more often than chance would have it.
func anyJSON(depth int) *rapid.Generator[string] {
	leaf := rapid.SampledFrom([]string{
		`null`, `true`, `0`, `5`, `-0`, `1.5`, `1e3`, `1602817267925`, `""`, `"x"`, `"8"`, `"https://x/a.png"`, `"carousel"`, `"buttons"`, `"confirm"`, `"bubble"`, `"box"`, `"sticker"`,
		`"deleteMember"`, `"no JSON"`, `"{}"`, `"null"`, `"[null]"`, `{}`, `[]`, `[null]`,
	})
	if depth == 0 {
		return leaf
	}
	inner := rapid.Deferred(func() *rapid.Generator[string] { return anyJSON(depth - 1) })
	object := rapid.Custom(func(t *rapid.T) string {
		var parts []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 3, rapid.ID).Draw(t, "keys") {
			parts = append(parts, fmt.Sprintf("%q:%s", name, inner.Draw(t, name)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	})
	list := rapid.Custom(func(t *rapid.T) string {
		return "[" + strings.Join(rapid.SliceOfN(inner, 0, 3).Draw(t, "list"), ",") + "]"
	})
	quoted := rapid.Custom(func(t *rapid.T) string {
		b, err := json.Marshal(object.Draw(t, "quoted"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
	return rapid.OneOf(leaf, object, object, list, quoted)
}

// A room whose fields another client or server wrote in other shapes stops nobody; what is plainly wrong is refused.
func TestNoRoomStopsAClient(t *testing.T) {
	w, alice, _ := chat(t)
	for i, fields := range []string{
		`"extParams":"null"`, `"extParams":" null\n"`, `"extParams":""`, `"extParams":null`, `"extParams":{"guestId":"g"}`, `"extParams":"no JSON"`,
		`"opening":true`, `"opening":"1"`, `"opening":2.0`, `"webhook":null,"botMode":null,"botState":null,"encrypted":null,"serviceStatus":null`,
		`"extParams":[],"opening":{},"webhook":5,"botMode":"x","botState":[],"encrypted":1,"serviceStatus":"x"`, `"extParams":5`,
	} {
		room := fmt.Sprintf("kept-%d", i)
		w.room(t, parlance.Conversation{
			ID: parlance.ConversationID(room), Title: room, Created: start, Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte("{" + fields + "}")},
		}, parlance.Member{Account: "alice"})
		if _, broken := w.shown(t, alice, room); len(broken) > 0 {
			t.Errorf("kept %s: %s", fields, broken)
		}
		id := fmt.Sprintf("made-%d", i)
		a := w.call(t, "POST", "/rooms/createAndJoin", alice, fmt.Sprintf(`{"_id":%q,"name":%q,%s}`, id, id, fields))
		if a.status == 400 {
			continue
		}
		if _, broken := w.shown(t, alice, id); len(broken) > 0 {
			t.Errorf("made with %s: %s", fields, broken)
		}
	}
	for _, fields := range []string{`"extParams":5`, `"opening":{}`, `"webhook":5`, `"botMode":"x"`, `"botState":[]`, `"encrypted":1`, `"serviceStatus":"x"`} {
		w.refused(t, 400, "INVALID_BODY", "POST", "/rooms", w.key(""), `{`+fields+`}`)
		w.refused(t, 400, "INVALID_BODY", "PUT", "/rooms/r1", w.key(""), `{`+fields+`}`)
	}
}
