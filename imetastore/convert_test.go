package imetastore_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

// body returns the elements of the only message listed, as text: type content, type content.
func body(t testing.TB, l imetastore.MessageList) string {
	t.Helper()
	if len(l.MsgList) != 1 {
		t.Fatalf("%d messages", len(l.MsgList))
	}
	var all []string
	for _, e := range l.MsgList[0].MsgBody {
		all = append(all, e.MsgType+" "+string(e.MsgContent))
	}
	return strings.Join(all, ", ")
}

func TestOtherDialects(t *testing.T) {
	image := parlance.Attachment{Type: parlance.TypeImage, URL: "https://i", MIME: "image/png", Size: 9, Width: 2, Height: 3}
	const imageWire = `TIMImageElem {"uuid":"7b5f8aa0", "imageFormat":3,"imageInfoArray":[{"type":1,"size":9,"width":2,"height":3,"url":"https://i"},` +
		`{"type":2,"size":0,"width":0,"height":0,"url":"https://i"},{"type":3,"size":0,"width":0,"height":0,"url":"https://i"}]}`
	for name, c := range map[string]struct {
		m    parlance.Message
		want string
	}{
		"text":       {parlance.Message{Type: parlance.TypeText, Text: "a \"b\" <c>\n"}, `TIMTextElem {"text":"a \"b\" <c>\n"}`},
		"empty text": {parlance.Message{Type: parlance.TypeText}, `TIMTextElem {"text":""}`},
		"action":     {parlance.Message{Type: parlance.TypeAction, Text: "waves"}, `TIMTextElem {"text":"waves"}`},
		"image":      {parlance.Message{Type: parlance.TypeImage, Attachments: []parlance.Attachment{image}}, imageWire},
		"text and image": {
			parlance.Message{Type: parlance.TypeImage, Text: "look", Attachments: []parlance.Attachment{image}},
			`TIMTextElem {"text":"look"}, ` + imageWire,
		},
		"file": {
			parlance.Message{Type: parlance.TypeFile, Attachments: []parlance.Attachment{{Type: parlance.TypeFile, Name: "n", URL: "https://f"}}},
			`TIMFileElem {"url":"https://f","uuid":"7b5f8aa0","fileSize":0,"fileName":"n","download_Flag":2}`,
		},
		"audio": {
			parlance.Message{Type: parlance.TypeAudio, Attachments: []parlance.Attachment{{Type: parlance.TypeAudio, URL: "https://f", Size: 5, Duration: 1600}}},
			`TIMSoundElem {"url":"https://f","uuid":"7b5f8aa0","size":5,"second":2,"download_Flag":2}`,
		},
		"video": {
			parlance.Message{Type: parlance.TypeVideo, Attachments: []parlance.Attachment{{Type: parlance.TypeVideo, URL: "https://f", MIME: "video/webm", Duration: 1}}},
			`TIMVideoFileElem {"videoUrl":"https://f","videoUUID":"7b5f8aa0","videoSize":0,"videoSecond":1,"videoFormat":"webm","videoDownloadFlag":2,` +
				`"thumbUrl":"","thumbUUID":"","thumbSize":0,"thumbWidth":0,"thumbHeight":0,"thumbFormat":"JPG","thumbDownloadFlag":2}`,
		},
		"location": {
			parlance.Message{Type: parlance.TypeLocation, Text: "office", Location: &parlance.Location{Latitude: 29.34, Longitude: -116.77}},
			`TIMLocationElem {"desc":"office","latitude":29.34,"longitude":-116.77}`,
		},
		"sticker": {parlance.Message{Type: parlance.TypeSticker, Sticker: "smile"}, `TIMFaceElem {"index":0,"data":"smile"}`},
		"system": {
			parlance.Message{Type: parlance.TypeSystem, Text: "joined"},
			`TIMCustomElem {"data":"{\"type\":\"system\",\"text\":\"joined\"}","desc":"joined","ext":"","sound":""}`,
		},
		"another's own": {
			parlance.Message{Type: "poll", Text: "which?", Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{"messageType":"poll"}`)}},
			`TIMCustomElem {"data":"{\"messageType\":\"poll\"}","desc":"which?","ext":"","sound":""}`,
		},
		"another's own, changed": {
			parlance.Message{Type: "poll", Text: "which?", Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{"messageType":"poll"}`), Stale: true}},
			`TIMCustomElem {"data":"{\"type\":\"poll\",\"text\":\"which?\"}","desc":"which?","ext":"","sound":""}`,
		},
		"image without image": {
			parlance.Message{Type: parlance.TypeImage},
			`TIMCustomElem {"data":"{\"type\":\"image\"}","desc":"","ext":"","sound":""}`,
		},
		"recalled": {
			parlance.Message{Type: parlance.TypeText, Text: "secret", State: parlance.Recalled},
			`TIMCustomElem {"data":"","desc":"","ext":"","sound":""}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, imetastore.Options{})
			ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Order, Customer: buyer})
			c.m.ID, c.m.Sender, c.m.Role, c.m.Created = "1", "agent", parlance.Agent, parlance.TimeOf(start)
			f.put(ref, store.Mirror, c.m)
			l := f.list(everything)
			sameElements(t, body(t, l), c.want)
			it := l.MsgList[0]
			if it.FromAccount != seller || it.ToAccount != buyer || it.MsgSeq != 1 || it.MsgDateTime != "2025-12-17 13:44:16" {
				t.Errorf("item %+v", it)
			}
		})
	}
}

// sameElements compares elements, but for the names of files.
func sameElements(t testing.TB, got, want string) {
	t.Helper()
	strip := func(s string) []any {
		var all []any
		for _, e := range strings.Split(s, ", TIM") {
			_, content, _ := strings.Cut(e, " ")
			var v map[string]any
			if err := json.Unmarshal([]byte(content), &v); err != nil {
				t.Fatalf("%s: %v", content, err)
			}
			for _, id := range []string{"uuid", "videoUUID"} {
				if v[id] != nil {
					v[id] = len(v[id].(string)) > 0
				}
			}
			all = append(all, v)
		}
		return all
	}
	if !reflect.DeepEqual(strip(got), strip(want)) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhoIsShown(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Customer: "600d71329888be544e4f27fb"})
	n, err := f.store.Number(t.Context(), f.ws.ID, "600d71329888be544e4f27fb")
	if err != nil || n < 1e18 {
		t.Fatalf("number %d, %v", n, err)
	}
	f.put(ref, store.Mirror,
		parlance.Message{ID: "1", Sender: "600d71329888be544e4f27fb", Role: parlance.Customer, Text: "c", Created: 1000},
		parlance.Message{ID: "2", Sender: "someone", Role: parlance.Merchant, Text: "m", Created: 2000},
		parlance.Message{ID: "3", Sender: "bot", Role: parlance.Bot, Text: "b", Created: 3000},
		parlance.Message{ID: "4", Sender: "600d71329888be544e4f27fb", Role: parlance.MemberRole, Text: "c", Created: 4000},
		parlance.Message{ID: "5", Sender: "other", Role: parlance.MemberRole, Text: "m", Created: 5000},
		parlance.Message{ID: "6", Sender: "agent", Role: parlance.Agent, Text: "note", Type: parlance.TypeNote, Created: 6000},
	)
	buyerID := fmt.Sprint(n)
	for _, ask := range []string{buyerID, "null"} {
		l := f.list(`{"buyerId":` + ask + `,"minTime":0,"maxTime":4102444800}`)
		got := ""
		for _, it := range l.MsgList {
			switch {
			case string(it.FromAccount) == buyerID && it.ToAccount == seller:
				got += "<"
			case string(it.ToAccount) == buyerID && it.FromAccount == seller:
				got += ">"
			}
		}
		if got != "<>><>" || l.MsgCnt != 5 {
			t.Errorf("buyer %s: %s of %+v", ask, got, l)
		}
	}
}

// TestConversationWithoutCustomer checks that its id stands for the buyer.
func TestConversationWithoutCustomer(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "12345"})
	f.put(ref, store.Mirror, parlance.Message{ID: "1", Sender: "x", Role: parlance.Customer, Text: "hi", Created: 1000})
	for _, ask := range []string{"12345", "null"} {
		l := f.list(`{"buyerId":` + ask + `,"minTime":0,"maxTime":4102444800}`)
		if texts(t, l) != "hi" || l.MsgList[0].FromAccount != "12345" {
			t.Errorf("buyer %s: %+v", ask, l)
		}
	}
}

func TestRoomsAreNotShown(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "r", Kind: parlance.Direct, Customer: buyer})
	f.put(ref, store.Send, parlance.Message{Sender: buyer, Role: parlance.Customer, Text: "hi"})
	for _, ask := range []string{buyer, "null"} {
		if l := f.list(`{"buyerId":` + ask + `,"minTime":0,"maxTime":4102444800}`); len(l.MsgList) != 0 {
			t.Errorf("buyer %s: %+v", ask, l)
		}
	}
}

// TestMirroredItems checks that items are served as they came until they are changed here.
func TestMirroredItems(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Customer: buyer})
	const odd = `{ "extra":{"a":[1.0,"\u0041"]},"fromAccount":"seller_7","toAccount":"` + buyer + `","msgTimestamp":1734443056,` +
		`"msgDateTime":"2024-12-17 21:44:16","msgSeq":4294967295,"msgRandom":0,"msgKey":"k","msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\"}"}]}`
	f.mirror(ref, odd)
	id := imetastore.MessageIDOf(1734443056, 4294967295, 0, "seller_7", buyer)
	expect := func(want string) {
		t.Helper()
		if r := f.post("/seller/im/msg", everything); !strings.Contains(r.body, `"msgList":[`+want+`]`) {
			t.Errorf("got  %s\nwant %s", r.body, want)
		}
	}
	expect(odd)
	// What the wire doesn't show changes nothing.
	f.change(ref, id, func(m *parlance.Message) {
		m.Reactions = append(m.Reactions, parlance.Reaction{Emoji: "x", Account: buyer})
	})
	expect(odd)
	compact := strings.Replace(odd, "{ ", "{", 1)
	f.change(ref, id, func(m *parlance.Message) { m.Text = "b" })
	expect(strings.Replace(compact, `\"a\"`, `\"b\"`, 1))
	f.change(ref, id, func(m *parlance.Message) { m.State = parlance.Recalled })
	empty := `{"msgType":"TIMCustomElem","msgContent":"{\"data\":\"\",\"desc\":\"\",\"ext\":\"\",\"sound\":\"\"}"}`
	expect(strings.Replace(compact, `{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\"}"}`, empty, 1))
}

// TestSentHereThenChanged checks that the sender's random stays and the body follows.
func TestSentHereThenChanged(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":9,"msgBody":{"msgType":"TIMLocationElem","msgContent":{"desc":"a","latitude":1.50,"longitude":2}}}`)
	ref := parlance.Ref{Workspace: f.ws.ID, Conversation: seller + ":" + buyer}
	p, err := f.store.Page(t.Context(), ref, store.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := p.Entries[0].Message.ID
	for _, c := range []struct {
		change func(*parlance.Message)
		want   string
	}{
		{func(m *parlance.Message) { m.Thread = "t" }, `TIMLocationElem {"desc":"a","latitude":1.50,"longitude":2}`},
		{func(m *parlance.Message) { m.Text = "b" }, `TIMLocationElem {"desc":"b","latitude":1.5,"longitude":2}`},
		{func(m *parlance.Message) { m.State = parlance.Recalled }, `TIMCustomElem {"data":"","desc":"","ext":"","sound":""}`},
	} {
		f.change(ref, id, c.change)
		l := f.list(everything)
		if got := body(t, l); got != c.want || l.MsgList[0].MsgRandom != 9 {
			t.Errorf("got %s of %d, want %s", got, l.MsgList[0].MsgRandom, c.want)
		}
	}
}

// TestMessageOf checks what is understood of items, and that what isn't is kept.
func TestMessageOf(t *testing.T) {
	item := func(body string) string {
		return `{"fromAccount":"` + buyer + `","toAccount":"seller_001","msgTimestamp":1734443056000,"msgSeq":1,"msgRandom":2,"msgBody":` + body + `}`
	}
	element := func(msgType, content string) string {
		b, _ := json.Marshal(content)
		return `[{"MsgType":"` + msgType + `","MsgContent":` + string(b) + `}]`
	}
	for name, c := range map[string]struct {
		body string
		want parlance.Message
	}{
		"text":   {element("TIMTextElem", `{"Text":"a"}`), parlance.Message{Type: parlance.TypeText, Text: "a"}},
		"object": {`{"msgType":"TIMTextElem","msgContent":{"text":"a"}}`, parlance.Message{Type: parlance.TypeText, Text: "a"}},
		"image": {
			element("TIMImageElem", `{"UUID":"u","imageFormat":1,"imageInfoArray":[{"type":3,"URL":"t"},{"type":1,"size":1,"width":2,"height":3,"uRL":"o"}]}`),
			parlance.Message{Type: parlance.TypeImage, Attachments: []parlance.Attachment{
				{Type: parlance.TypeImage, URL: "o", Thumb: "t", MIME: "image/jpeg", Size: 1, HasSize: true, Width: 2, Height: 3},
			}},
		},
		"sound": {
			element("TIMSoundElem", `{"url":"s","second":2,"downloadFlag":2}`),
			parlance.Message{Type: parlance.TypeAudio, Attachments: []parlance.Attachment{{Type: parlance.TypeAudio, URL: "s", Duration: 2000}}},
		},
		"video": {
			element("TIMVideoFileElem", `{"video_url":"v","VideoSecond":5,"videoFormat":"mp4","videoSize":7,"thumbUrl":"t"}`),
			parlance.Message{Type: parlance.TypeVideo, Attachments: []parlance.Attachment{
				{Type: parlance.TypeVideo, URL: "v", Thumb: "t", MIME: "video/mp4", Size: 7, HasSize: true, Duration: 5000},
			}},
		},
		"file": {
			element("TIMFileElem", `{"url":"f","fileName":"n","fileSize":4}`),
			parlance.Message{Type: parlance.TypeFile, Attachments: []parlance.Attachment{{Type: parlance.TypeFile, Name: "n", URL: "f", Size: 4, HasSize: true}}},
		},
		"face":            {element("TIMFaceElem", `{"index":3}`), parlance.Message{Type: parlance.TypeSticker, Sticker: "3"}},
		"custom":          {element("TIMCustomElem", `{"data":"d","desc":"order"}`), parlance.Message{Type: parlance.TypeCustom, Text: "order"}},
		"unknown type":    {element("TIMRelayElem", `{"title":"x"}`), parlance.Message{Type: parlance.TypeCustom}},
		"unknown content": {element("TIMTextElem", `not JSON`), parlance.Message{Type: parlance.TypeCustom}},
		"unknown elements": {
			`[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\"}"},7,{"msgType":"TIMTextElem","msgContent":7}]`,
			parlance.Message{Type: parlance.TypeCustom, Text: "a"},
		},
		"unknown body": {`"gone"`, parlance.Message{Type: parlance.TypeCustom}},
		"no body":      {`[]`, parlance.Message{Type: parlance.TypeText}},
	} {
		t.Run(name, func(t *testing.T) {
			text := item(c.body)
			got, err := imetastore.MessageOf([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			want.ID = "0000000001_0000000002_" + buyer + "_seller_001_1734443056"
			want.Sender, want.Role = buyer, parlance.Customer
			want.Sent = parlance.TimeOfSeconds(1734443056)
			want.Created, want.Updated = want.Sent, want.Sent
			want.Native = parlance.Native{Dialect: parlance.IMetaStore, JSON: []byte(text)}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `null`, `{"fromAccount":"a","toAccount":"b"}`, `{"fromAccount":"a","toAccount":"b","msgTimestamp":0}`,
		`{"fromAccount":"a","toAccount":"b","msgTimestamp":1734443056000000}`, `{"fromAccount":"a","toAccount":"b","msgTimestamp":1.5}`,
		`{"fromAccount":"a","toAccount":"b","msgTimestamp":1,"msgRandom":4294967296}`, `{"fromAccount":"a","toAccount":"b","msgTimestamp":1,"msgSeq":1,"msgSeq":2}`,
		`{"fromAccount":"a","toAccount":"` + strings.Repeat("b", 512) + `","msgTimestamp":1}`, `{"fromAccount":"a\u0000","toAccount":"b","msgTimestamp":1}`,
		"{\"fromAccount\":\"a\xff\",\"toAccount\":\"b\",\"msgTimestamp\":1}",
		`{"fromAccount":"a","toAccount":"b","msgTimestamp":9223372036854775807}`, `{"fromAccount":"a","toAccount":"b","msgTimestamp":1,"msgSeq":-1}`,
	} {
		if _, err := imetastore.MessageOf([]byte(bad)); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestB19Identity: what differs in one of the five fields stays two messages, and nothing else tells them apart.
func TestB19Identity(t *testing.T) {
	const item = `{"fromAccount":"1","toAccount":"s","msgTimestamp":1734443056,"msgSeq":1,"msgRandom":2,"msgBody":[]}`
	first, err := imetastore.MessageOf([]byte(item))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{`"fromAccount":"1"`, `"fromAccount":"3"`, false},
		{`"toAccount":"s"`, `"toAccount":"t"`, false},
		{`1734443056`, `1734443057`, false},
		{`"msgSeq":1`, `"msgSeq":2`, false},
		{`"msgRandom":2`, `"msgRandom":3`, false},
		{`1734443056`, `1734443056000`, true},
		{`1734443056`, `"1734443056"`, true},
		{`"fromAccount":"1"`, `"fromAccount":1`, true},
		{`[]`, `[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\"}"}],"msgKey":"k"`, true},
	} {
		m, err := imetastore.MessageOf([]byte(strings.Replace(item, c.old, c.new, 1)))
		if err != nil || (m.ID == first.ID) != c.same {
			t.Errorf("%s for %s: id %s, %v", c.new, c.old, m.ID, err)
		}
	}
}

// TestMessageIDsOrder checks the ids' order: that of (seq, random, from, to).
func TestMessageIDsOrder(t *testing.T) {
	ids := []parlance.MessageID{
		imetastore.MessageIDOf(9, 0, 4294967295, "2", "a"),
		imetastore.MessageIDOf(9, 1, 0, "2", "a"),
		imetastore.MessageIDOf(9, 1, 0, "a", "2"),
		imetastore.MessageIDOf(9, 1, 10, "2", "a"),
		imetastore.MessageIDOf(9, 9, 0, "2", "a"),
		imetastore.MessageIDOf(9, 10, 0, "2", "a"),
		imetastore.MessageIDOf(9, 4294967295, 0, "2", "a"),
	}
	for i := 1; i < len(ids); i++ {
		if ids[i-1] >= ids[i] {
			t.Errorf("%s is not below %s", ids[i-1], ids[i])
		}
	}
}

func TestYearOne(t *testing.T) {
	f := newFixture(t, imetastore.Options{PageSize: 1})
	ref := f.conversation(parlance.Conversation{ID: "c", Customer: buyer})
	f.put(ref, store.Mirror,
		parlance.Message{ID: "1", Sender: buyer, Role: parlance.Customer, Text: "first", Created: parlance.MinTime},
		parlance.Message{ID: "2", Sender: buyer, Role: parlance.Customer, Text: "old", Created: -1500},
		parlance.Message{ID: "3", Sender: buyer, Role: parlance.Customer, Text: "last", Created: parlance.MaxTime})
	key := ""
	for _, want := range []string{"last", "old", "first"} {
		l := f.list(fmt.Sprintf(`{"buyerId":%s,"minTime":-99999999999,"maxTime":%d,"lastMsgKey":%q}`, buyer, int64(parlance.MaxTime), key))
		if got := texts(t, l); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if it := l.MsgList[0]; want == "old" && (it.MsgTimestamp != -2 || it.MsgDateTime != time.Unix(-2, 0).UTC().Format(time.DateTime)) {
			t.Errorf("old %+v", it)
		}
		key = l.LastMsgKey
	}
}
