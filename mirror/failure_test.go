package mirror_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
	"parlance/store"
	"parlance/store/pebblestore"
)

// A chat is an IMKit server of a few rooms, in which a test can break what it likes.
type chat struct {
	*world
	rooms []string // the items of the list, as JSON
	total int      // that the list claims; -1: as many as there are
	me    string   // JSON

	messages map[string][]string                               // by room, newest first, as JSON
	hidden   map[string][]string                               // by room, ids
	before   func(w http.ResponseWriter, r *http.Request) bool // answers a call, if it returns true
}

func newChat(t *testing.T, rooms ...string) *chat {
	c := &chat{total: -1, me: `{"_id":"reader","id":"reader","nickname":"R"}`, messages: map[string][]string{}, hidden: map[string][]string{}}
	for _, id := range rooms {
		c.rooms = append(c.rooms, fmt.Sprintf(`{"_id":%q,"id":%q,"name":"room %s","roomType":"group"}`, id, id, id))
		c.fill(id, 3)
	}
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	c.world = &world{tester: t, engine: engine}
	c.clock.Store(int64(fake.Epoch))
	if c.store, err = store.Open(t.Context(), engine, store.Options{Now: c.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	c.mirror = mirror.New(c.store, mirror.Options{
		Secret:    func(mirror.Config) (mirror.Secret, error) { return mirror.Secret{ClientKey: "k", Token: "t"}, nil },
		Transport: transport(c.answer), Now: c.now, Wait: c.wait,
	})
	config := mirror.Config{Name: source, Workspace: workspace, Platform: parlance.IMKit, Settings: mirror.Settings{URL: "https://chat.example"}}
	if err := c.mirror.Add(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chat) fill(room string, n int) {
	c.messages[room] = nil
	for i := n; i > 0; i-- {
		c.messages[room] = append(c.messages[room], message(room, i, "text"))
	}
}

// message is the nth message of a room.
func message(room string, n int, text string) string {
	at := int64(fake.Epoch) - 1_000_000_000 + int64(n)*60_000
	return fmt.Sprintf(`{"_id":"%024x","room":%q,"messageType":"text","message":%q,"sender":{"_id":"a","id":"a","nickname":"A"},"createdAtMS":%d,"updatedAtMS":%d,"messageTimeMS":%d}`,
		n, room, text, at, at, at)
}

func (c *chat) answer(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.mu.Lock()
	defer c.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case c.before != nil && c.before(w, r):
	case r.URL.Path == "/me":
		fmt.Fprintf(w, `{"RC":0,"RM":"OK","result":%s}`, c.me)
	case r.URL.Path == "/rooms":
		rows, total := c.rooms, c.total
		if r.URL.Query().Get("skip") != "0" {
			rows = nil
		}
		if total < 0 {
			total = len(c.rooms)
		}
		fmt.Fprintf(w, `{"RC":0,"RM":"OK","result":{"totalCount":%d,"data":[%s]}}`, total, strings.Join(rows, ","))
	case len(parts) == 4 && parts[3] == "v3":
		rows := c.messages[parts[1]]
		total := len(rows)
		if anchor := r.URL.Query().Get("beforeMessage"); anchor != "" {
			i := slices.IndexFunc(rows, func(m string) bool { return strings.Contains(m, anchor) })
			rows = rows[i+1:]
		}
		var limit int
		fmt.Sscan(r.URL.Query().Get("limit"), &limit)
		hidden, _ := json.Marshal(append([]string{}, c.hidden[parts[1]]...))
		fmt.Fprintf(w, `{"RC":0,"RM":"OK","result":{"totalCount":%d,"data":[%s],"userDeletedIDs":%s}}`, total, strings.Join(rows[:min(limit, len(rows))], ","), hidden)
	default:
		http.Error(w, `{"RC":404,"RM":"Not found","error":{"code":"ROOM_NOT_FOUND","message":"x"}}`, http.StatusNotFound)
	}
	return w.Result(), nil
}

func (c *chat) status() mirror.Status {
	c.Helper()
	s, err := c.mirror.Status(context.Background(), source)
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// here returns how many messages of a room are here.
func (c *chat) here(room string) int {
	c.Helper()
	state, err := c.store.State(context.Background(), parlance.Ref{Workspace: workspace, Conversation: parlance.ConversationID(room)})
	if err != nil && !errors.Is(err, parlance.NotFound) {
		c.Fatal(err)
	}
	return state.Total
}

func hasReason(gaps []mirror.Gap, text string) bool {
	return slices.ContainsFunc(gaps, func(g mirror.Gap) bool { return strings.Contains(g.Reason, text) })
}

// A conversation that never gets an answer is a failure of its own: the others are read, and the run ends well and isn't complete.
func TestOneConversationNeverAnswers(t *testing.T) {
	for _, status := range []int{500, 503, 429, 401} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			c := newChat(t, "a", "bad", "c", "d", "e")
			c.before = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/rooms/bad/") {
					return false
				}
				w.WriteHeader(status)
				fmt.Fprint(w, `{}`)
				return true
			}
			for range 2 {
				report, err := c.run(mirror.RunOptions{}, 0)
				if err != nil || report.State != mirror.Partial && report.State != mirror.Unknown || !hasReason(report.Gaps, fmt.Sprint(status)) {
					t.Fatalf("%s, %v, gaps %v", report.State, err, report.Gaps)
				}
			}
			for _, room := range []string{"a", "c", "d", "e"} {
				if n := c.here(room); n != 3 {
					t.Errorf("%d of 3 messages of %s are here", n, room)
				}
			}
			c.before = nil
			if report := c.ran(mirror.RunOptions{}); report.State != mirror.Complete {
				t.Errorf("when it answers again: %s, gaps %v", report.State, report.Gaps)
			}
		})
	}
}

// A platform that answers nobody ends the run soon.
func TestPlatformAnswersNobody(t *testing.T) {
	c := newChat(t, "a", "b", "c", "d", "e", "f", "g")
	c.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "v3") {
			return false
		}
		w.WriteHeader(502)
		return true
	}
	if _, err := c.run(mirror.RunOptions{}, 0); !errors.Is(err, parlance.Unavailable) || c.calls > 40 {
		t.Errorf("after %d calls: %v", c.calls, err)
	}
	if s := c.status(); s.State == mirror.Complete || s.Stale == "" {
		t.Errorf("%s, stale %q", s.State, s.Stale)
	}
}

// What is known to be stale says so: runs that fail, runs that don't come, a list that is never read again.
func TestStale(t *testing.T) {
	down := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	fresh := func(t *testing.T, c *chat) {
		t.Helper()
		c.before = nil
		c.ran(mirror.RunOptions{})
		if s := c.status(); s.State != mirror.Complete || s.Stale != "" || s.StaleSince != 0 {
			t.Errorf("after a run that came through: %s, stale since %v: %s", s.State, s.StaleSince, s.Stale)
		}
	}
	stale := func(t *testing.T, c *chat, since parlance.Time, why string) {
		t.Helper()
		if s := c.status(); s.State != mirror.Stale || s.StaleSince != since || !strings.Contains(s.Stale, why) {
			t.Errorf("%s, stale since %v: %q; want since %v: %q", s.State, s.StaleSince, s.Stale, since, why)
		}
	}
	t.Run("runs fail", func(t *testing.T) {
		c := newChat(t, "a")
		well := c.now()
		fresh(t, c)
		c.pass(time.Hour)
		c.before = down
		for range 2 {
			if _, err := c.run(mirror.RunOptions{}, 0); err == nil {
				t.Fatal("a run of a platform that is down came through")
			}
			stale(t, c, well, "503")
		}
		// A run of one conversation proves nothing of the others.
		c.before = nil
		c.ran(mirror.RunOptions{Conversations: []parlance.ConversationID{"a"}})
		stale(t, c, well, "503")
		fresh(t, c)
	})
	t.Run("the credential is dead", func(t *testing.T) {
		c := newChat(t, "a")
		well := c.now()
		fresh(t, c)
		c.before = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(401); return true }
		if _, err := c.run(mirror.RunOptions{}, 0); !errors.Is(err, parlance.Unauthenticated) {
			t.Fatal(err)
		}
		stale(t, c, well, "401")
		if s := c.status(); !s.Failed.Login {
			t.Error("it isn't said that a login is needed")
		}
		fresh(t, c)
	})
	t.Run("runs don't come", func(t *testing.T) {
		c := newChat(t, "a")
		if _, err := c.mirror.Change(t.Context(), source, func(s *mirror.Settings) { s.Every = 15 * time.Minute }); err != nil {
			t.Fatal(err)
		}
		fresh(t, c)
		ended := c.status().Last.Ended
		c.pass(50 * time.Minute)
		if s := c.status(); s.State != mirror.Complete {
			t.Errorf("after 50 minutes: %s", s.State)
		}
		c.pass(time.Hour)
		stale(t, c, ended, "every 15m")
		fresh(t, c)
	})
	t.Run("the list is never read again", func(t *testing.T) {
		c := newChat(t, "a")
		fresh(t, c)
		listed := c.status().Listed
		c.pass(25 * time.Hour)
		c.ran(mirror.RunOptions{Conversations: []parlance.ConversationID{"a"}})
		stale(t, c, listed, "list of conversations")
		fresh(t, c)
	})
}

// Messages that the account hid and that are given all the same are no gap; those that aren't given are one, until they are.
func TestHiddenMessages(t *testing.T) {
	for _, full := range []bool{false, true} {
		c := newChat(t, "a")
		c.fill("a", 250) // three pages
		oldest := fmt.Sprintf("%024x", 1)
		c.hidden["a"] = []string{oldest}
		if report := c.ran(mirror.RunOptions{Full: full}); report.State != mirror.Complete {
			t.Errorf("full %t, given on the last page: %s, gaps %v", full, report.State, report.Gaps)
		}
		c.hidden["a"] = []string{oldest, "ffffffffffffffffffffffff"}
		report := c.ran(mirror.RunOptions{Full: full})
		if report.State != mirror.Partial || len(report.Gaps) != 1 || !hasReason(report.Gaps, "hidden") {
			t.Errorf("full %t, never given: %s, gaps %v", full, report.State, report.Gaps)
		}
		if err := c.mirror.Acknowledge(t.Context(), source, report.Gaps[0].ID); err != nil {
			t.Fatal(err)
		}
		if report := c.ran(mirror.RunOptions{Full: full}); report.State != mirror.Complete {
			t.Errorf("full %t, acknowledged: %s, gaps %v", full, report.State, report.Gaps)
		}
		c.hidden["a"] = append(c.hidden["a"], "eeeeeeeeeeeeeeeeeeeeeeee")
		c.messages["a"] = append([]string{strings.ReplaceAll(message("a", 251, "x"), fmt.Sprintf("%024x", 251), "eeeeeeeeeeeeeeeeeeeeeeee")}, c.messages["a"]...)
		c.hidden["a"] = c.hidden["a"][2:]
		if report := c.ran(mirror.RunOptions{Full: full}); report.State != mirror.Complete || len(c.ledgers()[0].Gaps) != 0 {
			t.Errorf("full %t, given later: %s, gaps %v", full, report.State, c.ledgers()[0].Gaps)
		}
	}
}

// A message that was set aside and is given again in a form that can be read is no gap any more.
func TestMendedItem(t *testing.T) {
	c := newChat(t, "a")
	good := c.messages["a"][0]
	c.messages["a"][0] = strings.Replace(good, `"sender":{`, `"sender":{"_id":"`+strings.Repeat("x", 600)+`"},"was":{`, 1)
	report := c.ran(mirror.RunOptions{})
	if report.State != mirror.Partial || !hasReason(report.Gaps, "set aside") || c.here("a") != 2 {
		t.Fatalf("%s, %d messages, gaps %v", report.State, c.here("a"), report.Gaps)
	}
	c.messages["a"][0] = good
	if report = c.ran(mirror.RunOptions{}); report.State != mirror.Complete || c.here("a") != 3 {
		t.Errorf("mended: %s, %d messages, gaps %v", report.State, c.here("a"), report.Gaps)
	}
}
