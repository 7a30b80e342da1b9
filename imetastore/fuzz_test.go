package imetastore

import (
	"math"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"parlance"
)

func FuzzKey(f *testing.F) {
	f.Add("4021_77120031_1734443000")
	f.Add(formatKey(parlance.Position{Time: -1, ID: "é_.\n", Conversation: "a"}, 1, math.MaxUint32))
	f.Add("msg-key-abc123")
	f.Add("1_2_3_4.YQ.")
	f.Fuzz(func(t *testing.T, key string) {
		p, ok := parseKey(key)
		if !ok {
			return
		}
		// What is understood is a position, and says the same when written again.
		again, ok := parseKey(formatKey(p, 0, 0))
		if !ok || again != p {
			t.Errorf("%q means %v, again %v", key, p, again)
		}
		if parlance.CheckID("id", p.ID) != nil || p.Time < parlance.MinTime || p.Time > parlance.MaxTime {
			t.Errorf("%q means %v", key, p)
		}
		// What is kept of a key is bounded by the key, and no long one is looked into.
		if len(key) > maxKey || len(p.ID)+len(p.Conversation) > max(len(key), prefixLen) {
			t.Errorf("%d bytes of key mean %d and %d", len(key), len(p.ID), len(p.Conversation))
		}
	})
}

func FuzzKeyRoundTrip(f *testing.F) {
	f.Add(int64(1734443000123), "0000004021_0077120031_a_b", "c")
	f.Add(int64(-1), "x", "")
	f.Fuzz(func(t *testing.T, ms int64, id, conversation string) {
		p := parlance.Position{Time: parlance.Time(ms), ID: parlance.MessageID(id), Conversation: parlance.ConversationID(conversation)}
		if p.Time < parlance.MinTime || p.Time > parlance.MaxTime || parlance.CheckID("id", p.ID) != nil ||
			conversation != "" && parlance.CheckID("id", p.Conversation) != nil {
			return
		}
		if got, ok := parseKey(formatKey(p, 7, 8)); !ok || got != p {
			t.Errorf("%v came back as %v, %v", p, got, ok)
		}
	})
}

func FuzzInteger(f *testing.F) {
	for _, s := range []string{"0", "-1", "1907369850568257537", "9223372036854775808", `"7"`, `"\u0037"`, "1.0", "1e3", "null", `"+1"`, `""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var i Integer
		if i.UnmarshalJSON([]byte(s)) != nil {
			return
		}
		digits := strings.Trim(s, `"`)
		if strings.ContainsAny(digits, ".eE+") {
			t.Errorf("%s is understood as %d", s, i)
		}
		if want, err := strconv.ParseInt(digits, 10, 64); !strings.Contains(s, `\`) && (err != nil || want != int64(i)) {
			t.Errorf("%s is understood as %d", s, i)
		}
		if sec := secondOf(i); sec > int64(i) && i > 0 {
			t.Errorf("%d is second %d", i, sec)
		}
	})
}

// FuzzBodies reads requests. None may be misread badly enough to panic, and what is sent
// must come back as it was.
func FuzzBodies(f *testing.F) {
	f.Add(`{"buyerId":1907369850568257537,"minTime":1734400000,"maxTime":1734500000,"lastMsgKey":null}`)
	f.Add(`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"Hello"}}}`)
	f.Add(`{"BuyerId":"1","MsgRandom":1,"MsgBody":[{"MsgType":"TIMImageElem","MsgContent":"{\"ImageInfoArray\":[{\"URL\":\"u\"}]}"}]}`)
	f.Add(`{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMLocationElem","msgContent":{"latitude":1,"longitude":-2.5e1,"x":{}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		post := func(v any) error {
			return decode(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body)), v)
		}
		var list MessagesRequest
		if post(&list) == nil {
			if q, err := list.query(); err == nil && q.from != nil && q.to != nil && q.from.Compare(*q.to) > 0 {
				t.Errorf("range from %v to %v", q.from, q.to)
			}
		}
		var send SendRequest
		if post(&send) != nil {
			return
		}
		m, random, err := send.message()
		if err != nil {
			return
		}
		back, own, ok := splitOwn(&m.Native)
		if !ok || back != random {
			t.Fatalf("random %d came back as %d, %v", random, back, ok)
		}
		if own == nil {
			own = appendBody(nil, &m)
		}
		var es Elements
		if err := json.Unmarshal(own, &es); err != nil {
			t.Fatalf("read %s: %v", own, err)
		}
		if len(es) != len(send.MsgBody) || !es.says(&m) {
			t.Errorf("%+v came back as %+v", send.MsgBody, es)
		}
	})
}

// FuzzItem reads items as a platform could send them.
func FuzzItem(f *testing.F) {
	f.Add(`{"fromAccount":"1","toAccount":"s","msgTimestamp":1,"msgSeq":1,"msgRandom":2,"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\"}"}]}`)
	f.Add(`{"fromAccount":"s","toAccount":"1","msgBody":{"MsgType":"TIMFaceElem","MsgContent":{"Index":1}}}`)
	f.Fuzz(func(t *testing.T, item string) {
		m, err := MessageOf([]byte(item))
		if err != nil {
			return
		}
		if string(m.Native.JSON) != item || m.Type == "" {
			t.Errorf("%+v", m)
		}
		m.Native.Stale, m.Text = true, m.Text+"x"
		b, err := appendStale(nil, &m)
		if err != nil {
			return // such as a name that is there twice
		}
		if _, err := MessageOf(b); err != nil {
			t.Errorf("%s became %s: %v", item, b, err)
		}
	})
}

// FuzzListing reads data of an answer as a platform could send it, and gives its items to a walk. Each comes out, with its bytes.
func FuzzListing(f *testing.F) {
	const item = `{"fromAccount":"1","toAccount":"s","msgTimestamp":1,"msgSeq":1,"msgRandom":2,"msgBody":[]}`
	f.Add(`{"msgCnt":1,"complete":0,"lastMsgTime":1000,"lastMsgKey":"k","msgList":[`+item+`]}`, "1")
	f.Add("{\"msgCnt\":\"1\",\"complete\":true,\"msgList\":[null,7,[],{\"a\":1,\"a\":\"\xff\"},"+item+`,{"fromAccount":"1","toAccount":"2","msgTimestamp":-1}]}`, "")
	f.Fuzz(func(t *testing.T, data, buyer string) {
		l, err := readListing([]byte(data))
		if err != nil {
			if parlance.KindOf(err) != parlance.Broken {
				t.Errorf("%v", err)
			}
			return
		}
		w := walk{source: new(Source), seen: map[string]int64{}, noted: map[string]bool{}}
		if _, ok := buyerNumber(parlance.AccountID(buyer)); ok {
			w.buyer = parlance.AccountID(buyer)
		}
		h := w.read(ask{0, year2100, year2100, ""}, &l)
		w.accept(&h)
		if len(h.page.Items) != len(l.Items) || w.max > year2100 {
			t.Fatalf("%d items became %d; at %d", len(l.Items), len(h.page.Items), w.max)
		}
		for i, it := range h.page.Items {
			if string(it.Raw) != string(l.Items[i]) || !strings.Contains(data, string(it.Raw)) {
				t.Errorf("item %s became %s", l.Items[i], it.Raw)
			}
			if it.Err != nil {
				continue
			}
			if parlance.CheckID("conversation", it.Conversation) != nil || parlance.CheckID("message", it.Message.ID) != nil {
				t.Errorf("%+v", it)
			}
			if !w.source.Same(&it.Message, &it.Message) {
				t.Errorf("%s isn't the same as itself", it.Raw)
			}
		}
	})
}
