package query

import (
	"testing"

	"parlance"
	"parlance/search/internal/fold"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		text  string
		finds []string
		not   []string
	}{
		{
			"Two Refunds for order A12345, please: see-you ﬁnally!",
			[]string{"refund", "REFUNDS", "two refund", "a12345", "2345", "1234", "order-x OR two", `"fund"`, `"unds for"`, "see-y", "final", `"ds for order a123"`, ",", "-酒店"},
			[]string{"fund", "prefund", "ou", "you-", `"two for"`, "-two", "two -refund", "efunds OR lease", `"please see"`},
		},
		{
			"我想订一家北京的酒店，价格５００元以内。",
			[]string{"酒", "酒店", "北京的酒店", "酒店 北京", "500", "00元", "500元以内", `"店,价"`, "酒店，", "-上海"},
			[]string{"店酒", "北京酒店", "5000", "旅店", "-酒店"},
		},
		{
			"ﾁｪｯｸｲﾝは何時からですか。がっこう",
			[]string{"チェックイン", "イン", "何時", "ェ", "がっこう", "が", `"時から"`},
			[]string{"かっこう", "チェツク", "時間"},
		},
		{"안녕하세요, 주문한 상품ㅋㅋㅠㅠ", []string{"안녕", "하세", "주문", "상품", "ㅋ", "ㅠㅠ", "\u1109\u1161\u11bc품"}, []string{"하새", "주문상품", "큐"}},
		{"สวัสดีครับ ที่พักน้ำดี", []string{"สวัสดี", "ดี", "ที่พัก", "ี", "น้ำ"}, []string{"ทีพัก", "ครับที่"}},
		{"Die Größe der Straße", []string{"größe", "grosse", "STRASSE", "straẞe", "gro", `"sse der"`}, []string{"grobe", "se"}},
		{"Đơn hàng của tôi được giao", []string{"hàng", "hang", "HÀNG", "đuoc", "cua toi"}, []string{"anh", "iao"}},
		{"متى يصل طلبي؟", []string{"يصل", "طلب", "متى يصل"}, []string{"صل"}},
		{"מתי תגיע ההזמנה", []string{"תגיע", "תגי"}, []string{"גיע"}},
		{"Когда придёт МОЙ заказ", []string{"придет", "мой", "заказ"}, []string{"аказ"}},
		{"ΟΔΟΣ Αθήνας", []string{"οδος", "οδοσ", "ΑΘΗΝΑΣ"}, []string{"θηνας"}},
		{"family 👨‍👩‍👧 I ❤️ it 👍🏽🇯🇵", []string{"👨‍👩‍👧", "👩", "❤", "❤️", "👍", "👍🏽", "🇯🇵"}, []string{"👦", "👍🏿", "👩‍👨"}},
		{"xa-a-a", []string{"a-a", `"-a-a"`}, []string{"a-a-a"}},
		{"x酒店abc 店abc", []string{"x酒店a", "abc", "酒店abc", "店 abc"}, []string{"bc", "酒店 -abc", "abc酒店"}},
		{"prefix_foo d'été C++ #12", []string{"prefix", "prefix_foo", "ete", "d'e", "c++", "++", "#1", "2"}, []string{"foo", "te", "c+++"}},
	} {
		for want, queries := range map[bool][]string{true: c.finds, false: c.not} {
			for _, query := range queries {
				q, err := Parse(query, nil)
				if err != nil {
					t.Errorf("%s: %v", query, err)
				} else if q.Match(document(c.text)) != want {
					t.Errorf("%s in %q: %v, want %v", query, c.text, !want, want)
				}
			}
		}
	}
}

func TestFacts(t *testing.T) {
	m := &parlance.Message{
		Sender: "u1", Acting: "agent 7", SenderName: "Ｚoé  酒店", Type: "x.gift", Text: "see HTTPS://example.org/",
		Attachments: []parlance.Attachment{{Type: parlance.TypeVideo}}, Location: &parlance.Location{}, Edited: 1, State: parlance.Recalled,
	}
	d := &Document{Folded: fold.Fold(m.Text), Conversation: "room 1", Kind: parlance.Shop, Platform: parlance.Shopline, Message: m}
	bare := &Document{Message: &parlance.Message{Type: parlance.TypeImage, State: parlance.Deleted}}
	for _, c := range []struct {
		query    string
		is, bare bool
	}{
		{`in:"room 1"`, true, false},
		{"in:room", false, false},
		{"in:ROOM", false, false},
		{"from:u1", true, false},
		{"from:U1", false, false},
		{`from:"agent 7"`, true, false},
		{`from:"zoe 酒店"`, true, false},
		{`from:" ZOÉ 酒店"`, true, false},
		{"from:zoe", false, false},
		{"kind:shop", true, false},
		{"kind:room", false, false},
		{"platform:shopline", true, false},
		{"platform:imkit", false, false},
		{"type:x.gift", true, false},
		{"type:X.gift", false, false},
		{"type:image", false, true},
		{"has:file", true, false},
		{"has:video", true, false},
		{"has:image", false, true},
		{"has:audio", false, false},
		{"has:link", true, false},
		{"has:place", true, false},
		{"is:edited", true, false},
		{"is:recalled", true, false},
		{"kind:shop kind:room", false, false},
		{"kind:shop OR kind:room", true, false},
		{"-from:u1", false, true},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if is, bare := q.Match(d), q.Match(bare); is != c.is || bare != c.bare {
			t.Errorf("%s: %v and of the bare one %v, want %v and %v", c.query, is, bare, c.is, c.bare)
		}
	}
}
