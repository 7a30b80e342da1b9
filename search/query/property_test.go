package query

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"parlance"
	"parlance/search/internal/fold"
)

// newYork is a zone that moves its clocks.
var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}()

// words draws texts of several scripts, with runs that meet, repeat themselves and are longer than a term.
func words() *rapid.Generator[string] {
	parts := []string{
		"refund", "refunds", "prefund", "A12345", "2345", "Straße", "STRASSE", "Größe", "Được", "đơn hàng", "мой Заказ", "مرحبا", "שלום", "don't", "foo_bar",
		"酒店", "酒", "店", "北京酒店", "チェックイン", "ﾎﾃﾙ", "の", "かな", "なか", "안녕하세요", "가", "ㅋㅋㅠ", "สวัสดี", "ที่พัก", "ក្រុង", "ພາສາ", "မြန်မာ",
		"❤️", "👨‍👩‍👧", "👍🏽", "!", "?", ".", "...", "$", "(", ")", `"`, `\`, "-", ":", "／", "㍿", "ﬁ", " ", " ", " ", "\n", "anana", "aa", "a", "b",
		strings.Repeat("x", 61), strings.Repeat("x", 64), strings.Repeat("é", 40), strings.Repeat("Ж", 32), strings.Repeat("ab", 40), strings.Repeat("ब", 22),
	}
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 12), func(parts []string) string { return strings.Join(parts, "") })
}

// cutFrom draws a part of a folded text.
func cutFrom(t *rapid.T, folded string) string {
	runes := []rune(folded)
	from := rapid.IntRange(0, len(runes)-1).Draw(t, "from")
	return string(runes[from:rapid.IntRange(from+1, len(runes)).Draw(t, "to")])
}

func TestLookupsAreNecessary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folded := fold.Fold(words().Draw(t, "text"))
		text := Text{Signs: cutFrom(t, folded), Quoted: rapid.Bool().Draw(t, "quoted")}
		folded = fold.Fold(rapid.SampledFrom([]string{"", "x", "酒", " "}).Draw(t, "before")+folded) + rapid.SampledFrom([]string{"", "x", "1", "店", " "}).Draw(t, "after")
		matches := text.Match(folded)
		if naive := text.naive(folded); matches != naive {
			t.Fatalf("%+v in %q: %v, want %v", text, folded, matches, naive)
		}
		missing := slices.DeleteFunc(text.Lookups(), func(l Lookup) bool {
			found := false
			fold.Terms(folded, func(term []byte) { found = found || l.Takes(term) })
			return found
		})
		if matches && len(missing) > 0 {
			t.Fatalf("%+v matches %q, whose terms lack %q", text, folded, missing)
		}
		if len(text.Lookups()) == 0 && strings.Trim(text.Signs, " ") != "" {
			t.Fatalf("%+v has no lookup", text)
		}
	})
}

// naive is Match as its comment says it.
func (t Text) naive(folded string) bool { return len(t.naiveSpans(folded)) > 0 }

// naiveSpans returns where t stands in folded, in each place.
func (t Text) naiveSpans(folded string) (spans [][2]int) {
	first, _ := utf8.DecodeRuneInString(t.Signs)
	anywhere := t.Quoted || strings.ContainsFunc(t.Signs, unicode.IsDigit) || fold.ClassOf(first) != fold.Letter
	var before rune = ' '
	for at, r := range folded {
		if strings.HasPrefix(folded[at:], t.Signs) && (anywhere || fold.ClassOf(before) != fold.Letter) {
			spans = append(spans, [2]int{at, at + len(t.Signs)})
		}
		before = r
	}
	return spans
}

func TestMarksAreAllMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folded := fold.Fold(words().Draw(t, "text"))
		var root And
		marked := make([]bool, len(folded)+1)
		for range rapid.IntRange(1, 3).Draw(t, "texts") {
			text := Text{Signs: cutFrom(t, folded), Quoted: rapid.Bool().Draw(t, "quoted")}
			root = append(root, text)
			for _, s := range text.naiveSpans(folded) {
				for i := s[0]; i < s[1]; i++ {
					marked[i] = true
				}
			}
		}
		root = append(root, Not{Text{Signs: "a", Quoted: true}})
		var want [][2]int
		for at := 0; at < len(folded); at++ {
			if !marked[at] {
				continue
			}
			from := at
			for marked[at] {
				at++
			}
			want = append(want, [2]int{from, at})
		}
		if got := (&Query{root: root}).Marks(folded); !slices.Equal(got, want) {
			t.Fatalf("%+v in %q: %v, want %v", root, folded, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`酒店 refund`, `"see you" -gone OR (a b) c`, `in:x from:"a b" kind:shop platform:shopline type:image has:link is:edited in:history`,
		`before:2026-11-01 after:2026-10 during:2026`, `after:2026-11-01T09:00:00.5+08:00`, `https://x.example/a?b 10:30`, `form:x`, `-(-(a))`, `a\:b \(c\)`, `in:"history"`,
		`㈱ ﷺ ẞ`, `during:2018-11-04`, `（a　OR b）`, `ｆｒｏｍ：x`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkParse(t, s) })
}

func TestParseWrittenQueries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "refund ", "酒店", " ", " ", `"`, `"b c" `, "(", ")", " OR ", "-", ":", `\`, "in:history ", "in:x ", "from:", "from:y ", `from:"z \" \\ OR" `, "has:link ", "is:edited",
			"before:2026 ", "during:2026-11 ", "during:2026-11-01 ", "after:2026-11-01T00:00:00Z ", "http://", "form:", "㈱", "ﷺ", "︓", "1", "　", "（", "）", "：", "\u0301",
		}), 0, 12).Draw(t, "parts")
		checkParse(t, strings.Join(parts, ""))
	})
}

// checkParse checks that s is refused well, or is what it is written as.
func checkParse(t interface {
	Fatalf(string, ...any)
}, s string,
) {
	zone := newYork
	q, err := Parse(s, zone)
	if err != nil {
		if parlance.KindOf(err) != parlance.Invalid {
			t.Fatalf("%q: %v is no error of kind Invalid", s, err)
		}
		return
	}
	again, err := Parse(q.String(), zone)
	if err != nil {
		t.Fatalf("%q is written as %q: %v", s, q, err)
	}
	if !reflect.DeepEqual(again, q) {
		t.Fatalf("%q is %#v, written as %q, which is %#v", s, q.root, q, again.root)
	}
	q.Match(document(s))
}

func FuzzSnippet(f *testing.F) {
	f.Add("酒店", "我想订一家酒店\r\n\x00", 64)
	f.Add(`"e"`, "e\u0301\xff\u200b👨‍👩‍👧"+strings.Repeat("\u0301", 100), 70)
	f.Add("refund", strings.Repeat("long words ", 30)+"refund"+strings.Repeat(" and more", 30), 100)
	f.Fuzz(func(t *testing.T, query, text string, size int) {
		if size > 1<<20 {
			return
		}
		q, err := Parse(query, nil)
		if err != nil {
			return
		}
		checkSnippet(t, q, text, size)
	})
}

func TestSnippetsAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := words().Draw(t, "before") + words().Draw(t, "text") + words().Draw(t, "after")
		signs := cutFrom(t, fold.Fold(text))
		if !searchable(signs) {
			return
		}
		s := checkSnippet(t, &Query{root: Text{Signs: signs, Quoted: true}}, text, rapid.IntRange(64, 200).Draw(t, "size"))
		if len(s.Marks) == 0 {
			t.Fatalf("%q in %q: nothing is marked in %q", signs, text, s.Text)
		}
		if m := s.Marks[0]; m[1] < len(s.Text)-len(ellipsis) && !strings.Contains(fold.Fold(s.Text[m[0]:m[1]]), signs) && !strings.HasPrefix(signs, " ") && !strings.HasSuffix(signs, " ") {
			t.Fatalf("%q in %q: marked is %q", signs, text, s.Text[m[0]:m[1]])
		}
	})
}

// checkSnippet checks what holds for every snippet, and returns it.
func checkSnippet(t interface {
	Fatalf(string, ...any)
}, q *Query, text string, size int,
) Snippet {
	s := q.Snippet(text, size)
	if len(s.Text) > max(size, MinSnippet) || !utf8.ValidString(s.Text) || strings.ContainsFunc(s.Text, unicode.IsControl) {
		t.Fatalf("%q of %q in %d bytes: %q", q, text, size, s.Text)
	}
	end := 0
	for i, m := range s.Marks {
		if m[0] < end || i > 0 && m[0] == end || m[0] >= m[1] || m[1] > len(s.Text) || !utf8.ValidString(s.Text[m[0]:m[1]]) {
			t.Fatalf("%q of %q in %d bytes: %q has marks %v", q, text, size, s.Text, s.Marks)
		}
		end = m[1]
	}
	body := strings.TrimSuffix(strings.TrimPrefix(fold.Fold(s.Text), "..."), "...")
	if utf8.ValidString(text) && !strings.Contains(fold.Fold(text), body) {
		t.Fatalf("%q of %q in %d bytes: %q isn't of it", q, text, size, s.Text)
	}
	return s
}
