package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
	"parlance/store"
	"parlance/store/pebblestore"
)

// A shop is a SHOPLINE of one conversation, c, in which a test can do what the practice upstream doesn't.
type shop struct {
	tester
	rows     []shopRow // oldest first
	merchant string
	last     string                                             // JSON of the last message that the list tells; empty: it tells none
	off      int                                                // what the total is wrong by
	before   func(http.ResponseWriter, *http.Request, int) bool // answers the nth call for messages, if it returns true

	*world // the archive; its upstream is s

	mu    sync.Mutex
	asked int // calls for messages
}

type shopRow struct {
	id, text string
	extra    string // further fields of the JSON
}

const shopBegin = fake.Epoch - 1_000_000_000

func newShop(t *testing.T, rows int) *shop {
	s := &shop{tester: t, merchant: "5a1bb2c3d4e5f60718293a4b"}
	for i := range rows {
		s.rows = append(s.rows, shopRow{id: fmt.Sprintf("%024x", i+1), text: fmt.Sprintf("message %d", i+1)})
	}
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{tester: t, engine: engine}
	w.clock.Store(int64(fake.Epoch))
	if w.store, err = store.Open(t.Context(), engine, store.Options{Now: w.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	w.mirror = mirror.New(w.store, mirror.Options{
		Secret:    func(mirror.Config) (mirror.Secret, error) { return mirror.Secret{Token: "t"}, nil },
		Transport: s,
		Now:       w.now,
		Wait: func(ctx context.Context, d time.Duration) error {
			w.clock.Add(d.Milliseconds() + 1)
			return ctx.Err()
		},
	})
	s.world = w
	c := mirror.Config{Name: source, Workspace: workspace, Platform: parlance.Shopline, Settings: mirror.Settings{URL: "http://upstream.example"}}
	if err := w.mirror.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return s
}

// RoundTrip answers a call without a network.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer(w, r)
	return w.Result(), nil
}

func (s *shop) answer(w http.ResponseWriter, r *http.Request) {
	shopMessages := r.URL.Query().Get("platform") == "shop_messages"
	switch r.URL.Path {
	case "/v1/token/info":
		fmt.Fprintf(w, `{"staff":{"id":"58ef246969702d5afd040000"},"merchant":{"id":%q}}`, s.merchant)
	case "/v1/conversations":
		n, item := 0, ""
		if shopMessages && r.URL.Query().Get("page") != "2" {
			n, item = 1, `{"id":"c","type":"shop_messages","customer_id":"6365a1f0c1a0b20013c40a01"`
			if s.last != "" {
				item += `,"last_message":` + s.last
			}
			item += "}"
		}
		fmt.Fprintf(w, `{"items":[%s],"pagination":{"current_page":1,"per_page":24,"total_pages":%d,"total_count":%d}}`, item, n, n)
	case "/v1/conversations/c/messages":
		if s.asked++; s.before == nil || !s.before(w, r, s.asked) {
			s.page(w, r)
		}
	default:
		http.NotFound(w, r)
	}
}

func shopTime(row int) parlance.Time { return shopBegin + parlance.Time(row)*60_000 }

func (s *shop) page(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	bound := func(name string, otherwise parlance.Time) parlance.Time {
		if at, err := time.Parse(time.RFC3339, q.Get(name)); err == nil {
			return parlance.TimeOf(at)
		}
		return otherwise
	}
	start, end := bound("start", 0), bound("end", 1<<50)
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 24
	}
	limit = min(limit, 10)
	items, total := []string{}, 0
	for i := len(s.rows) - 1; i >= 0; i-- {
		if at := shopTime(i); s.rows[i].id == "" || at < start || at >= end {
			continue
		}
		if total++; len(items) < limit {
			items = append(items, s.item(i))
		}
	}
	fmt.Fprintf(w, `{"total":%d,"limit":%d,"items":[%s]}`, max(total+s.off, 0), limit, strings.Join(items, ","))
}

func (s *shop) item(i int) string {
	row := &s.rows[i]
	text, err := json.Marshal(row.text)
	if err != nil {
		s.tester.Fatal(err)
	}
	return fmt.Sprintf(`{"id":%q,%s"platform":"shop_messages","message":{"sender_id":"6365a1f0c1a0b20013c40a01","sender_type":"User","created_at":%q,`+
		`"is_sent_by_merchant":false,"content":{"text":%s}}}`, row.id, row.extra, shopTime(i), text)
}

// message returns a row as it is in the archive.
func (s *shop) message(id string) parlance.Message {
	s.tester.Helper()
	e, err := s.store.Message(context.Background(), parlance.Ref{Workspace: workspace, Conversation: "c"}, parlance.MessageID(id))
	if err != nil {
		s.tester.Fatal(err)
	}
	return e.Message
}

func (s *shop) run(o mirror.RunOptions) (mirror.Report, error) {
	o.Parallel = 1 // so that the same faults strike the same calls each time
	return s.mirror.Run(context.Background(), source, o)
}

func (s *shop) ran(o mirror.RunOptions) mirror.Report {
	s.tester.Helper()
	report, err := s.run(o)
	if err != nil {
		s.tester.Fatal(err)
	}
	return report
}

// B12: deletions missed, or invented. Only what two full readings in a row lacked is marked missing, and is kept.
func TestB12MissingTwice(t *testing.T) {
	s := newShop(t, 60)
	s.ran(mirror.RunOptions{})
	gone := s.rows[30]
	s.rows[30].id = ""
	if r := s.ran(mirror.RunOptions{}); r.Missing != 0 {
		t.Errorf("a run that isn't full marked %d", r.Missing)
	}
	since := s.now()
	if r := s.ran(mirror.RunOptions{Full: true}); r.Missing != 0 || s.message(gone.id).Missing != 0 {
		t.Errorf("missing once, and marked: %+v", r)
	}
	if r := s.ran(mirror.RunOptions{Full: true}); r.Missing != 1 {
		t.Errorf("missing twice: %+v", r)
	}
	m := s.message(gone.id)
	if m.Missing < since || m.Text != gone.text {
		t.Errorf("it is marked missing since %d (want %d or later), and says %q", m.Missing, since, m.Text)
	}
	s.rows[30].id = gone.id
	s.ran(mirror.RunOptions{Full: true})
	if m := s.message(gone.id); m.Missing != 0 {
		t.Error("it came back, and is still marked missing")
	}
}

// B12: what is missing in one full reading and there in the next isn't marked by a third.
func TestB12MissingTwiceInARow(t *testing.T) {
	s := newShop(t, 60)
	s.ran(mirror.RunOptions{})
	id := s.rows[30].id
	for i := range 4 {
		s.rows[30].id = ""
		if i%2 == 1 {
			s.rows[30].id = id
		}
		if r := s.ran(mirror.RunOptions{Full: true}); r.Missing != 0 {
			t.Fatalf("reading %d marked it", i)
		}
	}
}

// B12: a guard stops what would mark more than a fifth of a conversation.
func TestB12Guard(t *testing.T) {
	s := newShop(t, 60)
	s.ran(mirror.RunOptions{})
	for i := 20; i < 40; i++ {
		s.rows[i].id = ""
	}
	for range 3 {
		if r := s.ran(mirror.RunOptions{Full: true}); r.Missing != 0 {
			t.Fatalf("a third vanished, and %d were marked", r.Missing)
		}
	}
	if r := s.ran(mirror.RunOptions{}); r.State == mirror.Complete || len(r.Gaps) == 0 {
		t.Errorf("what the guard stopped is not told: %s, %v", r.State, r.Gaps)
	}
	if r := s.ran(mirror.RunOptions{Full: true, AcceptMissing: true}); r.Missing != 20 {
		t.Errorf("told to, it marked %d of 20", r.Missing)
	}
}

// B18: ids and numbers beyond 2^53 stay what they are.
func TestB18LargeNumbers(t *testing.T) {
	s := newShop(t, 3)
	s.rows[0].id, s.rows[1].id = "9007199254740993", "9007199254740992"
	s.rows[0].extra = `"serial":9007199254740993,"weight":0.10000000000000000001,`
	s.ran(mirror.RunOptions{})
	for i := range 2 {
		if got := string(s.message(s.rows[i].id).Native.JSON); got != s.item(i) {
			t.Errorf("there %s\nhere %s", s.item(i), got)
		}
	}
	if r := s.ran(mirror.RunOptions{Full: true}); r.New+r.Changed > 0 {
		t.Errorf("the same again is new: %+v", r)
	}
}

// B24: a token of another account is refused, at the beginning and in mid-run, and nothing is stored that it could read.
func TestB24ForeignAccount(t *testing.T) {
	s := newShop(t, 60)
	s.ran(mirror.RunOptions{})
	s.merchant = "6b1bb2c3d4e5f60718293a4b"
	s.rows = append(s.rows, shopRow{id: "ffffffffffffffffffffffff", text: "of another shop"})
	asked := s.asked
	r, err := s.run(mirror.RunOptions{})
	if !errors.Is(err, parlance.Forbidden) || r.New > 0 || s.asked != asked || r.State == mirror.Complete {
		t.Errorf("a foreign account: %+v, %v; messages were asked for %d times", r, err, s.asked-asked)
	}
}

// B24: the token that takes a dead one's place is another account's.
func TestB24ForeignAccountInMidRun(t *testing.T) {
	s := newShop(t, 60)
	tokens := []string{"first", "second"}
	s.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n < 3 || r.Header.Get("Authorization") == "Bearer second" {
			return false
		}
		s.merchant = "6b1bb2c3d4e5f60718293a4b"
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	secret := func(mirror.Config) (mirror.Secret, error) {
		token := tokens[0]
		tokens = tokens[min(1, len(tokens)-1):]
		return mirror.Secret{Token: token}, nil
	}
	r, err := s.run(mirror.RunOptions{Secret: secret, Parallel: 1})
	if !errors.Is(err, parlance.Forbidden) || s.asked != 3 || r.New >= 60 || r.State == mirror.Complete {
		t.Errorf("%+v, %v; messages were asked for %d times", r, err, s.asked)
	}
}

// B25: Retry-After is obeyed to the second, and a wait is no failure however many there are in a row.
func TestB25RetryAfter(t *testing.T) {
	s := newShop(t, 60)
	var resume parlance.Time
	refusals := 0
	s.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if s.now() < resume {
			t.Errorf("call %d came %d ms too early", n, resume-s.now())
		}
		if n%6 == 0 || n > 3 && refusals < 20 {
			refusals++
			resume = s.now() + 37_000
			w.Header().Set("Retry-After", "37")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return false
	}
	r := s.ran(mirror.RunOptions{})
	if r.State != mirror.Complete || r.New != 60 || refusals < 20 {
		t.Errorf("after %d refusals: %+v", refusals, r)
	}
}

// B27: a total is no proof. A higher one keeps the history from being complete, a lower one is a finding.
func TestB27Totals(t *testing.T) {
	s := newShop(t, 60)
	s.off = 2
	r := s.ran(mirror.RunOptions{})
	if r.State == mirror.Complete || len(r.Gaps) == 0 || r.Messages != 60 {
		t.Errorf("the platform counts two more than it gives: %+v", r)
	}
	l := s.ledgers()[0]
	if l.Total == nil || l.Total.Count != 62 || !strings.Contains(l.Total.Query, "/messages") {
		t.Errorf("the total that was claimed is kept as %+v", l.Total)
	}
	s.off = -1
	r = s.ran(mirror.RunOptions{Full: true})
	if l := s.ledgers()[0]; len(l.Findings) == 0 || r.Messages != 60 {
		t.Errorf("the platform counts one less than it gives: %+v, %+v", r, l.Findings)
	}
}
