package fake

import "math/rand/v2"

// traps are texts that programs damage.
var traps = []string{
	"",
	" ",
	"two\nlines\r\nand a tab\t.",
	`"quoted" 'and' \back\slashed\ `,
	"</script><script>alert(1)</script><!-- &amp; &lt;b&gt;",
	"=HYPERLINK(\"http://example.com\",\"1\")",
	"+886 2 1234 5678",
	"@all -1",
	"👩‍👩‍👧‍👦 👍🏽 🇹🇼",
	"e\u0301 is not \u00e9; full width ＡＢＣ；\u200bzero width",
	"RTL: \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eabc\u202c",
	"1907369850568257537",
	"<U+2028>\u2028and\u2029paragraphs",
	"null",
	"%00 %2F ../../etc/passwd ${HOME} {{.}}",
	"𠮷野家で待ち合わせ。𡈽",
	"\ufeffa mark at the beginning",
}

// sentences are what a shop and its customers say.
var sentences = []string{
	"Is my order on its way?",
	"Your parcel was handed over this morning.",
	"Can I still change the address?",
	"請問這件還有 M 號嗎？",
	"有的，下單後三個工作天內出貨。",
	"可以合併運費嗎 🙏",
	"这款什么时候补货？",
	"在庫はありますか？",
	"ご注文ありがとうございます。明日発送いたします。",
	"색상을 바꿀 수 있을까요?",
	"¿Puedo pagar contra reembolso?",
	"Die Größe fällt eher klein aus.",
	"Đơn hàng của tôi đâu rồi?",
	"สินค้าชำรุด ขอคืนเงินได้ไหม",
	"謝謝！收到了 ❤️",
	"Merci, bonne journée !",
	"ok",
	"好",
}

// text returns what somebody could have written.
func text(r *rand.Rand) string {
	switch n := r.IntN(100); {
	case n < 22:
		return traps[r.IntN(len(traps))]
	case n < 24:
		long := ""
		for len(long) < 3000 {
			long += sentences[r.IntN(len(sentences))] + "\n"
		}
		return long
	case n < 50:
		return sentences[r.IntN(len(sentences))] + " " + sentences[r.IntN(len(sentences))]
	default:
		return sentences[r.IntN(len(sentences))]
	}
}

var names = []string{"林小美", "Elsa", "佐藤 健", "Zoë O'Neil", "김민지", "王 \"大\" 明", "Nguyễn An", "Bob <b>", "🐼", "María"}
