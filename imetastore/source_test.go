package imetastore_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
)

// manners are how a platform answers POST /seller/im/msg.
type manners struct {
	page       int  // messages
	seconds    bool // lastMsgTime in seconds
	noLastTime bool
	noKeys     bool // the key isn't looked at
	brief      bool // lastMsgKey is only known to the run that got it; others answer empty
	exclusive  bool // maxTime excludes its second
	naive      bool // milliseconds are read as seconds
	millis     bool // maxTime is read as milliseconds if there is a key
	noNull     bool
	noFuture   bool // a maxTime of more than a year ahead is refused
	descending bool
	later      bool      // minTime excludes its second
	bear       int       // the weight that an answer may have without being too large; 0: any
	complete   [2]string // JSON of no and yes
}

// A platform is a small hand-written one, with messages of one seller.
type platform struct {
	t        failer
	manners  manners
	messages []said
	calls    int
	asked    []string
	known    map[string]bool // keys of this run
	meddle   func()          // before each page
}

type failer interface {
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A said is a message of a platform.
type said struct {
	buyer       int64
	fromSeller  bool
	sec         int64
	seq, random uint32
	text        string
	weight      int
}

func (m *said) item() string {
	from, to := fmt.Sprint(m.buyer), seller
	if m.fromSeller {
		from, to = to, from
	}
	return item(from, to, m.sec, m.seq, m.random, m.text)
}

func (m *said) key() string {
	return fmt.Sprintf("%d_%d_%d_%d_%t", m.seq, m.random, m.sec, m.buyer, m.fromSeller)
}

func compareSaid(a, b said) int {
	return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.seq, b.seq), cmp.Compare(a.random, b.random), strings.Compare(a.item(), b.item()))
}

// answer answers a call.
func (p *platform) answer(path, _, body string) (int, string) {
	if strings.HasSuffix(path, "login") {
		return 200, fmt.Sprintf(loggedIn, 1, "7200")
	}
	if p.meddle != nil {
		p.meddle()
	}
	p.calls++
	p.asked = append(p.asked, body)
	var in imetastore.MessagesRequest
	if err := json.Unmarshal([]byte(body), &in); err != nil || in.MinTime == nil || in.MaxTime == nil {
		p.t.Errorf("asked %s: %v", body, err)
		return 400, `{"code":"10002","msg":"bad request"}`
	}
	upper := int64(*in.MaxTime)
	key := ""
	if in.LastMsgKey != nil {
		key = *in.LastMsgKey
	}
	switch {
	case p.manners.noNull && in.BuyerID == nil:
		return 200, `{"code":"10002","msg":"buyerId is required"}`
	case p.manners.millis && key != "":
		upper /= 1000
	case upper >= 100_000_000_000 && !p.manners.naive:
		upper /= 1000
	}
	if p.manners.noFuture && upper > start.Unix()+366*86400 {
		return 400, `{"code":"10002","msg":"maxTime"}`
	}
	if p.manners.exclusive {
		upper--
	}
	all := slices.Clone(p.messages)
	slices.SortFunc(all, compareSaid)
	if key != "" && !p.manners.noKeys {
		at := slices.IndexFunc(all, func(m said) bool { return m.key() == key })
		if at < 0 || p.manners.brief && !p.known[key] {
			at = 0
		}
		all = all[:at]
	}
	all = slices.DeleteFunc(all, func(m said) bool {
		return in.BuyerID != nil && m.buyer != int64(*in.BuyerID) || m.sec < int64(*in.MinTime) || m.sec > upper ||
			p.manners.later && m.sec == int64(*in.MinTime)
	})
	complete := p.manners.complete[1]
	if len(all) > p.manners.page {
		all, complete = all[len(all)-p.manners.page:], p.manners.complete[0]
	}
	weight := 0
	for i := range all {
		weight += all[i].weight
	}
	if p.manners.bear != 0 && weight > p.manners.bear {
		return 200, `{"code":"0000","data":` + strings.Repeat("[", parlance.MaxUpstreamDepth+1)
	}
	if len(all) == 0 {
		return 200, `{"code":"0000","data":{"msgCnt":0,"complete":` + complete + `,"lastMsgTime":0,"lastMsgKey":"","msgList":[]}}`
	}
	last, lastKey := all[0].sec*1000, all[0].key()
	p.known[lastKey] = true
	switch {
	case p.manners.noLastTime:
		last = 0
	case p.manners.seconds:
		last /= 1000
	}
	items := make([]string, len(all))
	for i := range all {
		items[i] = all[i].item()
	}
	if p.manners.descending {
		slices.Reverse(items)
	}
	return 200, fmt.Sprintf(`{"code":"0000","data":{"msgCnt":%d,"complete":%s,"lastMsgTime":%d,"lastMsgKey":%q,"msgList":[%s]}}`,
		len(items), complete, last, lastKey, strings.Join(items, ","))
}

func newPlatform(t failer, m manners, messages ...said) *platform {
	if m.complete[0] == "" {
		m.complete = [2]string{"0", "1"}
	}
	return &platform{t: t, manners: m, messages: messages, known: map[string]bool{}}
}

func (p *platform) source(o imetastore.SourceOptions) *imetastore.Source {
	return sourceOf(p.t, &scripted{answer: p.answer}, o)
}

func sourceOf(t failer, up http.RoundTripper, o imetastore.SourceOptions) *imetastore.Source {
	c, err := imetastore.NewClient("https://example.org", imetastore.Password("e", "p"),
		imetastore.ClientOptions{Transport: up, Now: func() parlance.Time { return parlance.TimeOf(start) }})
	if err != nil {
		t.Fatalf("%v", err)
	}
	s, err := imetastore.NewSource(c, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

// A given is what a walk gave.
type given struct {
	texts    map[string]int // how often
	pages    []history.Page
	gaps     []history.Gap
	findings []string
	broken   int // items with an error
	err      error
}

func (g *given) end() history.Evidence {
	if len(g.pages) == 0 {
		return ""
	}
	return g.pages[len(g.pages)-1].End
}

// walkAll walks a stream, checking what a walk promises of each page.
func walkAll(t testing.TB, s *imetastore.Source, id history.StreamID, w history.Window) given {
	t.Helper()
	return collect(t, s, id, w, 1<<30)
}

// collect walks at most n pages.
func collect(t failer, s *imetastore.Source, id history.StreamID, w history.Window, n int) given {
	g := given{texts: map[string]int{}}
	low := w.Below
	for p, err := range s.Walk(context.Background(), id, w) {
		if err != nil {
			g.err = err
			break
		}
		if !low.IsZero() && p.Low.Time > low.Time {
			t.Errorf("the place went up from %v to %v", low, p.Low)
		}
		if len(p.Items) == 0 && (p.Low != low || p.Top != 0) {
			t.Errorf("an empty page went from %v to %v, top %v", low, p.Low, p.Top)
		}
		low = p.Low
		g.pages = append(g.pages, p)
		g.gaps = append(g.gaps, p.Gaps...)
		for _, f := range p.Findings {
			g.findings = append(g.findings, f.Text)
		}
		for _, it := range p.Items {
			if it.Err != nil {
				if parlance.KindOf(it.Err) != parlance.Invalid || len(it.Raw) == 0 {
					t.Errorf("item %s: %v", it.Raw, it.Err)
				}
				g.broken++
				continue
			}
			if it.Conversation == "" || string(it.Message.Native.JSON) != string(it.Raw) {
				t.Errorf("item %+v", it)
			}
			g.texts[it.Message.Text]++
		}
		if n--; n == 0 {
			break
		}
	}
	return g
}

// expect checks that a walk ended and gave each of the messages.
func (g *given) expect(t testing.TB, messages []said) {
	t.Helper()
	if g.err != nil || g.end() == "" {
		t.Fatalf("end %q, error %v", g.end(), g.err)
	}
	for _, m := range messages {
		if g.texts[m.text] == 0 {
			t.Errorf("%s of second %d is missing", m.text, m.sec)
		}
	}
	if len(g.texts) != len(messages) {
		t.Errorf("given %v", g.texts)
	}
}

const firstSecond = 1734443000

// row returns messages of one buyer, of which each second holds the given number.
func row(buyer int64, counts ...int) []said {
	var all []said
	for i, n := range counts {
		for range n {
			k := uint32(len(all))
			all = append(all, said{buyer, k%2 == 0, firstSecond + int64(i), 1, k, fmt.Sprint("m", k), 0})
		}
	}
	return all
}

const buyerNumber = 1907369850568257537

// TestTraps walks platforms with one bad manner each.
func TestTraps(t *testing.T) {
	for name, c := range map[string]struct {
		manners  manners
		counts   []int
		gaps     []int64 // seconds
		findings string  // of which one must speak
		calls    int     // at most
	}{
		"U1 milliseconds to seconds":                  {manners{page: 2, naive: true}, []int{1, 1, 1, 1, 1}, nil, "", 4},
		"U2 only milliseconds below the first page":   {manners{page: 2, millis: true}, []int{1, 1, 1, 1, 1}, nil, "", 8},
		"U3 lastMsgTime in seconds":                   {manners{page: 2, seconds: true}, []int{1, 1, 1, 1, 1}, nil, "", 4},
		"B2 maxTime excludes its second":              {manners{page: 2, exclusive: true}, []int{1, 3, 3, 1}, nil, "", 8},
		"B2 excluded, and no keys":                    {manners{page: 4, exclusive: true, noKeys: true}, []int{1, 3, 3, 1}, nil, "", 9},
		"B3 descending pages":                         {manners{page: 2, descending: true}, []int{1, 2, 1}, nil, "ascending", 4},
		"B4 no lastMsgTime":                           {manners{page: 2, noLastTime: true}, []int{1, 2, 1}, nil, "", 4},
		"B1 ties across a page edge":                  {manners{page: 2}, []int{3, 3, 3}, nil, "", 6},
		"B1 ties of several pages":                    {manners{page: 2}, []int{1, 9, 1}, nil, "", 7},
		"B1 ties across a page edge, no keys":         {manners{page: 4, noKeys: true}, []int{1, 3, 3, 3}, nil, "", 6},
		"B1 more ties than a page, no keys":           {manners{page: 3, noKeys: true}, []int{1, 7, 1}, []int64{1}, "", 9},
		"B3 exactly a page of ties, no keys":          {manners{page: 3, noKeys: true}, []int{1, 3, 1}, []int64{1}, "", 9},
		"B1 ties of several pages, bound excluded":    {manners{page: 2, exclusive: true}, []int{1, 9, 1}, nil, "", 10},
		"B1 ties, bound excluded, naive, no keys":     {manners{page: 2, exclusive: true, naive: true, noKeys: true}, []int{1, 5, 1}, []int64{1}, "", 14},
		"B13 complete as booleans":                    {manners{page: 2, complete: [2]string{"false", "true"}}, []int{1, 1, 1}, nil, "", 4},
		"B13 complete as texts":                       {manners{page: 2, complete: [2]string{`"0"`, `"1"`}}, []int{1, 1, 1}, nil, "", 4},
		"B14 a maxTime of the year 2100 is refused":   {manners{page: 2, noFuture: true}, []int{1, 1, 1}, nil, "2100", 5},
		"B2 a page as long as the history":            {manners{page: 3}, []int{1, 1, 1}, nil, "", 1},
		"B2 nothing at all":                           {manners{page: 3}, nil, nil, "", 1},
		"B3 complete never comes, as in a plain loop": {manners{page: 2, complete: [2]string{"0", "0"}}, []int{1, 1}, nil, "never", 24},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, c.manners, row(buyerNumber, c.counts...)...)
			for _, id := range []history.StreamID{history.Everything, buyer} {
				p.calls, p.asked = 0, nil
				s := p.source(imetastore.SourceOptions{})
				g := walkAll(t, s, id, history.Window{})
				if c.findings == "never" {
					if parlance.KindOf(g.err) != parlance.Broken || g.end() != "" {
						t.Errorf("end %q, error %v", g.end(), g.err)
					}
				} else if len(c.gaps) == 0 {
					g.expect(t, p.messages)
					if c.findings != "" && !slices.ContainsFunc(g.findings, func(f string) bool { return strings.Contains(f, c.findings) }) || c.findings == "" && len(g.findings) > 0 {
						t.Errorf("findings %q", g.findings)
					}
				}
				var gaps []int64
				for _, gap := range g.gaps {
					if gap.From%1000 != 0 || gap.To != gap.From+999 || gap.Reason == "" {
						t.Errorf("gap %+v", gap)
					}
					gaps = append(gaps, gap.From.Seconds()-firstSecond)
				}
				if !slices.Equal(gaps, c.gaps) {
					t.Errorf("gaps in seconds %v, want %v", gaps, c.gaps)
				}
				for _, m := range p.messages {
					if g.texts[m.text] == 0 && !slices.Contains(gaps, m.sec-firstSecond) {
						t.Errorf("%s of second %d is missing", m.text, m.sec-firstSecond)
					}
				}
				if p.calls > c.calls {
					t.Errorf("%d calls, want at most %d: %s", p.calls, c.calls, strings.Join(p.asked, "\n"))
				}
			}
		})
	}
}
