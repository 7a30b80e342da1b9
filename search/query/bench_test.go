package query

import (
	"strings"
	"testing"
	"time"

	"parlance/search/internal/fold"
)

func BenchmarkMatch(b *testing.B) {
	text := fold.Fold("你好,我想订一家酒店,最好离故宫近一点的,价格在500元以内。Is my order A12345 still on its way?")
	for _, query := range []string{"酒店", "2345", "order", "nothing", `"its way" 故宫 -x`} {
		q, err := Parse(query, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(query, func(b *testing.B) {
			d := document(text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				q.Match(d)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse(`酒店 (refund OR "see you") -from:bot during:2026-11`, time.UTC); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnippet(b *testing.B) {
	q, err := Parse("酒店 order", nil)
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("你好,我想订一家酒店。Is my order A12345 still on its way? ", 5)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		q.Snippet(text, 160)
	}
}

// What somebody might write to make searching slow: texts of the largest message.
func BenchmarkHostile(b *testing.B) {
	const size = 4 << 20
	for name, c := range map[string]struct{ query, text string }{
		"one letter":      {strings.Repeat("a", 2000), strings.Repeat("a", size)},
		"no word begins":  {strings.Repeat("a", 2000), "x" + strings.Repeat("a", size)},
		"nearly":          {`"` + strings.Repeat("a", 1000) + "b" + strings.Repeat("a", 900) + `"`, strings.Repeat("a", size)},
		"blanks":          {`" a"`, strings.Repeat(" ", size)},
		"marks":           {"a", "a" + strings.Repeat("\u0301", size/2)},
		"marks that stay": {"か", "か" + strings.Repeat("\u0301", size/2)},
		"long letters":    {"صلى", strings.Repeat("ﷺ", size/3)},
		"not UTF-8":       {"a", strings.Repeat("\xff", size)},
		"flags":           {"🇯", strings.Repeat("🇯", size/4)},
		"64 terms":        {strings.Repeat(`"aaaaaaaaaaaaaaaaaaaaaaaaa" `, 64), strings.Repeat("a", size)},
	} {
		q, err := Parse(c.query, nil)
		if err != nil {
			b.Fatal(name, err)
		}
		b.Run(name+"/match", func(b *testing.B) {
			for b.Loop() {
				q.Match(document(c.text))
			}
		})
		b.Run(name+"/snippet", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.Snippet(c.text, 200)
			}
		})
	}
}
