package mirror_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// errKilled is how a run ends that is killed.
var errKilled = errors.New("killed")

const (
	workspace = parlance.WorkspaceID("w")
	source    = mirror.Name("up")
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	rapid.TB
}

// A world is a practice upstream and an archive that mirrors it, on a clock that only waiting moves.
type world struct {
	tester
	up     *fake.Upstream
	engine driver.Engine
	store  *store.Store
	mirror *mirror.Mirror
	clock  atomic.Int64 // milliseconds

	mu     sync.Mutex
	calls  int
	killAt int // the run is killed at this call; 0: never
	kill   context.CancelCauseFunc
}

func newWorld(t tester, o fake.Options) *world {
	t.Helper()
	up, err := fake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{tester: t, up: up, engine: engine}
	w.clock.Store(int64(fake.Epoch))
	w.open(o.Platform)
	return w
}

func (w *world) open(platform parlance.Dialect) {
	w.Helper()
	s, err := store.Open(context.Background(), w.engine, store.Options{Now: w.now})
	if err != nil {
		w.Fatal(err)
	}
	w.store = s
	w.mirror = mirror.New(s, mirror.Options{
		Secret:    w.secret,
		Transport: w,
		Now:       w.now,
		Wait:      w.wait,
	})
	c := mirror.Config{Name: source, Workspace: workspace, Platform: platform, Settings: mirror.Settings{URL: "http://upstream.example"}}
	if w.up.Faults().Has(fake.NullRefused) {
		for _, buyer := range w.up.Truth().Conversations {
			c.Conversations = append(c.Conversations, parlance.ConversationID(buyer.ID))
		}
	}
	if err := w.mirror.Add(context.Background(), c); err != nil {
		w.Fatal(err)
	}
}

func (w *world) close() {
	if err := w.store.Close(); err != nil {
		w.Fatal(err)
	}
}

// wait moves the clock.
func (w *world) wait(ctx context.Context, d time.Duration) error {
	w.clock.Add(d.Milliseconds() + 1)
	return ctx.Err()
}

// secret is what works now.
func (w *world) secret(mirror.Config) (mirror.Secret, error) {
	c := w.up.Credentials()
	return mirror.Secret{ClientKey: c.ClientKey, Token: c.Token, Email: c.Email, Password: c.Password}, nil
}

// roundTripper does something before each call to w.
func roundTripper(before func(), w *world) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		before()
		return w.RoundTrip(r)
	})
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip makes a call.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func (w *world) now() parlance.Time { return parlance.Time(w.clock.Load()) }

// RoundTrip passes a call on to the upstream, or kills the run in its stead.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.calls++
	dead := w.killAt > 0 && w.calls >= w.killAt
	if dead {
		w.kill(errKilled)
	}
	w.mu.Unlock()
	if dead {
		return nil, errKilled
	}
	return w.up.Transport().RoundTrip(r)
}

// run runs the mirror, and kills it at a call if killAt isn't 0.
func (w *world) run(o mirror.RunOptions, killAt int) (mirror.Report, error) {
	if o.Parallel == 0 {
		o.Parallel = 1 // so that the same faults strike the same calls each time
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	w.mu.Lock()
	w.calls, w.killAt, w.kill = 0, killAt, cancel
	w.mu.Unlock()
	return w.mirror.Run(ctx, source, o)
}

// fullEvery has the upstream read in full so often.
func (w *world) fullEvery(d time.Duration) {
	w.Helper()
	if _, err := w.mirror.Change(context.Background(), source, func(s *mirror.Settings) { s.FullEvery = d }); err != nil {
		w.Fatal(err)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.clock.Add(d.Milliseconds()) }

// A kept message is one of the archive.
type kept struct {
	store.Entry
	conversation parlance.ConversationID
}

// archive returns all messages of the archive by the upstream's identity of them.
func (w *world) archive() map[string]kept {
	w.Helper()
	all := map[string]kept{}
	ctx := context.Background()
	for c, err := range w.store.Conversations(ctx, workspace) {
		if err != nil {
			w.Fatal(err)
		}
		q := store.Query{Limit: store.MaxLimit, Ascending: true, Private: true}
		for {
			page, err := w.store.Page(ctx, parlance.Ref{Workspace: workspace, Conversation: c.ID}, q)
			if err != nil {
				w.Fatal(err)
			}
			for _, e := range page.Entries {
				key := w.key(string(c.ID), &e.Message)
				if _, twice := all[key]; twice {
					w.Fatalf("message %s is there twice", key)
				}
				all[key] = kept{e, c.ID}
			}
			if !page.More {
				break
			}
			q.From = page.Entries[len(page.Entries)-1].Message.Position(parlance.ByCreated).Next()
		}
	}
	return all
}

// key names a message of the archive as identity does one of the upstream.
func (w *world) key(conversation string, m *parlance.Message) string {
	if w.up.Platform() != parlance.IMetaStore {
		return conversation + " " + string(m.ID)
	}
	var it struct {
		FromAccount, ToAccount string
		MsgSeq, MsgRandom      json.Number
		MsgTimestamp           json.Number
	}
	if err := json.Unmarshal(m.Native.JSON, &it); err != nil {
		w.Fatalf("message %s of the archive: %v", m.ID, err)
	}
	return identityKey(it.FromAccount, it.ToAccount, it.MsgTimestamp.String(), it.MsgSeq.String(), it.MsgRandom.String())
}

func identityKey(from, to, second, seq, random string) string {
	return from + " " + to + " " + second + " " + seq + " " + random
}

func (w *world) identity(c *fake.Conversation, m *fake.Message) string {
	if w.up.Platform() != parlance.IMetaStore {
		return c.ID + " " + m.ID
	}
	i := m.Identity
	return identityKey(i.From, i.To, strconv.FormatInt(i.Second, 10), strconv.FormatUint(uint64(i.Seq), 10), strconv.FormatUint(uint64(i.Random), 10))
}

// sameJSON reports whether two texts are the same JSON value.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	decode := func(b []byte, v *any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		return d.Decode(v)
	}
	return decode(a, &x) == nil && decode(b, &y) == nil && reflect.DeepEqual(x, y)
}

// covered reports whether a gap of the report tells of a message that isn't here.
func covered(r *mirror.Report, conversation parlance.ConversationID, m *fake.Message) bool {
	return slices.ContainsFunc(r.Gaps, func(g mirror.Gap) bool {
		if g.Conversation != "" && g.Conversation != conversation {
			return false
		}
		within := func(t parlance.Time) bool { return (g.From == 0 || g.From <= t) && (g.To == 0 || t <= g.To) }
		return within(m.Created) || within(m.Updated) || within(m.Created/1000) || within(m.Updated/1000)
	})
}

// hasGap reports whether the report tells of anything that couldn't be read of a conversation.
func hasGap(r *mirror.Report, conversation parlance.ConversationID) bool {
	return slices.ContainsFunc(r.Gaps, func(g mirror.Gap) bool { return g.Conversation == "" || g.Conversation == conversation })
}

// stamps returns when each message that the upstream holds was last changed.
func (w *world) stamps() map[string]parlance.Time {
	stamps := map[string]parlance.Time{}
	for _, c := range w.up.Truth().Conversations {
		for i := range c.Messages {
			stamps[w.identity(&c, &c.Messages[i])] = c.Messages[i].Updated
		}
	}
	return stamps
}

// compare holds the archive against what the upstream holds, and returns what is wrong. With stamps, of before a run, only
// messages count that were there all the time and weren't changed, and their content may be an older one.
func (w *world) compare(r *mirror.Report, stamps map[string]parlance.Time) []string {
	w.Helper()
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	here := w.archive()
	truth := w.up.Truth()
	known := map[string]bool{}
	for i := range truth.Conversations {
		c := &truth.Conversations[i]
		conversation := parlance.ConversationID(c.ID)
		if w.up.Platform() == parlance.IMetaStore {
			conversation = conversationOf(here, c.ID)
		}
		for j := range c.Messages {
			m := &c.Messages[j]
			id := w.identity(c, m)
			known[id] = true
			k, ok := here[id]
			if at, was := stamps[id]; stamps != nil && (!was || at != m.Updated) {
				continue
			}
			switch {
			case !ok && m.Bad && covered(r, conversation, m):
			case !ok && (r.State == mirror.Complete || !covered(r, conversation, m)):
				say("%s (created %d, updated %d, bad %t) is not here, and no gap of the %s archive says so", id, m.Created, m.Updated, m.Bad, r.State)
			case ok && k.Message.Missing != 0:
				say("%s is marked missing and is there", id)
			case ok && stamps == nil && !sameJSON(k.Message.Native.JSON, m.Raw) && !hasGap(r, conversation):
				say("%s is here as\n%s\nand there as\n%s", id, k.Message.Native.JSON, m.Raw)
			}
		}
		for j := range c.Vanished {
			known[w.identity(c, &c.Vanished[j])] = true
		}
	}
	for id := range here {
		if !known[id] {
			say("%s is here and never was there", id)
		}
	}
	return wrong
}

// conversationOf returns the archive's id of the conversation with a buyer.
func conversationOf(here map[string]kept, buyer string) parlance.ConversationID {
	for _, k := range here {
		if string(k.conversation) == buyer || bytes.HasSuffix([]byte(k.conversation), []byte(":"+buyer)) {
			return k.conversation
		}
	}
	return ""
}
