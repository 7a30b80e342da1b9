package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parlance"
	"parlance/export"
	"parlance/search"
	"parlance/search/internal/fold"
	"parlance/search/query"
	"parlance/store"
)

// realTexts are files of the data set, and sentences made up where it has none, by language.
var realTexts = []struct {
	language string
	file     string
	made     []string
}{
	{"Chinese (simplified)", "crosswoz-zh", nil},
	{"Chinese (traditional)", "archive-tw", nil},
	{"Japanese", "asdc-ja", nil},
	{"English", "taskmaster4-orders", nil},
	{"English (wiki)", "wiki-talk", nil},
	{"Korean", "", []string{"환불 부탁드립니다", "배송이 언제 오나요?", "주문번호 A12345 확인해 주세요", "네, 감사합니다 ㅎㅎ", "교환하고 싶은데요", "사이즈가 안 맞아요", "결제가 두 번 됐어요!"}},
	{"Thai", "", []string{"ขอคืนเงินได้ไหมคะ", "สินค้าจะมาถึงเมื่อไหร่", "หมายเลขคำสั่งซื้อ A12345", "ขอบคุณมากครับ", "ที่พักใกล้สนามบิน", "เปลี่ยนไซส์ได้ไหม"}},
}

// TestQueriesOfRealMessages cuts queries out of real messages, as they are and typed otherwise, and finds what a reading of all
// messages finds: no message too few, none too many, in each language.
func TestQueriesOfRealMessages(t *testing.T) {
	dir := os.Getenv("PARLANCE_DATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PARLANCE_DATA is not set, and CI does not skip")
		}
		t.Skip("PARLANCE_DATA is not set: no real messages to cut from")
	}
	w := newWorld(t, 1)
	w.refs = nil
	type text struct {
		doc      query.Document
		language int
		name     string
	}
	var all []text
	for i, of := range realTexts {
		if of.file == "" {
			w.made(i, of.made)
			continue
		}
		f, err := os.Open(filepath.Join(dir, of.file+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = export.Import(t.Context(), w.store, "w", of.file, f, export.ImportOptions{Merchant: "shop"})
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	languageOf := func(id parlance.ConversationID) int {
		for i, of := range realTexts {
			prefix, _, _ := strings.Cut(of.file, "-")
			if of.file == "archive-tw" {
				prefix = "archive"
			}
			if of.file == "" && strings.HasPrefix(string(id), fmt.Sprint("made", i)) || of.file != "" && strings.HasPrefix(string(id), prefix) {
				return i
			}
		}
		return 3
	}
	for about, err := range w.store.Conversations(t.Context(), "w") {
		if err != nil {
			t.Fatal(err)
		}
		ref := parlance.Ref{Workspace: "w", Conversation: about.ID}
		for e, err := range w.store.Log(t.Context(), ref, 1) {
			if err != nil {
				t.Fatal(err)
			}
			d := query.Document{Folded: fold.Fold(e.Message.Text), Conversation: about.ID, Kind: about.Kind, Platform: about.Platform, Message: &e.Message}
			all = append(all, text{d, languageOf(about.ID), fmt.Sprint(about.ID, " ", e.Number)})
		}
	}
	w.clock.now += 1000
	if err := w.build(1); err != nil {
		t.Fatal(err)
	}
	type tally struct{ queries, hits, missing, false_ int }
	tallies := make([]tally, len(realTexts))
	r := rand.New(rand.NewPCG(2, 2))
	for tries := 0; tries < 40_000; tries++ {
		from := all[r.IntN(len(all))]
		n := &tallies[from.language]
		if n.queries >= 60 || len(from.doc.Message.Text) == 0 {
			continue
		}
		q, err := query.Parse(typed(r, from.doc.Message.Text), time.UTC)
		if err != nil {
			continue // blanks alone, and the like
		}
		n.queries++
		want := map[string]bool{}
		for i := range all {
			if q.Match(&all[i].doc) {
				want[all[i].name] = true
			}
		}
		n.hits += len(want)
		request := search.Request{Query: q, Limit: 1000}
		for more := true; more; {
			found, err := w.index.Search(t.Context(), "w", request)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range found.Hits {
				name := fmt.Sprint(h.Conversation, " ", h.Entry.Number)
				if !want[name] {
					n.false_++
					t.Errorf("%s: found %s, which a reading doesn't find", q, name)
				}
				delete(want, name)
			}
			more, request.After = found.More, found.Next
		}
		if n.missing += len(want); len(want) > 0 {
			t.Errorf("%s: %d messages are missing", q, len(want))
		}
	}
	for i, n := range tallies {
		t.Logf("%s: %d queries, %d hits, %d missing, %d false", realTexts[i].language, n.queries, n.hits, n.missing, n.false_)
		if n.queries < 60 {
			t.Errorf("%s: only %d queries", realTexts[i].language, n.queries)
		}
	}
}

// made stores sentences in which those of a language follow one another in random order.
func (w *world) made(language int, sentences []string) {
	w.Helper()
	ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("made", language))}
	if _, err := w.store.Create(context.Background(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
		w.Fatal(err)
	}
	var ms []parlance.Message
	for range 2000 {
		text := sentences[w.r.IntN(len(sentences))]
		if w.r.IntN(2) == 0 {
			text += " " + sentences[w.r.IntN(len(sentences))]
		}
		ms = append(ms, parlance.Message{Sender: "a", Text: text})
	}
	if _, err := w.store.Put(context.Background(), ref, store.Send, ms...); err != nil {
		w.Fatal(err)
	}
}

// typed cuts 1 to 8 signs out of a text and types them in one of several ways.
func typed(r *rand.Rand, text string) string {
	signs := []rune(text)
	from := r.IntN(len(signs))
	piece := string(signs[from:min(len(signs), from+1+r.IntN(8))])
	switch r.IntN(4) {
	case 0:
		piece = strings.ToUpper(piece)
	case 1: // full width
		piece = strings.Map(func(c rune) rune {
			if c > 0x20 && c < 0x7f {
				return c + 0xfee0
			}
			return c
		}, piece)
	}
	if !utf8.ValidString(piece) {
		return ""
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `＼`, `\＼`, `＂`, `\＂`).Replace(piece) + `"`
}
