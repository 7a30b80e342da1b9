package fold

import (
	"slices"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	for name, texts := range map[string][]string{ // the first is what the others fold to
		"plain":              {"hello, world 1", "Hello, World 1", "ＨＥＬＬＯ，　ｗｏｒｌｄ　１", "hello,\t\r\n world\u00a01"},
		"blanks at ends":     {" a ", "\n\na\t "},
		"Chinese":            {"我想订酒店,500元!", "我想订酒店，５００元！"},
		"Japanese":           {"ホテルをバッキング", "ﾎﾃﾙをﾊﾞｯｷﾝｸﾞ", "ホテルをハ\u3099ッキンク\u3099"},
		"kana's marks":       {"かが", "かか\u3099"},
		"squared":            {"株式会社と10kg", "㍿と⑩㎏"},
		"Korean":             {"한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"},
		"Korean laughing":    {"ㅋㅋㅠㅠ", "\uffbb\uffbb\uffd7\uffd7"}, // which would be 큐 in NFKC
		"Thai":               {"ที่นี่น\u0e49\u0e4d\u0e32", "ที่นี่น\u0e49\u0e33"},
		"Thai, out of order": {"ก\u0e3a\u0e38\u0e48", "ก\u0e38\u0e48\u0e3a", "ก\u0e48\u0e38\u0e3a"},
		"Thai after Latin":   {"ok\u0e4d\u0e32 ok\u0e48", "OK\u0e33 OK\u0e48"},
		"German":             {"strasse grosse uber", "Straße große über", "STRASSE GROẞE ÜBER", "STRASSE GROSSE U\u0308BER"},
		"Vietnamese":         {"đuoc đon hang", "Được đơn hàng", "ĐƯỢC ĐƠN HÀNG"},
		"Turkish":            {"istanbul", "İstanbul", "ISTANBUL"},
		"Greek":              {"οδοσ αι", "Οδος ᾼι", "Οδός ᾼΙ", "ΟΔΟΣ ΑΙ"},
		"Russian":            {"еще мои", "Ещё мой", "ЕЩЕ МОИ"},
		"Arabic":             {"مرحبا", "\ufee3\ufeae\ufea3\ufe92\ufe8e"},
		"Hebrew":             {"שלום", "\u200fשלום"},
		"ligature":           {"office", "oﬃce", "OﬃCE"},
		"emoji":              {"👨👩👧 ❤ 👍🏽", "👨‍👩‍👧 ❤️ 👍🏽"},
		"not to be seen":     {"abc", "a\u200bb\u00ad\ufeffc\u2069"},
		"not UTF-8":          {"a\ufffd\ufffdb", "a\xff\xe3b"},
		"lone accents":       {"don´t ¨ ゛¯", "DON´T ¨ ゛￣"},
		"control":            {"a b", "a\x00b", "a\u0085\x1bb", "a\u2028b"},
		"nothing":            {"", "\u200b\ufeff"},
		"Cherokee":           {"ꭰ", "Ꭰ"},
		"others' marks":      {"हिन्दी", "हिन्दी"},
		"digits elsewhere":   {"x2 1⁄2", "x² ½"},
	} {
		for _, s := range texts {
			if got := Fold(s); got != texts[0] {
				t.Errorf("%s: %+q folds to %+q, want %+q", name, s, got, texts[0])
			}
		}
	}
}

func TestSpansLeadToWholeSigns(t *testing.T) {
	for _, c := range []struct{ text, found, want string }{
		{"我的㍿です", "式会", "㍿"},
		{"我的㍿です", "社で", "㍿で"},
		{"oﬃce", "f", "ﬃ"},
		{"oﬃce", "of", "oﬃ"},
		{"xﾎﾟｱ", "ポ", "ﾎﾟ"},
		{"xﾎﾟｱ", "ア", "ｱ"},
		{"CAFE\u0301\u0323s", "e", "E\u0301\u0323"},
		{"CAFE\u0301\u0323s", "s", "s"},
		{"Größe", "ss", "ß"},
		{"Größe", "o", "ö"},
		{"a \t\n b", " ", " \t\n "},
		{"a \t\n b", "b", "b"},
		{"a\u3000\u200b\u3000b", " b", "\u3000\u200b\u3000b"},
		{"\ufeffabc", "a", "a"},
		{"x👨‍👩y", "👨", "👨\u200d"},
		{"x👨‍👩y", "👩", "👩"},
		{"❤️!", "❤", "❤️"},
		{"a\xff\xffb", "\ufffd", "\xff"},
		{"a\xff\xffb", "b", "b"},
		{"Ａb１", "b1", "b１"},
		{"가\u11a8나", "각", "가\u11a8"},
		{"น้ำดี", "า", "ำ"},
		{"İzmir", "i", "İ"},
		{"xก\u0e38\u0e48\u0e3ay", "\u0e38", "ก\u0e38\u0e48\u0e3a"}, // marks out of order: one whole
		{"xก\u0e38\u0e48\u0e3ay", "y", "y"},
	} {
		folded, o := Mapped(c.text)
		at := strings.Index(folded, c.found)
		if at < 0 {
			t.Errorf("%+q folds to %+q, which lacks %+q", c.text, folded, c.found)
			continue
		}
		if from, to := o.Span(at, at+len(c.found)); c.text[from:to] != c.want {
			t.Errorf("%+q: %+q comes from %+q, want %+q", c.text, c.found, c.text[from:to], c.want)
		}
	}
}

func TestSpansBeyondTheText(t *testing.T) {
	_, o := Mapped("aﬁb")
	for _, c := range [][4]int{{0, 0, 0, 0}, {1, 1, 1, 1}, {-1, 99, 0, 5}, {4, 4, 5, 5}, {99, 100, 5, 5}, {3, 2, 4, 4}} {
		if from, to := o.Span(c[0], c[1]); from != c[2] || to != c[3] {
			t.Errorf("%d to %d: %d to %d, want %d to %d", c[0], c[1], from, to, c[2], c[3])
		}
	}
	var none Offsets
	if from, to := none.Span(0, 5); from != 0 || to != 0 {
		t.Errorf("of no text: %d to %d", from, to)
	}
}

func TestTerms(t *testing.T) {
	long := strings.Repeat("é", 50) // which folding makes shorter: 50 bytes
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" \n", nil},
		{"我订酒店", []string{"1我", "1订", "2我订", "1酒", "2订酒", "1店", "2酒店"}},
		{"ﾎﾃﾙ-A12", []string{"1ホ", "1テ", "2ホテ", "1ル", "2テル", "1-", "wa12"}},
		{"酒店abc 店", []string{"1酒", "1店", "2酒店", "wabc", "1店"}},
		{"가나 다", []string{"1가", "1나", "2가나", "1다"}},
		{"ที่", []string{"1ท", "1ี", "2ที", "1่", "2ี่"}},
		{"々ー〆", []string{"1々", "1ー", "2々ー", "1〆", "2ー〆"}},
		{"don't foo_bar", []string{"wdon", "1'", "wt", "wfoo_bar"}},
		{"❤️👍🏽!!", []string{"1❤", "1👍", "1🏽", "1!", "1!"}},
		{"हिन्दी мой", []string{"wहिन्दी", "wмои"}},
		{"酒、店", []string{"1酒", "1、", "1店"}},
		{"\xff\x00", []string{"1\ufffd"}},
		{strings.Repeat("x", 70) + "!", []string{"w" + strings.Repeat("x", 64), "1!"}},
		{strings.Repeat("ж", 40), []string{"w" + strings.Repeat("ж", 32)}},
		{strings.Repeat("ब", 22), []string{"w" + strings.Repeat("ब", 21)}},
		{long + long, []string{"w" + strings.Repeat("e", 64)}},
	} {
		var got []string
		Terms(Fold(c.text), func(term []byte) { got = append(got, string(term)) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFoldOfASCIIAllocatesOnce(t *testing.T) {
	for text, want := range map[string]float64{"all small, as it is": 0, "Some is NOT": 1, "我想订一家酒店": 1} {
		if got := testing.AllocsPerRun(100, func() { Fold(text) }); got > want {
			t.Errorf("%q: %v allocations, want %v", text, got, want)
		}
	}
}
