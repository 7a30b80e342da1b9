package fold

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestEverySignAlone(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r == 0x32400 {
			r = 0xE0000 // nothing is assigned between them
		}
		if r == 0xE1000 {
			r = 0x10FF00 // for private use
		}
		s := string(r)
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Errorf("%U: %q, then %q", r, once, twice)
		}
		if len(once) > MaxGrowth*len(s) {
			t.Errorf("%U: %d bytes become %d", r, len(s), len(once))
		}
		if ClassOf(r) != classify(r) {
			t.Errorf("%U: of class %d, should be %d", r, ClassOf(r), classify(r))
		}
		if r >= utf8.RuneSelf && alone(r) != 0 {
			f := folder{src: s}
			f.slowly()
			if string(f.out) != string(alone(r)) || !begins(alone(r)) {
				t.Errorf("%U: alone gives %q, slowly %q", r, alone(r), f.out)
			}
		}
	}
}

// texts draws texts of many scripts, with what is difficult about them.
func texts() *rapid.Generator[string] {
	hard := []string{
		"ﾊﾟ", "ﾎﾟ", "カ\u3099", "㍿", "ﬁ", "ﬃ", "ß", "ẞ", "İ", "ı", "ς", "Σ", "é", "e\u0301", "\u0301", "\u0345", "\u0323", "ᾳ", "Ⅳ", "㈱", "½", "…",
		" ", "  ", "\t\n", "\u3000", "\u00a0", "\u0085", "\x00", "\xff", "\xe3\x81", "\ufffd", "´", "¨", "゛", "\u3099", "\u309a", "ㅋ", "ㅠ", "ﾡ", "\u1100", "\u1161", "\u11a8", "가", "각",
		"ที่", "น้ำ", "ำ", "ู", "่", "\u0e38", "\u0e3a", "👨‍👩‍👧", "❤️", "\u200b", "\u200d", "\ufe0f", "\u00ad", "\u2067", "\u09c7\u09be", "\u0fb2\u0f71\u0f80", "\u0653", "ا", "آ",
		"\u20e3", "\u20dd", "\u302e", "\u034f", "\u1fc1", "\u1ffd", "Ꭰ", "ꭰ", "A", "z", "7", "_", "酒", "店", "の", "ー", "Ж", "й",
	}
	return rapid.Map(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(hard), rapid.SampledFrom(hard), rapid.SampledFrom(hard), rapid.Map(rapid.Rune(), func(r rune) string { return string(r) })), 0, 40),
		func(parts []string) string { return strings.Join(parts, "") })
}

func TestFoldTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := texts().Draw(t, "text")
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", s, once, twice)
		}
		slow := folder{src: s}
		if slow.slowly(); string(slow.out) != once {
			t.Fatalf("%q folds to %q, without short cuts to %q", s, once, slow.out)
		}
		checkMapped(t, s, once)
	})
}

// A piece of a text that begins and ends between signs folds to a piece of the folded text.
func TestPiecesFoldToPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := texts().Draw(t, "text")
		cuts := []int{0}
		for at, r := range s {
			if !unicode.Is(unicode.M, r) && !ignorable(r) && norm.NFKC.PropertiesString(s[at:]).BoundaryBefore() && at > 0 {
				cuts = append(cuts, at)
			}
		}
		cuts = append(cuts, len(s))
		from := rapid.IntRange(0, len(cuts)-1).Draw(t, "from")
		to := rapid.IntRange(from, len(cuts)-1).Draw(t, "to")
		if piece := s[cuts[from]:cuts[to]]; !strings.Contains(Fold(s), Fold(piece)) {
			t.Fatalf("%q folds to %q, of it %q to %q", s, Fold(s), piece, Fold(piece))
		}
	})
}

// checkMapped checks what Mapped says of s, which folds to folded.
func checkMapped(t interface {
	Fatalf(string, ...any)
}, s, folded string,
) {
	mapped, o := Mapped(s)
	if mapped != folded {
		t.Fatalf("%q folds to %q, mapped to %q", s, folded, mapped)
	}
	starts := make([]bool, len(s)+1)
	for i := range s {
		starts[i] = true
	}
	starts[len(s)] = true
	last := 0
	for at, r := range mapped {
		from, to := o.Span(at, at+utf8.RuneLen(r))
		if from >= to || to > len(s) || from < last || !starts[from] || !starts[to] {
			t.Fatalf("%q: %q at %d comes from %d to %d", s, r, at, from, to)
		}
		if to-from < 1000 && !strings.Contains(Fold(s[from:to]), string(r)) && r != ' ' && !unicode.Is(unicode.M, r) {
			t.Fatalf("%q: %q at %d comes from %q", s, r, at, s[from:to])
		}
		last = from
	}
	if from, to := o.Span(0, len(mapped)); len(mapped) > 0 && Fold(s[from:to]) != mapped {
		t.Fatalf("%q: all comes from %q", s, s[from:to])
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "Ａ １", "ﾎﾟｱ㍿ﬁ", "e\u0301\u200b", "  \t", "\xff\xfe", "가\u11a8", "น้ำ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", s, once, twice)
		}
		if !utf8.ValidString(once) || strings.Contains(once, "  ") || len(once) > MaxGrowth*len(s) {
			t.Fatalf("%q folds to %q", s, once)
		}
		checkMapped(t, s, once)
		Terms(once, func(term []byte) {
			if len(term) < 2 || len(term) > 1+MaxWord || bytes.ContainsRune(term, 0) || !utf8.Valid(term) || !strings.Contains(once, string(term[1:])) {
				t.Fatalf("%q has the term %q", once, term)
			}
		})
	})
}

func BenchmarkFold(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"ascii", "Hello, is my order A12345 still on its way? I paid on 2026-11-05 and heard Nothing since."},
		{"ascii-same", "hello, is my order a12345 still on its way? i paid on 2026-11-05 and heard nothing since."},
		{"zh", "你好,我想订一家酒店,最好离故宫近一点的,价格在500元以内。"},
		{"ja", "チェックインは何時からですか?駐車場はありますか。よろしくお願いいたします!"},
		{"ko", "안녕하세요, 주문한 상품은 언제 배송되나요? 감사합니다."},
		{"th", "สวัสดีครับ ที่พักนี้มีห้องว่างไหมครับ ขอบคุณมาก"},
		{"de", "Könnten Sie mir die Straße und die Größe nennen? Vielen Dank für Ihre Mühe, schöne Grüße."},
		{"ru", "Здравствуйте, когда придёт мой заказ? Спасибо большое."},
		{"ar", "مرحبا، متى يصل طلبي؟ شكرا جزيلا لكم"},
		{"vi", "Xin chào, đơn hàng của tôi khi nào tới? Cảm ơn nhiều."},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				Fold(c.text)
			}
		})
		b.Run(c.name+"/terms", func(b *testing.B) {
			f := Fold(c.text)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				Terms(f, func([]byte) {})
			}
		})
	}
}
