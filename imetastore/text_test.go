package imetastore_test

import (
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
	"parlance/store"
)

// What isn't UTF-8, and halves of surrogate pairs, are kept as they came, read as U+FFFD, and served as they came; of accounts they make
// none. Nor does a name that is there twice cost a message, unless it says who, when or what.
func TestItemsNotUTF8(t *testing.T) {
	const head = `{"fromAccount":"` + buyer + `","toAccount":"` + seller + `","msgTimestamp":1734443000,"msgSeq":1,"msgRandom":1,`
	good := item(buyer, seller, firstSecond, 1, 2, "good")
	for name, c := range map[string]struct{ raw, text string }{
		"a byte in the content":       {head + "\"msgBody\":[{\"msgType\":\"TIMTextElem\",\"msgContent\":\"{\\\"text\\\":\\\"a\xffb\\\"}\"}]}", "a\ufffdb"},
		"a byte in an object":         {head + "\"msgBody\":[{\"msgType\":\"TIMTextElem\",\"msgContent\":{\"text\":\"a\xffb\"}}]}", "a\ufffdb"},
		"half a pair in the content":  {head + `"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\ud800b\"}"}]}`, "a\ufffdb"},
		"half a pair, escaped twice":  {head + `"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\\ud800b\"}"}]}`, "a\ufffdb"},
		"a pair the wrong way":        {head + `"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"a\\udc00\\ud800b\"}"}]}`, "a\ufffd\ufffdb"},
		"an encoded half":             {head + "\"msgBody\":[{\"msgType\":\"TIMTextElem\",\"msgContent\":{\"text\":\"a\xed\xa0\x80b\"}}]}", "a\ufffd\ufffd\ufffdb"},
		"names and others' values":    {head + "\"n\xff\":\"\xfe\",\"n\xfe\":[\"\\udfff\"],\"msgDateTime\":\"\xff\",\"msgBody\":[{\"msgType\":\"TIMTextElem\",\"msgContent\":\"{\\\"text\\\":\\\"x\\\"}\"}]}", "x"},
		"a name twice, of no account": {head + `"x":1,"x":2,"msgBody":[{"msgType":"TIMTextElem","msgContent":{"x":1,"x":2,"text":"y"}}]}`, "y"},
	} {
		t.Run(name, func(t *testing.T) {
			up := listing(`{"msgCnt":2,"complete":1,"msgList":[` + c.raw + `,` + good + `]}`)
			s := sourceOf(t, up, imetastore.SourceOptions{})
			g := walkAll(t, s, history.Everything, history.Window{})
			if g.err != nil || g.broken != 0 || g.texts[c.text] != 1 || g.texts["good"] != 1 || len(g.gaps) > 0 {
				t.Fatalf("given %v, %d broken, gaps %v, %v", g.texts, g.broken, g.gaps, g.err)
			}
			m := g.pages[0].Items[0].Message
			f := newFixture(t, imetastore.Options{})
			f.client = http.DefaultClient // what the platform gives needn't be as we describe ours
			ref := f.conversation(parlance.Conversation{ID: "c", Customer: buyer})
			f.put(ref, store.Mirror, m)
			if r := f.post("/seller/im/msg", everything); r.status != 200 || !strings.Contains(r.body, c.raw) {
				t.Errorf("served %d %q", r.status, r.body)
			}
			other, err := imetastore.MessageOf([]byte(strings.Replace(c.raw, `"msgSeq":1`, `"msgSeq": 1`, 1)))
			if err != nil || !s.Same(&m, &other) {
				t.Errorf("with a blank more it isn't the same: %v", err)
			}
			// Changed here, all of it but the body is served as before.
			f.change(ref, m.ID, func(m *parlance.Message) { m.Text = "changed" })
			if r := f.post("/seller/im/msg", everything); r.status != 200 || !strings.Contains(r.body, `{\"text\":\"changed\"}`) {
				t.Errorf("changed: %d %q", r.status, r.body)
			}
		})
	}
	for _, bad := range []string{"\xff", `\ud800`, `\udc00x`, "\xed\xa0\x80"} {
		for _, account := range []string{buyer, seller} {
			raw := strings.Replace(good, `"`+account, `"`+account+bad, 1)
			g := walkAll(t, sourceOf(t, listing(`{"complete":1,"msgList":[`+raw+`,`+good+`]}`), imetastore.SourceOptions{}), history.Everything, history.Window{})
			if g.err != nil || g.broken != 1 || g.texts["good"] != 1 {
				t.Errorf("account %q: given %v, %d broken, %v", account+bad, g.texts, g.broken, g.err)
			}
		}
	}
	// A key that can't be sent back is none.
	p := newPlatform(t, manners{page: 2}, row(buyerNumber, 1, 1, 1)...)
	up := &scripted{answer: func(path, token, body string) (int, string) {
		status, text := p.answer(path, token, body)
		if strings.Contains(body, "lastMsgKey") {
			t.Errorf("asked %s", body)
		}
		return status, strings.Replace(text, `"lastMsgKey":"`, "\"lastMsgKey\":\"\xff", 1)
	}}
	g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), history.Everything, history.Window{})
	g.expect(t, p.messages)
}
