package imetastore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
)

// with returns a platform's answers with an item more, at a place of the page that has the nth message.
func with(p *platform, alien string, place string) *scripted {
	return &scripted{answer: func(path, token, body string) (int, string) {
		status, answer := p.answer(path, token, body)
		head, list, ok := strings.Cut(answer, `"msgList":[`)
		list, closed := strings.CutSuffix(list, "]}}")
		if !ok || !closed || list == "" {
			return status, answer
		}
		items := strings.Split(list, "}]},{")
		for i := range items {
			if i > 0 {
				items[i] = "{" + items[i]
			}
			if i < len(items)-1 {
				items[i] += "}]}"
			}
		}
		n := len(items)
		items = slices.Insert(items, map[string]int{"first": 0, "middle": n / 2, "last": n}[place], alien)
		head = strings.Replace(head, fmt.Sprintf(`"msgCnt":%d,`, n), fmt.Sprintf(`"msgCnt":%d,`, n+1), 1)
		return status, head + `"msgList":[` + strings.Join(items, ",") + "]}}"
	}}
}

// An item of other accounts is set aside wherever it stands, also as the first of the first page, and moves nothing.
func TestOtherAccounts(t *testing.T) {
	for _, place := range []string{"first", "middle", "last"} {
		for name, alien := range map[string]string{
			"another seller's, old":   item(buyer, "seller_002", firstSecond-1_000_000, 1, 1, "alien"),
			"another seller's, new":   item("seller_002", buyer, firstSecond+1_000_000, 1, 1, "alien"),
			"another pair's":          item("1907369850568257599", "seller_002", firstSecond+2, 1, 1, "alien"),
			"a seller's in digits":    item("1907369850568257599", "77", firstSecond+2, 1, 1, "alien"),
			"nobody's":                item("a", "b", firstSecond, 1, 1, "alien"),
			"an id of 600 bytes":      item(buyer, strings.Repeat("s", 600), firstSecond, 1, 1, "alien"),
			"an id with NUL":          item(buyer, `s\u0000`, firstSecond, 1, 1, "alien"),
			"an account that is null": strings.Replace(item(buyer, "x", firstSecond, 1, 1, "alien"), `"x"`, `null`, 1),
		} {
			for _, stream := range []history.StreamID{history.Everything, buyer} {
				for _, known := range []parlance.AccountID{"", seller} {
					p := newPlatform(t, manners{page: 4}, row(buyerNumber, ones(10)...)...)
					s := sourceOf(t, with(p, alien, place), imetastore.SourceOptions{Seller: known})
					g := walkAll(t, s, stream, history.Window{})
					g.expect(t, p.messages)
					if g.broken != 3 || len(g.gaps) > 0 || p.calls > 5 {
						t.Errorf("%s, %s, of %s: %d set aside, gaps %v, %d calls", name, place, stream, g.broken, g.gaps, p.calls)
					}
					for _, page := range g.pages {
						if page.Account != seller || page.Top > parlance.TimeOfSeconds(firstSecond+9) || len(page.Conversations) > 1 {
							t.Errorf("%s, %s, of %s: account %q, top %v, %d conversations", name, place, stream, page.Account, page.Top, len(page.Conversations))
						}
					}
				}
			}
		}
	}
}

// Where a page doesn't tell whose history it is, further ones are looked at; who it was before decides, and if they
// have nothing there, that shows.
func TestWhoseHistory(t *testing.T) {
	alien := said{buyer: buyerNumber + 1, sec: firstSecond + 50, seq: 1, text: "alien"}
	for name, c := range map[string]struct {
		page     int
		messages []said
		known    parlance.AccountID
		account  string
		given    int
	}{
		"the newest is another's":     {1, row(buyerNumber, 1, 1, 1), "", seller, 3},
		"as many of another":          {2, row(buyerNumber, 1, 1, 1), "", seller, 3},
		"only the newest is a page":   {1, row(buyerNumber, 1, 1), seller, seller, 2},
		"nothing of the expected one": {2, nil, "seller_009", "seller_002", 1},
		"the credential is another's": {10, row(buyerNumber, ones(5)...), "seller_009", seller, 5},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, manners{page: c.page}, append(c.messages, alien)...)
			up := &scripted{answer: func(path, token, body string) (int, string) {
				status, answer := p.answer(path, token, body)
				pair := fmt.Sprintf(`"fromAccount":"%d","toAccount":%q`, alien.buyer, seller)
				return status, strings.Replace(answer, pair, strings.Replace(pair, seller, "seller_002", 1), 1)
			}}
			g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{Seller: c.known}), history.Everything, history.Window{})
			if g.err != nil || g.end() == "" || len(g.texts) != c.given {
				t.Fatalf("end %q, given %v, %v", g.end(), g.texts, g.err)
			}
			for _, page := range g.pages {
				if page.Account != c.account && page.Account != "" {
					t.Errorf("account %q, want %q", page.Account, c.account)
				}
			}
			if g.pages[len(g.pages)-1].Account != c.account && c.given > 1 {
				t.Errorf("the last page doesn't tell the account")
			}
		})
	}
}
