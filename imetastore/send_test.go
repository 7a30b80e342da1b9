package imetastore_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

func TestSendAndReadBack(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	for i, c := range []struct{ body, msgType, content string }{
		{`{"msgType":"TIMTextElem","msgContent":{"text":"Hello"}}`, "TIMTextElem", `{"text":"Hello"}`},
		{`{"msgType":"TIMTextElem","msgContent":{"text":"\"\\ <b>\u2028 \ud83d\ude00\u0000"}}`, "TIMTextElem", `{"text":"\"\\ <b>\u2028 😀\u0000"}`},
		{`{"msgType":"TIMTextElem","msgContent":{"text":""}}`, "TIMTextElem", `{"text":""}`},
		{`{"msgType":"TIMTextElem","msgContent":"{\"text\":\"as text\"}"}`, "TIMTextElem", `{"text":"as text"}`},
		{`[{"msgType":"TIMTextElem","msgContent":{"text":"in an array"}}]`, "TIMTextElem", `{"text":"in an array"}`},
		{`[{"MsgType":"TIMTextElem","MsgContent":{"Text":"capitals"}}]`, "TIMTextElem", `{"text":"capitals"}`},
		{`{"msgType":"TIMTextElem","msgContent":{"text":"x","more":[1.50,12345678901234567890]}}`, "TIMTextElem", `{"text":"x","more":[1.50,12345678901234567890]}`},
		{
			`{"msgType":"TIMImageElem","msgContent":{"UUID":"u","ImageFormat":1,"ImageInfoArray":[{"Type":1,"Size":9,"Width":0,"Height":0,"URL":"https://i"}]}}`,
			"TIMImageElem", `{"uuid":"u","imageFormat":1,"imageInfoArray":[{"type":1,"size":9,"width":0,"height":0,"url":"https://i"}]}`,
		},
		{
			`{"msgType":"TIMFileElem","msgContent":{"url":"https://f.example/x","uuid":"1053D4B3","fileSize":1773552,"fileName":"list.pdf","download_Flag":2}}`,
			"TIMFileElem", `{"url":"https://f.example/x","uuid":"1053D4B3","fileSize":1773552,"fileName":"list.pdf","download_Flag":2}`,
		},
		{`{"msgType":"TIMFileElem","msgContent":{"Url":"https://f","Download_Flag":2}}`, "TIMFileElem", `{"url":"https://f","download_Flag":2}`},
		{
			`{"msgType":"TIMSoundElem","msgContent":{"url":"https://f.example/v","uuid":"9be9d32c","size":62351,"second":1,"download_Flag":2}}`,
			"TIMSoundElem", `{"url":"https://f.example/v","uuid":"9be9d32c","size":62351,"second":1,"download_Flag":2}`,
		},
		{
			`{"msgType":"TIMVideoFileElem","msgContent":{"videoUrl":"https://f.example/m","VideoUUID":"5da38ba8","videoFormat":"mp4"}}`,
			"TIMVideoFileElem", `{"videoUrl":"https://f.example/m","videoUUID":"5da38ba8","videoFormat":"mp4"}`,
		},
		{
			`{"msgType":"TIMLocationElem","msgContent":{"desc":"office","latitude":29.340,"longitude":116.77}}`,
			"TIMLocationElem", `{"desc":"office","latitude":29.340,"longitude":116.77}`,
		},
		{`{"msgType":"TIMFaceElem","msgContent":{"index":1,"data":"smile"}}`, "TIMFaceElem", `{"index":1,"data":"smile"}`},
		{
			`{"msgType":"TIMCustomElem","msgContent":{"data":"{\"kind\":\"order_card\"}","desc":"order","ext":"","sound":""}}`,
			"TIMCustomElem", `{"data":"{\"kind\":\"order_card\"}","desc":"order","ext":"","sound":""}`,
		},
	} {
		f.advance(time.Second)
		random := uint32(4294967295 - i)
		f.send(fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":%s}`, buyer, random, c.body))
		l := f.list(everything)
		it := l.MsgList[len(l.MsgList)-1]
		if len(l.MsgList) != i+1 {
			t.Fatalf("%s: %d messages", c.body, len(l.MsgList))
		}
		sec := start.Unix() + int64(i) + 1
		if it.FromAccount != seller || it.ToAccount != buyer || it.MsgTimestamp != sec || it.MsgSeq != uint32(i+1) || it.MsgRandom != random ||
			it.MsgDateTime != time.Unix(sec, 0).UTC().Format(time.DateTime) {
			t.Errorf("%s: %+v", c.body, it)
		}
		if len(it.MsgBody) != 1 || it.MsgBody[0].MsgType != c.msgType {
			t.Fatalf("%s: %+v", c.body, it.MsgBody)
		}
		got, want := loose(t, string(it.MsgBody[0].MsgContent)), loose(t, c.content)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", c.body, got, want)
		}
	}
}

// loose decodes JSON, with numbers as they are written.
func loose(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return v
}

func TestSendSeveralElements(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":"7","msgBody":[` +
		`{"msgType":"TIMTextElem","msgContent":{"text":"look"}},{"msgType":"TIMImageElem","msgContent":{"imageInfoArray":[{"type":1,"url":"https://i"}]}}]}`)
	want := `"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"look\"}"},` +
		`{"msgType":"TIMImageElem","msgContent":"{\"imageInfoArray\":[{\"type\":1,\"url\":\"https://i\"}]}"}]`
	if r := f.post("/seller/im/msg", everything); !strings.Contains(r.body, want) {
		t.Errorf("got %s\nwant %s", r.body, want)
	}
	ref := parlance.Ref{Workspace: f.ws.ID, Conversation: seller + ":" + buyer}
	p, err := f.store.Page(t.Context(), ref, store.Query{Limit: 2})
	if err != nil || len(p.Entries) != 1 {
		t.Fatalf("page: %+v, %v", p, err)
	}
	m := p.Entries[0].Message
	if m.Type != parlance.TypeImage || m.Text != "look" || len(m.Attachments) != 1 || m.Attachments[0].URL != "https://i" || m.Role != parlance.Merchant {
		t.Errorf("common form %+v", m)
	}
}

// TestPlainTextCostsNothing checks that a text is kept once.
func TestPlainTextCostsNothing(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":123456789,"msgBody":{"msgType":"TIMTextElem","msgContent":{ "text" : "Hello" }}}`)
	ref := parlance.Ref{Workspace: f.ws.ID, Conversation: seller + ":" + buyer}
	p, err := f.store.Page(t.Context(), ref, store.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if native := string(p.Entries[0].Message.Native.JSON); native != `{"random":123456789}` {
		t.Errorf("native %s", native)
	}
}

func TestSendTwiceInOneSecond(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	text := func(to, text string, random int) string {
		return fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":%q}}}`, to, random, text)
	}
	f.send(text(buyer, "a", 1))
	f.advance(900 * time.Millisecond)
	f.send(text(buyer, "a", 1))
	f.send(text(buyer, "other-content", 1))
	f.send(text(buyer, "b", 2))
	f.send(text("42", "other-buyer", 1))
	f.advance(100 * time.Millisecond)
	f.send(text(buyer, "next-second", 1))
	if got := texts(t, f.list(everything)); got != "a b next-second" {
		t.Errorf("got %s", got)
	}
	if got := texts(t, f.list(`{"buyerId":42,"minTime":0,"maxTime":4102444800}`)); got != "other-buyer" {
		t.Errorf("got %s", got)
	}
}

// TestSendTwiceIntoSeveralConversations checks that a repeated message is known though another
// conversation has become the most recent.
func TestSendTwiceIntoSeveralConversations(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	a := f.conversation(parlance.Conversation{ID: "a", Customer: buyer})
	b := f.conversation(parlance.Conversation{ID: "b", Customer: buyer})
	f.put(a, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "1"})
	body := `{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"2"}}}`
	f.send(body)
	f.advance(10 * time.Millisecond)
	f.put(b, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "3"})
	f.send(body)
	if got := texts(t, f.list(everything)); got != "1 2 3" {
		t.Errorf("got %s", got)
	}
}

func TestSendGoesWhere(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	order := f.conversation(parlance.Conversation{ID: "order", Kind: parlance.Order, Customer: buyer})
	f.put(order, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "x"})
	random := 0
	sendTo := func(want parlance.ConversationID) {
		t.Helper()
		random++
		f.advance(time.Second)
		f.send(fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"m%d"}}}`, buyer, random, random))
		ref := parlance.Ref{Workspace: f.ws.ID, Conversation: want}
		p, err := f.store.Page(t.Context(), ref, store.Query{Limit: 1})
		if err != nil || len(p.Entries) == 0 || p.Entries[0].Message.Text != fmt.Sprint("m", random) {
			t.Errorf("not in %s: %+v, %v", want, p.Entries, err)
		}
	}
	// A customer of an order only gets a conversation of the platform's kind.
	sendTo(seller + ":" + buyer)
	c, err := f.store.Conversation(t.Context(), parlance.Ref{Workspace: f.ws.ID, Conversation: seller + ":" + buyer})
	if err != nil || c.Kind != parlance.Shop || c.Platform != parlance.IMetaStore || c.Customer != buyer {
		t.Errorf("made %+v, %v", c, err)
	}
	// Another platform's doesn't take its place, however recent.
	shopline := f.conversation(parlance.Conversation{ID: "s", Customer: buyer, Platform: parlance.Shopline})
	f.put(shopline, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "x"})
	sendTo(seller + ":" + buyer)
	// One of this platform does, if it is more recent.
	mirrored := f.conversation(parlance.Conversation{ID: "m", Customer: buyer, Platform: parlance.IMetaStore})
	f.advance(time.Minute)
	f.put(mirrored, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "x"})
	sendTo("m")
}

func TestFirstMessagesAtOnce(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			f.send(fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"m"}}}`, buyer, i/2))
		})
	}
	wg.Wait()
	if l := f.list(everything); len(l.MsgList) != 4 {
		t.Errorf("%d messages, want 4", len(l.MsgList))
	}
	if n, err := f.store.CountConversations(t.Context(), f.ws.ID, store.List{Account: buyer}); n != 1 || err != nil {
		t.Errorf("%d conversations, %v", n, err)
	}
}

func TestSendRefused(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	text := `{"msgType":"TIMTextElem","msgContent":{"text":"x"}}`
	custom := `{"msgType":"TIMCustomElem","msgContent":{"data":"x"}}`
	for _, c := range []struct{ body, msg string }{
		{`{"msgRandom":1,"msgBody":` + text + `}`, "Field buyerId is required."},
		{`{"buyerId":null,"msgRandom":1,"msgBody":` + text + `}`, "Field buyerId is required."},
		{`{"buyerId":0,"msgRandom":1,"msgBody":` + text + `}`, "Field buyerId: want an integer above 0."},
		{`{"buyerId":1,"msgBody":` + text + `}`, "Field msgRandom is required."},
		{`{"buyerId":1,"msgRandom":4294967296,"msgBody":` + text + `}`, "Field msgRandom: want an integer from 0 to 4294967295."},
		{`{"buyerId":1,"msgRandom":-1,"msgBody":` + text + `}`, "Field msgRandom: want an integer from 0 to 4294967295."},
		{`{"buyerId":1,"msgRandom":1.5,"msgBody":` + text + `}`, "Field msgRandom: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"buyerId":1,"msgRandom":1}`, "Field msgBody is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":[]}`, "Field msgBody is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":"x"}`, "Field msgBody: want an object or an array."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgContent":{"text":"x"}}}`, "Field msgBody.msgType is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem"}}`, "Field msgBody.msgContent is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":7}}`, "Field msgBody.msgContent: want an object, or a string that holds one."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":"hello"}}`, "Field msgContent is no valid JSON object."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":"{} {}"}}`, "Field msgContent is no valid JSON object."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{}}}`, "Field msgContent.text is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":7}}}`, "Field msgContent.text is of the wrong type."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"a","Text":"b"}}}`, "Field msgContent.text is there twice."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMImageElem","msgContent":{"imageInfoArray":[]}}}`, "Field msgContent.imageInfoArray is required."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMCustomElem","msgContent":{"data":{"a":1}}}}`, "Field msgContent.data is of the wrong type."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMRelayElem","msgContent":{}}}`, `Field msgType: there is no element \"TIMRelayElem\".`},
		{`{"buyerId":1,"msgRandom":1,"msgBody":[` + custom + `,` + custom + `]}`, "Field msgBody: at most one element may be a TIMCustomElem."},
		{`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"\ud800"}}}`, "Request body is not valid JSON."},
	} {
		r := f.post("/seller/im/send-msg", c.body)
		want := `{"code":"10002","msg":"` + c.msg + `","time":"2025-12-17T13:44:16.000Z","data":null}`
		if r.status != 400 || r.body != want {
			t.Errorf("%s: %d %s\nwant %s", c.body, r.status, r.body, want)
		}
	}
	if l := f.list(`{"minTime":0,"maxTime":4102444800}`); len(l.MsgList) != 0 {
		t.Errorf("stored nevertheless: %+v", l)
	}
}

func TestSendIntoFrozenConversation(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.conversation(parlance.Conversation{ID: "a", Customer: buyer, Frozen: true})
	r := f.post("/seller/im/send-msg", `{"buyerId":`+buyer+`,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"x"}}}`)
	if r.status != 403 || !strings.HasPrefix(r.body, `{"code":"403","msg":"the conversation takes no new messages"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// What costs far more than its bytes when it is decoded is refused before, and what isn't refused costs in proportion: nothing is copied
// once for each level that it lies in.
func TestSendCost(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	send := func(content string) reply {
		return f.do("POST", "/seller/im/send-msg", "Bearer "+f.token, `{"buyerId":`+buyer+`,"msgRandom":1,"msgBody":{"msgType":"TIMImageElem","msgContent":`+content+`}}`)
	}
	nested := func(levels, size int) string {
		return strings.Repeat(`{"ImageInfoArray":[`, levels) + `{"url":"` + strings.Repeat("x", size) + `"}` + strings.Repeat(`]}`, levels)
	}
	for name, content := range map[string]string{
		"deep":         nested(20_000, 1),
		"deep in text": strconv.Quote(nested(15_000, 1)),
		"many":         `{"imageInfoArray":[` + strings.Repeat(`{},`, 300_000) + `{}]}`,
		"many in text": strconv.Quote(`{"imageInfoArray":[` + strings.Repeat(`{},`, 300_000) + `{}]}`),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := send(content)
		runtime.ReadMemStats(&after)
		if r.status != 400 || !strings.Contains(r.body, `"10002"`) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 40*uint64(len(content)) {
			t.Errorf("%s: %d bytes of body cost %d", name, len(content), took)
		}
	}
	elements := strings.Repeat(`{"msgType":"TIMTextElem","msgContent":{"text":"x"}},`, parlance.MaxElements)
	body := `{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":[` + elements + `{"msgType":"TIMTextElem","msgContent":{"text":"x"}}]}`
	if r := f.do("POST", "/seller/im/send-msg", "Bearer "+f.token, body); r.status != 400 {
		t.Errorf("%d elements: %d", parlance.MaxElements+1, r.status)
	}
	// As deep and as large as is taken.
	content := nested(25, 900_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := send(content)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; r.status != 200 || took > 60*uint64(len(content)) {
		t.Errorf("%d for %d bytes cost %d: %s", r.status, len(content), took, r.body)
	}
}
