package query

import (
	"os"
	"regexp"
	"testing"
	"time"
)

// What docs/search.md says is so, in its order.
func TestDocumentedClaims(t *testing.T) {
	for _, c := range []struct {
		query string
		finds []string
		not   []string
	}{
		{"refund", []string{"refund", "Refunds", "refunded"}, []string{"prefund"}},
		{"2345", []string{"A12345"}, nil},
		{`"see you"`, []string{"I'll see you", "foresee yours"}, []string{"you see"}},
		{"a b OR c", []string{"a b", "c"}, []string{"a", "b"}},
		{`-"see you"`, []string{"see"}, []string{"see you"}},
		{"北京 酒店 -取消", []string{"酒店在北京"}, []string{"取消北京酒店", "北京"}},
		{"１２３４５", []string{"#12345", "X12345Y"}, nil},
		{"ﾁｪｯｸｲﾝ (駐車場 OR 送迎)", []string{"チェックインと送迎"}, []string{"チェックイン"}},
		{"(refund OR \"money back\")", []string{"my money back"}, []string{"money"}},
		{"strasse", []string{"Straße", "STRASSE", "strasse"}, nil},
		{`"a OR b" "-5" "note: call back" \(x\) \-5 note\:call`, []string{"a or b -5 note: call back (x) note:call"}, []string{"a b 5 note call back x"}},
		{"10:30 https://example.org 地址:北京 total:", []string{"地址：北京 10:30 total: https://example.org"}, nil},
		{"ABC ホテル fi 株式会社 1 é", []string{"ａｂｃ ﾎﾃﾙ ﬁ ㍿ ① e\u0301"}, nil},
		{"cafe grosse đuoc мои", []string{"café Größe được мой"}, nil},
		{"か", []string{"か"}, []string{"が"}},
		{"❤️ 台", []string{"❤台"}, []string{"❤臺"}},
		{"国", nil, []string{"國", "圀"}},
		{"ホテル", nil, []string{"ほてる", "旅館"}},
		{"buy", nil, []string{"bought"}},
		{"đ ø ł ı", nil, []string{"d o l i"}},
		{"京都", []string{"東京都"}, nil},
		{"fund", nil, []string{"prefund"}},
		{`"fund"`, []string{"prefund"}, nil},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		for want, texts := range map[bool][]string{true: c.finds, false: c.not} {
			for _, text := range texts {
				if q.Match(document(text)) != want {
					t.Errorf("%s in %q: %v, want %v", c.query, text, !want, want)
				}
			}
		}
	}
	if _, err := Parse("form:anna", nil); err == nil {
		t.Error("form:anna is read")
	}
}

// The examples of docs/search.md are queries.
func TestDocumentedExamplesAreRead(t *testing.T) {
	doc, err := os.ReadFile("../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)\| query \| finds \|.*?\n\n`).Find(doc)
	rows := regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindAllSubmatch(table, -1)
	if len(rows) < 5 {
		t.Fatalf("only %d examples", len(rows))
	}
	for _, row := range rows {
		if _, err := Parse(string(row[1]), time.UTC); err != nil {
			t.Errorf("%s: %v", row[1], err)
		}
	}
}
