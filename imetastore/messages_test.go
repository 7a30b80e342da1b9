package imetastore_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

// item returns an item as the platform sends it.
func item(from, to string, sec int64, seq, random uint32, text string) string {
	return fmt.Sprintf(`{"fromAccount":%q,"toAccount":%q,"msgTimestamp":%d,"msgDateTime":%q,"msgSeq":%d,"msgRandom":%d,`+
		`"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"%s\"}"}]}`,
		from, to, sec, time.Unix(sec, 0).UTC().Format(time.DateTime), seq, random, text)
}

func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// texts returns the texts of a page, with spaces between.
func texts(t testing.TB, l imetastore.MessageList) string {
	t.Helper()
	var all []string
	for _, it := range l.MsgList {
		text, ok := strings.CutPrefix(string(it.MsgBody[0].MsgContent), `{"text":"`)
		text, ok2 := strings.CutSuffix(text, `"}`)
		if !ok || !ok2 {
			t.Fatalf("no text: %+v", it)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// TestPlatformsExample asks what the platform's page asks, of a store that holds what the
// page's answer lists.
func TestPlatformsExample(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c1", Customer: buyer, Platform: parlance.IMetaStore})
	f.mirror(ref, golden(t, "example-item.json"))
	r := f.post("/merchant-api/seller/im/msg", golden(t, "example-request.json"))
	if want := golden(t, "example-answer.json"); r.status != 200 || r.body != want {
		t.Errorf("answer %d\n%s\nwant\n%s", r.status, r.body, want)
	}
	if ct := r.header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
		t.Errorf("content type %q", ct)
	}
}

// TestTwoMessages has an example of a page that is not the last, and of the request for the next.
func TestTwoMessages(t *testing.T) {
	f := newFixture(t, imetastore.Options{PageSize: 2})
	ref := f.conversation(parlance.Conversation{ID: "c1", Customer: buyer})
	f.mirror(ref,
		item(buyer, seller, 1734442000, 4020, 5, "Hello?"),
		item(buyer, seller, 1734443000, 4021, 77120031, "Is it sent?"),
		item(seller, buyer, 1734443056, 4022, 123456789, "Delivered."))
	ask := `{"buyerId":` + buyer + `,"minTime":1734400000,"maxTime":1734500000`
	want := `{"code":"0000","msg":"Success","time":"2025-12-17T13:44:16.000Z",` +
		`"data":{"msgCnt":2,"complete":0,"lastMsgTime":1734443000000,"lastMsgKey":"4021_77120031_1734443000","msgList":[` +
		item(buyer, seller, 1734443000, 4021, 77120031, "Is it sent?") + "," +
		item(seller, buyer, 1734443056, 4022, 123456789, "Delivered.") + `]}}`
	for _, base := range []string{"", "/merchant-api", "/api/merchant-api", "/merchant-api/", "//"} {
		if r := f.post(base+"/seller/im/msg", ask+"}"); r.body != want {
			t.Errorf("%s: answer %d\n%s\nwant\n%s", base, r.status, r.body, want)
		}
	}
	for _, maxTime := range []string{"1734443000", "1734443000000", "1734500000", `"1734443000"`} {
		body := strings.Replace(ask, "1734500000", maxTime, 1) + `,"lastMsgKey":"4021_77120031_1734443000"}`
		l := f.list(body)
		if got := texts(t, l); got != "Hello?" || l.Complete != 1 || l.MsgCnt != 1 || l.LastMsgTime != 1734442000000 {
			t.Errorf("maxTime %s: %+v", maxTime, l)
		}
	}
	// The key of a message that is gone, and that never was.
	id := imetastore.MessageIDOf(1734443000, 4021, 77120031, buyer, seller)
	f.change(ref, id, func(m *parlance.Message) { m.State = parlance.Deleted })
	if got := texts(t, f.list(ask+`,"lastMsgKey":"4021_77120031_1734443000"}`)); got != "Hello?" {
		t.Errorf("below a deleted message: %s", got)
	}
	if got := texts(t, f.list(ask+`,"lastMsgKey":"4020_4_1734442000"}`)); got != "" {
		t.Errorf("below a place before the first: %s", got)
	}
	if got := texts(t, f.list(ask+`,"lastMsgKey":"4020_6_1734442000"}`)); got != "Hello?" {
		t.Errorf("below a place after the first: %s", got)
	}
}

func TestFiveMessagesInPagesOfTwo(t *testing.T) {
	f := newFixture(t, imetastore.Options{PageSize: 2})
	for i := range 5 {
		f.send(fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"m%d"}}}`, buyer, i, i+1))
		f.advance(time.Second)
	}
	for _, who := range []string{buyer, `"` + buyer + `"`, "null"} {
		key := ""
		for n, want := range []struct {
			texts    string
			complete int
			oldest   int64
		}{{"m4 m5", 0, 3}, {"m2 m3", 0, 1}, {"m1", 1, 0}} {
			l := f.list(fmt.Sprintf(`{"buyerId":%s,"minTime":0,"maxTime":4102444800,"lastMsgKey":%q}`, who, key))
			if got := texts(t, l); got != want.texts || l.Complete != want.complete || l.MsgCnt != len(l.MsgList) ||
				l.LastMsgTime != (start.Unix()+want.oldest)*1000 {
				t.Errorf("buyer %s, page %d: %+v, want %+v", who, n, l, want)
			}
			key = l.LastMsgKey
		}
	}
}

func TestSevenMessagesInOneSecond(t *testing.T) {
	f := newFixture(t, imetastore.Options{PageSize: 3})
	ref := f.conversation(parlance.Conversation{ID: "c1", Customer: buyer})
	for i := range uint32(7) {
		// The same seq, and twins in both directions.
		from, to := buyer, seller
		if i%2 == 1 {
			from, to = to, from
		}
		f.mirror(ref, item(from, to, 1734443000, 1, 10+i/2, fmt.Sprint("m", i)))
	}
	var got []string
	key, complete := "", 0
	for complete == 0 {
		l := f.list(fmt.Sprintf(`{"buyerId":%s,"minTime":1734443000,"maxTime":1734443000,"lastMsgKey":%q}`, buyer, key))
		got = append([]string{texts(t, l)}, got...)
		key, complete = l.LastMsgKey, l.Complete
		if len(got) > 3 {
			t.Fatalf("endless: %v", got)
		}
	}
	if all := strings.Join(got, " "); all != "m0 m1 m2 m3 m4 m5 m6" {
		t.Errorf("got %s", all)
	}
}

func TestBounds(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c1", Customer: buyer})
	f.put(ref, store.Mirror,
		parlance.Message{ID: "a", Sender: buyer, Role: parlance.Customer, Text: "a", Created: 99_999},
		parlance.Message{ID: "b", Sender: buyer, Role: parlance.Customer, Text: "b", Created: 100_000},
		parlance.Message{ID: "c", Sender: buyer, Role: parlance.Customer, Text: "c", Created: 101_999},
		parlance.Message{ID: "d", Sender: buyer, Role: parlance.Customer, Text: "d", Created: 102_000})
	for _, c := range []struct{ min, max, want string }{
		{"100", "101", "b c"},
		{"100", "100", "b"},
		{"102", "4102444800000", "d"},
		{"-100000000000000", "100", "a b"},
		{"0", "99999999999", "a b c d"},
		{"-9223372036854775808", "9223372036854775807", "a b c d"},
		{"9223372036854775807", "9223372036854775807", ""},
		{"-9223372036854775808", "-9223372036854775808", ""},
		{`"100"`, `"0101"`, "b c"},
	} {
		body := fmt.Sprintf(`{"buyerId":%s,"minTime":%s,"maxTime":%s}`, buyer, c.min, c.max)
		l := f.list(body)
		if got := texts(t, l); got != c.want || l.Complete != 1 {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestEmptyPage(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	want := `{"code":"0000","msg":"Success","time":"2025-12-17T13:44:16.000Z",` +
		`"data":{"msgCnt":0,"complete":1,"lastMsgTime":0,"lastMsgKey":"","msgList":[]}}`
	f.conversation(parlance.Conversation{ID: "c1", Customer: "42"})
	for _, who := range []string{buyer, "null", "42"} {
		if r := f.post("/seller/im/msg", `{"buyerId":`+who+`,"minTime":0,"maxTime":1}`); r.body != want {
			t.Errorf("buyer %s: %s", who, r.body)
		}
	}
}

// TestNeighboursOfABigNumber checks that ids which are one double are two buyers.
func TestNeighboursOfABigNumber(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	const other = "1907369850568257536"
	f.send(`{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"to-537"}}}`)
	f.advance(time.Second)
	f.send(`{"buyerId":"` + other + `","msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"to-536"}}}`)
	for who, want := range map[string]string{
		`"buyerId":` + buyer + `,`:         "to-537",
		`"buyerId":` + other + `,`:         "to-536",
		`"buyerId":"` + buyer + `",`:       "to-537",
		`"buyerId":1907369850568257500,`:   "",
		`"buyerId":null,`:                  "to-537 to-536",
		``:                                 "to-537 to-536",
		`"lastMsgKey":null,"unknown":[1],`: "to-537 to-536",
	} {
		if got := texts(t, f.list(`{`+who+`"minTime":0,"maxTime":4102444800}`)); got != want {
			t.Errorf("%s: got %q, want %q", who, got, want)
		}
	}
}

func TestUnknownKeyCountsAsNone(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"m"}}}`)
	for _, key := range []string{"msg-key-abc123", "1_2", "1_2_3_4", "4294967296_1_1", "1_2_3_1000.YQ", "1_2_3_4.!", "1_2_3_4.YQ.", strings.Repeat("1", 3000)} {
		if got := texts(t, f.list(strings.TrimSuffix(everything, "}")+`,"lastMsgKey":"`+key+`"}`)); got != "m" {
			t.Errorf("key %s: got %q", key, got)
		}
	}
}

func TestBadRequests(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.send(`{"buyerId":` + buyer + `,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"m"}}}`)
	big := `{"minTime":0,"maxTime":1,"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		body   string
		status int
		msg    string
	}{
		{``, 400, "Request body is not valid JSON."},
		{`{`, 400, "Request body is not valid JSON."},
		{`{"minTime":0,"maxTime":1}x`, 400, "Request body is not valid JSON."},
		{`{"minTime":0,"minTime":0,"maxTime":1}`, 400, "Request body is not valid JSON."},
		{`[]`, 400, "Field (body) is of the wrong type."},
		{`{"maxTime":1}`, 400, "Field minTime is required."},
		{`{"minTime":1}`, 400, "Field maxTime is required."},
		{`{"minTime":null,"maxTime":1}`, 400, "Field minTime is required."},
		{`{"minTime":2,"maxTime":1}`, 400, "Field minTime is above maxTime."},
		{`{"minTime":2,"maxTime":1.5}`, 400, "Field maxTime: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":1e9}`, 400, "Field maxTime: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":"+1"}`, 400, "Field maxTime: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":""}`, 400, "Field maxTime: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":true}`, 400, "Field maxTime: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":1,"buyerId":1907369850568257537.0}`, 400, "Field buyerId: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":1,"buyerId":19073698505682575370}`, 400, "Field buyerId: want an integer of at most 64 bits, without fraction or exponent."},
		{`{"minTime":0,"maxTime":1,"buyerId":0}`, 400, "Field buyerId: want an integer above 0, or null for all buyers."},
		{`{"minTime":0,"maxTime":1,"buyerId":-5}`, 400, "Field buyerId: want an integer above 0, or null for all buyers."},
		{`{"minTime":0,"maxTime":1,"lastMsgKey":7}`, 400, "Field lastMsgKey is of the wrong type."},
		{big, 413, "Request body is larger than 1 MiB."},
	} {
		r := f.post("/seller/im/msg", c.body)
		want := `{"code":"10002","msg":"` + c.msg + `","time":"2025-12-17T13:44:16.000Z","data":null}`
		if r.status != c.status || r.body != want {
			t.Errorf("%.80s: %d %s, want %d %s", c.body, r.status, r.body, c.status, want)
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/seller/im/contact", http.StatusNotFound},
		{"POST", "/seller/auth/refresh", http.StatusNotFound},
		{"GET", "/merchant-api", http.StatusNotFound},
		{"GET", "/seller/im/msg", http.StatusMethodNotAllowed},
		{"PUT", "/merchant-api/seller/im/send-msg", http.StatusMethodNotAllowed},
		{"DELETE", "/api/merchant-api/seller/auth/login", http.StatusMethodNotAllowed},
	} {
		if r := f.do(c.method, c.path, "", ""); r.status != http.StatusUnauthorized && !strings.HasSuffix(c.path, "/login") {
			t.Errorf("%s %s without a token: %d %s", c.method, c.path, r.status, r.body)
		}
		r := f.do(c.method, c.path, "Bearer "+f.token, "")
		if r.status != c.status || !strings.HasPrefix(r.body, `{"code":"10001",`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
		if allow := r.header.Get("Allow"); (c.status == http.StatusMethodNotAllowed) != (allow == "POST") {
			t.Errorf("%s %s: Allow %q", c.method, c.path, allow)
		}
	}
}
