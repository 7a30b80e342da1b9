package imetastore_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

// A page of large messages ends before its bound in bytes and says that more remain; a client that goes on as it always does reads
// everything, of one conversation, of several and of all buyers.
func TestPagesAreBounded(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	f.client = http.DefaultClient // a walk through 40 MB is checked once elsewhere
	var refs []parlance.Ref
	for _, c := range []parlance.Conversation{
		{ID: "a", Customer: "7"}, {ID: "b", Customer: "8"}, {ID: "c", Customer: "8", Kind: parlance.Order},
	} {
		refs = append(refs, f.conversation(c))
	}
	const size, each = 3_500_000, 12
	for i := range each {
		for n, ref := range refs {
			if n == 2 && i%2 == 0 || n == 1 && i%2 == 1 {
				continue // each half of them
			}
			f.put(ref, store.Mirror, parlance.Message{
				ID: parlance.MessageID(fmt.Sprint(ref.Conversation, i)), Sender: "7", Role: parlance.Customer, Type: parlance.TypeText,
				Text: fmt.Sprintf("%s %d %s", ref.Conversation, i, strings.Repeat("x", size)), Created: parlance.TimeOfSeconds(firstSecond + int64(i/5)),
			})
		}
	}
	for who, want := range map[string]int{"7": each, "8": each, "null": 2 * each} {
		seen := map[string]bool{}
		last, key := int64(4102444800), ""
		pages := 0
		for {
			l := f.list(fmt.Sprintf(`{"buyerId":%s,"minTime":0,"maxTime":%d,"lastMsgKey":%q}`, who, last, key))
			bytes := 0
			for _, it := range l.MsgList {
				text := string(it.MsgBody[0].MsgContent)
				bytes += len(text)
				text = text[:20]
				if seen[text] {
					t.Errorf("buyer %s: %s again", who, text)
				}
				seen[text] = true
			}
			if l.MsgCnt != len(l.MsgList) || l.MsgCnt == 0 || bytes > parlance.MaxPage {
				t.Fatalf("buyer %s: msgCnt %d with %d messages of %d bytes", who, l.MsgCnt, len(l.MsgList), bytes)
			}
			last, key = l.LastMsgTime, l.LastMsgKey
			if pages++; l.Complete == 1 {
				break
			}
			if bytes < parlance.MaxPage-2*size {
				t.Errorf("buyer %s: a page of %d bytes, and more remain", who, bytes)
			}
		}
		if len(seen) != want || pages < 2 {
			t.Errorf("buyer %s: %d messages on %d pages, want %d", who, len(seen), pages, want)
		}
	}
}

// However many addresses an answer holds, only so many are looked up; the rest stay as they are.
func TestRewritingIsBounded(t *testing.T) {
	asked := 0
	f := newFixture(t, imetastore.Options{Rewrite: func(_ context.Context, _ parlance.WorkspaceID, address string) (string, bool) {
		asked++
		return strings.Replace(address, "theirs", "ours", 1), true
	}})
	f.client = http.DefaultClient
	const addresses = 85_000
	var list strings.Builder
	for i := range addresses {
		fmt.Fprintf(&list, `,"https://theirs/%d"`, i)
	}
	text := strings.Replace(item(buyer, seller, firstSecond, 1, 1, "a"), `{`, `{"x":[`+list.String()[1:]+`],`, 1)
	f.mirror(f.conversation(parlance.Conversation{ID: "c", Customer: buyer}), text)
	for range 2 {
		asked = 0
		r := f.post("/seller/im/msg", everything)
		if r.status != 200 || asked != parlance.MaxRewritten || strings.Count(r.body, "https://ours/") != asked || strings.Count(r.body, "https://theirs/") != addresses-asked {
			t.Errorf("status %d, %d looked up, %d replaced", r.status, asked, strings.Count(r.body, "https://ours/"))
		}
	}
}
