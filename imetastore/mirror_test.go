package imetastore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
	"parlance/store"
)

// TestAnyManners walks random histories on platforms of random manners, in one go and with a stop after any page: all
// messages are given, or a gap names their second.
func TestAnyManners(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manners{
			page:       rapid.IntRange(1, 5).Draw(t, "page"),
			seconds:    rapid.Bool().Draw(t, "seconds"),
			noLastTime: rapid.Bool().Draw(t, "no last time"),
			noKeys:     rapid.Bool().Draw(t, "no keys"),
			brief:      rapid.Bool().Draw(t, "brief"),
			exclusive:  rapid.Bool().Draw(t, "exclusive"),
			naive:      rapid.Bool().Draw(t, "naive"),
			noFuture:   rapid.Bool().Draw(t, "no future"),
			noNull:     rapid.Bool().Draw(t, "no null"),
			later:      rapid.Bool().Draw(t, "later"),
			bear:       rapid.SampledFrom([]int{0, 0, 4, 8}).Draw(t, "bear"),
			descending: rapid.Bool().Draw(t, "descending"),
			complete:   rapid.SampledFrom([][2]string{{"0", "1"}, {"false", "true"}, {`"0"`, `"1"`}, {"null", "true"}}).Draw(t, "complete"),
		}
		m.millis = !m.naive && rapid.Bool().Draw(t, "milliseconds")
		m.later = m.later && !(m.exclusive && m.bear != 0) // which bounds hold can't be found out where nothing can be read
		m.brief = m.brief && !(m.bear != 0 && (m.exclusive || m.millis))
		p := newPlatform(t, m)
		ids := map[string]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "messages") {
			s := said{
				rapid.Int64Range(buyerNumber, buyerNumber+1).Draw(t, "buyer"), rapid.Bool().Draw(t, "from seller"),
				firstSecond + rapid.SampledFrom([]int64{0, 0, 0, 0, 1, 2, 3, 50, 1e9}).Draw(t, "second"),
				rapid.Uint32Range(0, 2).Draw(t, "seq"), rapid.Uint32Range(0, 3).Draw(t, "random"), "",
				rapid.SampledFrom([]int{0, 0, 1, 3, 9}).Draw(t, "weight"),
			}
			if !ids[s.key()] {
				ids[s.key()] = true
				s.text = fmt.Sprint("m", len(p.messages))
				p.messages = append(p.messages, s)
			}
		}
		src := func() *imetastore.Source {
			p.known = map[string]bool{} // another run
			return p.source(imetastore.SourceOptions{Buyers: []parlance.AccountID{buyer, "1907369850568257538"}})
		}
		stop := rapid.SampledFrom([]int{1 << 30, 1, 2, 3}).Draw(t, "pages between stops")
		sameRun := rapid.Bool().Draw(t, "same run")
		got, gaps := map[string]int{}, []history.Gap(nil)
		s := src()
		for stream, err := range s.Streams(context.Background()) {
			if err != nil {
				t.Fatalf("%v", err)
			}
			var w history.Window
			same := 0
			for step := 0; ; step++ {
				g := collect(t, s, stream.ID, w, stop)
				if g.err != nil {
					t.Fatalf("%+v: %v after\n%s", m, g.err, strings.Join(p.asked, "\n"))
				}
				for text := range g.texts {
					got[text]++
				}
				gaps = append(gaps, g.gaps...)
				if g.end() != "" {
					break
				}
				// A run that always stops before it can leave a second gets nowhere without keys: let it have more.
				if last := g.pages[len(g.pages)-1].Low; last.Time == w.Below.Time {
					same++
					if same > 3 && (m.noKeys || m.brief || m.bear != 0) {
						stop++
					}
				}
				w.Below = g.pages[len(g.pages)-1].Low
				if step > 200 {
					t.Fatalf("%+v: no end\n%s", m, strings.Join(p.asked[len(p.asked)-20:], "\n"))
				}
				if !sameRun {
					s = src()
				}
			}
		}
		inGap := func(sec int64) bool {
			return slices.ContainsFunc(gaps, func(g history.Gap) bool { return g.From.Seconds() <= sec && sec <= g.To.Seconds() })
		}
		weights := map[int64]int{} // of a second and its neighbours
		for _, x := range p.messages {
			for sec := x.sec - 1; sec <= x.sec+1; sec++ {
				weights[sec] += x.weight
			}
		}
		for _, x := range p.messages {
			ahead := m.noFuture && x.sec > start.Unix()+60
			if got[x.text] == 0 && !inGap(x.sec) && !ahead {
				t.Errorf("%+v: %s of second %d is missing, and no gap names it\n%s", m, x.text, x.sec, strings.Join(p.asked, "\n"))
			}
		}
		dark := m.bear != 0 && (m.exclusive || m.naive || m.millis) // its manners may not be found out where too little can be read
		for _, gap := range gaps {
			if gap.To-gap.From > 1999 || !dark && !m.noKeys && !m.brief && weights[gap.From.Seconds()] <= m.bear {
				t.Errorf("%+v: gap %v though keys work\n%s", m, gap, strings.Join(p.asked, "\n"))
			}
		}
		limit := 10 + 6*len(p.messages)
		if m.bear != 0 {
			limit = 60 + 30*len(p.messages)
		}
		if stop == 1<<30 && p.calls > limit {
			t.Errorf("%+v: %d calls for %d messages, want at most %d\n%s", m, p.calls, len(p.messages), limit, strings.Join(p.asked, "\n"))
		}
	})
}

// TestB17NewMessagesDuringTheWalk: what arrives above the place is neither missed below it nor taken for progress.
func TestB17NewMessagesDuringTheWalk(t *testing.T) {
	for _, m := range []manners{{page: 2}, {page: 2, noKeys: true}, {page: 2, naive: true, noKeys: true}} {
		old := row(buyerNumber, 1, 1, 1, 1, 5, 1)
		p := newPlatform(t, m, old...)
		p.meddle = func() {
			n := uint32(len(p.messages))
			p.messages = append(p.messages, said{buyerNumber, false, firstSecond + 100 + int64(n), 1, n, fmt.Sprint("new", n), 0})
		}
		g := walkAll(t, p.source(imetastore.SourceOptions{}), history.Everything, history.Window{})
		if g.err != nil || g.end() == "" || p.calls > 30 {
			t.Fatalf("%+v: end %q after %d calls, %v", m, g.end(), p.calls, g.err)
		}
		for _, x := range old {
			if g.texts[x.text] == 0 && len(g.gaps) == 0 {
				t.Errorf("%+v: %s is missing", m, x.text)
			}
		}
		if m.noKeys != (len(g.gaps) == 1) {
			t.Errorf("%+v: gaps %v", m, g.gaps)
		}
	}
}

// TestB16StaleKey goes on from a place whose key the platform has forgotten, in each way of saying so.
func TestB16StaleKey(t *testing.T) {
	p := newPlatform(t, manners{page: 3, brief: true}, row(buyerNumber, 2, 3, 2, 1)...)
	g := collect(t, p.source(imetastore.SourceOptions{}), buyer, history.Window{}, 1)
	low := g.pages[0].Low
	if low.Key == "" || low.Time != parlance.TimeOfSeconds(firstSecond+2) {
		t.Fatalf("place %+v", low)
	}
	want := slices.DeleteFunc(slices.Clone(p.messages), func(m said) bool { return m.sec > firstSecond+2 })
	for _, refusal := range []string{"", `{"code":"10002","msg":"lastMsgKey"}`, `{"code":"30001","msg":"cursor"}`} {
		for _, key := range []string{low.Key, "never-was", ""} {
			p.known = map[string]bool{}
			up := &scripted{answer: func(path, token, body string) (int, string) {
				if refusal != "" && key != "" && strings.Contains(body, `"`+key+`"`) {
					return 200, refusal
				}
				return p.answer(path, token, body)
			}}
			g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), buyer, history.Window{Below: history.Place{Time: low.Time, Key: key}})
			g.expect(t, want)
			if len(g.gaps) > 0 {
				t.Errorf("gaps %v", g.gaps)
			}
		}
	}
}

// listing answers every call for messages with the same data.
func listing(data string) *scripted {
	return &scripted{answer: func(path, _, _ string) (int, string) {
		if strings.HasSuffix(path, "login") {
			return 200, fmt.Sprintf(loggedIn, 1, "7200")
		}
		return 200, `{"code":"0000","data":` + data + `}`
	}}
}

// TestB16OneBadItem: what can't be read is given with its bytes, and costs nothing else.
func TestB16OneBadItem(t *testing.T) {
	good := item(buyer, seller, firstSecond, 1, 1, "a")
	bad := []string{
		`null`, `7`, `{}`, `{"fromAccount":"1"}`, "{\"fromAccount\":\"1\xff\",\"toAccount\":\"s\",\"msgTimestamp\":1}",
		`{"fromAccount":"1","toAccount":"s","msgTimestamp":1,"msgSeq":1,"msgSeq":2}`,
		`{"fromAccount":"a","toAccount":"s","msgTimestamp":1,"msgSeq":1}`, // nobody's chat
	}
	up := listing(`{"msgCnt":8,"complete":1,"msgList":[` + strings.Join(append(bad, good), ` , `) + `]}`)
	g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), history.Everything, history.Window{})
	if g.err != nil || g.end() == "" || g.broken != len(bad) || g.texts["a"] != 1 {
		t.Fatalf("%+v", g)
	}
	for i, raw := range append(bad, good) {
		if got := string(g.pages[0].Items[i].Raw); got != raw {
			t.Errorf("raw %s, want %s", got, raw)
		}
	}
}

// TestB8ContentAsObject, and in other forms that the list may have.
func TestB8ContentAsObject(t *testing.T) {
	const text = `{"fromAccount":1907369850568257537,"toAccount":"seller_001","msgTimestamp":"1734443000000","msgSeq":"1","msgRandom":4294967295,` +
		`"msgBody":{"MsgType":"TIMTextElem","MsgContent":{"Text":"a"}}}`
	g := walkAll(t, sourceOf(t, listing(`{"complete":1,"msgList":[`+text+`]}`), imetastore.SourceOptions{}), buyer, history.Window{})
	if g.err != nil || g.texts["a"] != 1 {
		t.Fatalf("%+v", g)
	}
	m := g.pages[0].Items[0].Message
	if m.Sender != buyer || m.Created != parlance.TimeOfSeconds(firstSecond) || m.Role != parlance.Customer {
		t.Errorf("%+v", m)
	}
}

// TestFindings: what should not be so and loses nothing is told once.
func TestFindings(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"B14 count below the list":   {`{"msgCnt":0,"complete":1,"msgList":[` + item(buyer, seller, firstSecond, 1, 1, "a") + `]}`, "msgCnt"},
		"a last time below the page": {`{"complete":1,"lastMsgTime":1734000000000,"msgList":[` + item(buyer, seller, firstSecond, 1, 1, "a") + `]}`, "lastMsgTime"},
	} {
		g := walkAll(t, sourceOf(t, listing(c.data), imetastore.SourceOptions{}), buyer, history.Window{})
		if g.err != nil || len(g.findings) != 1 || !strings.Contains(g.findings[0], c.want) {
			t.Errorf("%s: findings %q, %v", name, g.findings, g.err)
		}
	}
}

// TestParties: who is the buyer, and which conversation it is.
func TestParties(t *testing.T) {
	for name, c := range map[string]struct {
		stream   history.StreamID
		from, to string
		want     parlance.ConversationID
		customer bool
	}{
		"from the buyer":                {"*", buyer, seller, seller + ":" + buyer, true},
		"to the buyer":                  {"*", seller, buyer, seller + ":" + buyer, false},
		"a short buyer":                 {"*", "7", seller, seller + ":7", true},
		"a seller in digits":            {"*", "1001", buyer, "1001:" + buyer, false},
		"a seller in digits, one buyer": {"7", "7", "1001", "1001:7", true},
		"a seller in digits, answering": {"7", "1001", "7", "1001:7", false},
		"two in digits":                 {"*", "7", "1001", "", false},
		"none":                          {"*", "a", "b", "", false},
		"zeros before":                  {"*", "007", "1001", "007:1001", false},
	} {
		t.Run(name, func(t *testing.T) {
			up := listing(`{"complete":1,"msgList":[` + item(c.from, c.to, firstSecond, 1, 1, "a") + `]}`)
			for p, err := range sourceOf(t, up, imetastore.SourceOptions{}).Walk(t.Context(), c.stream, history.Window{}) {
				if err != nil || len(p.Items) != 1 {
					t.Fatalf("%+v, %v", p, err)
				}
				it := p.Items[0]
				if it.Conversation != c.want || (it.Err != nil) != (c.want == "") {
					t.Fatalf("conversation %q, %v", it.Conversation, it.Err)
				}
				if c.want == "" {
					continue
				}
				sellerID, buyerID, _ := strings.Cut(string(c.want), ":")
				if (it.Message.Role == parlance.Customer) != c.customer || p.Account != sellerID {
					t.Errorf("role %s, account %s", it.Message.Role, p.Account)
				}
				st := p.Conversations[0]
				if st.ID != history.StreamID(buyerID) || st.Conversation.Customer != parlance.AccountID(buyerID) || st.Conversation.Kind != parlance.Shop ||
					st.Conversation.Platform != parlance.IMetaStore || len(st.Members) != 2 {
					t.Errorf("%+v", st)
				}
			}
		})
	}
}

func TestStreams(t *testing.T) {
	known := []parlance.AccountID{buyer, "7"}
	for name, c := range map[string]struct {
		manners  manners
		messages []said
		options  imetastore.SourceOptions
		want     string
		kind     parlance.ErrorKind
	}{
		"null is taken":                  {manners{page: 2}, row(7, 1), imetastore.SourceOptions{Buyers: known}, "*", 0},
		"null is taken, and all empty":   {manners{page: 2}, nil, imetastore.SourceOptions{Buyers: known}, "* " + buyer + " 7", 0},
		"all empty, nobody known":        {manners{page: 2}, nil, imetastore.SourceOptions{}, "*", 0},
		"B7 null is refused":             {manners{page: 2, noNull: true}, row(7, 1), imetastore.SourceOptions{Buyers: known}, buyer + " 7", 0},
		"null is refused, nobody known":  {manners{page: 2, noNull: true}, row(7, 1), imetastore.SourceOptions{}, "", parlance.Invalid},
		"all, by option":                 {manners{page: 2, noNull: true}, nil, imetastore.SourceOptions{Reach: imetastore.AllBuyers}, "*", 0},
		"the known, by option":           {manners{page: 2}, row(9, 1), imetastore.SourceOptions{Buyers: known, Reach: imetastore.KnownBuyers}, buyer + " 7", 0},
		"the known, by option, but none": {manners{page: 2}, row(9, 1), imetastore.SourceOptions{Reach: imetastore.KnownBuyers}, "", parlance.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, c.manners, c.messages...)
			s := p.source(c.options)
			for range 2 {
				var ids []string
				for st, err := range s.Streams(t.Context()) {
					if err != nil {
						if parlance.KindOf(err) != c.kind || c.want != "" {
							t.Errorf("error %v", err)
						}
						continue
					}
					ids = append(ids, string(st.ID))
				}
				if got := strings.Join(ids, " "); got != c.want {
					t.Errorf("streams %q, want %q", got, c.want)
				}
			}
			if len(c.messages) > 0 && p.calls > 1 {
				t.Errorf("asked %d times", p.calls)
			}
		})
	}
	// What is no refusal is no answer to the question either.
	for _, answer := range []string{`{"code":"10004","msg":"later"}`, `<html>`, `{"code":"429"}`} {
		up := &scripted{answer: func(path, _, _ string) (int, string) {
			if strings.HasSuffix(path, "login") {
				return 200, fmt.Sprintf(loggedIn, 1, "7200")
			}
			return 200, answer
		}}
		for st, err := range sourceOf(t, up, imetastore.SourceOptions{Buyers: known}).Streams(t.Context()) {
			if err == nil {
				t.Errorf("%s: stream %s", answer, st.ID)
			}
		}
	}
	if _, err := imetastore.NewSource(nil, imetastore.SourceOptions{Buyers: []parlance.AccountID{"seller"}}); parlance.KindOf(err) != parlance.Invalid {
		t.Errorf("a buyer who is no number: %v", err)
	}
	for _, err := range newPlatform(t, manners{page: 1}).source(imetastore.SourceOptions{}).Walk(t.Context(), "seller", history.Window{}) {
		if parlance.KindOf(err) != parlance.NotFound {
			t.Errorf("a stream that is none: %v", err)
		}
	}
}

// TestFloor: a later run asks for what is new and a second more, and says so.
func TestFloor(t *testing.T) {
	p := newPlatform(t, manners{page: 2}, row(buyerNumber, 1, 1, 1, 1, 1, 1)...)
	s := p.source(imetastore.SourceOptions{})
	g := walkAll(t, s, history.Everything, history.Window{Floor: parlance.TimeOfSeconds(firstSecond+5) + 1})
	g.expect(t, p.messages[4:])
	if p.calls != 1 || !strings.Contains(string(g.end()), "2024-12-17T13:43:24.000Z") {
		t.Errorf("%d calls, end %q", p.calls, g.end())
	}
}

// TestErrorsEndTheWalk: whatever isn't an answer is an error, and never the end (B4 of the needs).
func TestErrorsEndTheWalk(t *testing.T) {
	for answer, kind := range map[string]parlance.ErrorKind{
		`{"code":"10004","msg":"later"}`: parlance.Unavailable, `<html>`: parlance.Broken, `{"code":"429"}`: parlance.Limited,
		`{"code":"403","msg":"not yours"}`: parlance.Broken, `{"code":"10002","msg":"no"}`: parlance.Invalid,
	} {
		p := newPlatform(t, manners{page: 2}, row(buyerNumber, 1, 1, 1, 1, 1)...)
		up := &scripted{answer: func(path, token, body string) (int, string) {
			if strings.HasSuffix(path, "login") || p.calls == 0 {
				return p.answer(path, token, body)
			}
			return 200, answer
		}}
		g := walkAll(t, sourceOf(t, up, imetastore.SourceOptions{}), history.Everything, history.Window{})
		if len(g.pages) != 1 || g.end() != "" || parlance.KindOf(g.err) != kind {
			t.Errorf("%s: %d pages, end %q, %v", answer, len(g.pages), g.end(), g.err)
		}
	}
}

// TestB18Same: what is a revision and what isn't.
func TestB18Same(t *testing.T) {
	const old = `{"fromAccount":"1","toAccount":"s","msgTimestamp":1734443056,"msgDateTime":"2024-12-17 13:44:16","msgSeq":1,"msgRandom":2,"msgFlagBits":0,` +
		`"msgBody":[{"msgType":"TIMCustomElem","msgContent":"{\"data\":\"d\",\"n\":9007199254740993,\"desc\":\"\"}"}]}`
	var s imetastore.Source
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{`13:44:16`, `21:44:16`, true},
		{`"msgDateTime":"2024-12-17 13:44:16",`, ``, true},
		{`1734443056`, `1734443056000`, true},
		{`"fromAccount":"1"`, `"fromAccount": 1`, true},
		{`"msgSeq":1`, `"msgSeq":1,"msgKey":"k"`, true},
		{`"msgSeq":1,"msgRandom":2`, `"msgRandom":2,"msgSeq":1`, true},
		{`"{\"data\":\"d\",\"n\":9007199254740993,\"desc\":\"\"}"`, `{"desc":"", "data":"\u0064","n":9007199254740993}`, true},
		{`[{"msgType"`, `[{"MsgType"`, true},
		{`\"d\"`, `\"e\"`, false},
		{`9007199254740993`, `9007199254740992`, false},
		{`TIMCustomElem`, `TIMRelayElem`, false},
		{`"msgFlagBits":0`, `"msgFlagBits":8`, false},
		{`"msgFlagBits":0,`, ``, false},
		{`"msgBody":[`, `"msgBody":[{"msgType":"TIMTextElem","msgContent":"{}"},`, false},
		{`"msgBody":[`, `"msgBody":[7,`, false},
	} {
		a, errA := imetastore.MessageOf([]byte(old))
		b, errB := imetastore.MessageOf([]byte(strings.Replace(old, c.old, c.new, 1)))
		if errA != nil || errB != nil || a.ID != b.ID {
			t.Fatalf("%s: %v, %v, ids %s and %s", c.new, errA, errB, a.ID, b.ID)
		}
		if s.Same(&a, &b) != c.same || s.Same(&b, &a) != c.same {
			t.Errorf("%s for %s: want same = %v", c.new, c.old, c.same)
		}
	}
}

// TestOneParlanceMirrorsAnother reads our own server through HTTP into another store, which then serves the same bytes, and goes on
// with the same conversations.
func TestOneParlanceMirrorsAnother(t *testing.T) {
	from := newFixture(t, imetastore.Options{PageSize: 3})
	to := newFixture(t, imetastore.Options{})
	buyers := []string{buyer, "1907369850568257536"}
	for i := range 20 {
		from.send(fmt.Sprintf(`{"buyerId":%s,"msgRandom":%d,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"own %d"}}}`, buyers[i%2], i, i))
		if i%7 == 6 {
			from.advance(1000 * 1000 * 1000)
		}
	}
	for i, b := range buyers {
		ref := parlance.Ref{Workspace: from.ws.ID, Conversation: parlance.ConversationID(seller + ":" + b)}
		for n := range uint32(8) { // more of one second than a page
			from.mirror(ref, item(b, seller, firstSecond+int64(i), 5, n, fmt.Sprint("old ", n)))
		}
	}
	c := from.newClient()
	s, err := imetastore.NewSource(c, imetastore.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for st, err := range s.Streams(t.Context()) {
		if err != nil || st.ID != history.Everything {
			t.Fatalf("%+v, %v", st, err)
		}
		for p, err := range s.Walk(t.Context(), st.ID, history.Window{}) {
			if err != nil || len(p.Gaps)+len(p.Findings) > 0 || p.Account != seller || p.Clock == 0 {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, met := range p.Conversations {
				if _, err := to.store.Create(t.Context(), to.ws.ID, met.Conversation); err != nil {
					t.Fatal(err)
				}
				if err := to.store.AddMembers(t.Context(), parlance.Ref{Workspace: to.ws.ID, Conversation: met.Conversation.ID}, met.Members...); err != nil {
					t.Fatal(err)
				}
			}
			for _, it := range p.Items {
				if it.Err != nil {
					t.Fatal(it.Err)
				}
				to.put(parlance.Ref{Workspace: to.ws.ID, Conversation: it.Conversation}, store.Mirror, it.Message)
			}
		}
	}
	for _, b := range buyers {
		all := strings.Replace(everything, buyer, b, 1)
		items := func(f *fixture) []string {
			var got []string
			client := f.newClient()
			src, err := imetastore.NewSource(client, imetastore.SourceOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for p, err := range src.Walk(t.Context(), history.StreamID(b), history.Window{}) {
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range p.Items {
					got = append(got, string(it.Raw))
				}
			}
			slices.Sort(got)
			return slices.Compact(got)
		}
		want, got := items(from), items(to)
		if len(want) != 18 || !slices.Equal(want, got) {
			t.Errorf("buyer %s: %d messages upstream, %d mirrored", b, len(want), len(got))
		}
		// Sending goes on in the conversation that was mirrored.
		to.send(`{"buyerId":` + b + `,"msgRandom":77,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"next"}}}`)
		if l := to.list(all); len(l.MsgList) != 19 || l.MsgList[18].FromAccount != seller {
			t.Errorf("after sending: %d messages", len(l.MsgList))
		}
	}
	n := 0
	for sum, err := range to.store.Recent(t.Context(), to.ws.ID, store.List{Kind: parlance.Shop}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; sum.Conversation.Platform != parlance.IMetaStore {
			t.Errorf("%+v", sum.Conversation)
		}
	}
	if n != len(buyers) {
		t.Errorf("%d conversations", n)
	}
}
