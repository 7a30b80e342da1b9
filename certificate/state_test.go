package certificate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/certificate"
	"parlance/fake"
	"parlance/mirror"
	"parlance/store"
	"parlance/store/pebblestore"
)

// An archive mirrors a practice upstream on a clock that only waiting moves.
type archive struct {
	testing.TB
	up     *fake.Upstream
	store  *store.Store
	mirror *mirror.Mirror
	clock  atomic.Int64 // milliseconds
	calls  atomic.Int64
	most   int64 // calls that are answered; 0: all
}

func newArchive(t testing.TB, o fake.Options, named ...parlance.ConversationID) *archive {
	t.Helper()
	up, err := fake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{TB: t, up: up}
	a.clock.Store(int64(fake.Epoch))
	if a.store, err = store.Open(t.Context(), engine, store.Options{Now: a.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.store.Close() })
	a.mirror = mirror.New(a.store, mirror.Options{
		Secret: func(mirror.Config) (mirror.Secret, error) {
			c := up.Credentials()
			return mirror.Secret{ClientKey: c.ClientKey, Token: c.Token, Email: c.Email, Password: c.Password}, nil
		},
		Transport: a,
		Now:       a.now,
		Wait: func(ctx context.Context, d time.Duration) error {
			a.clock.Add(d.Milliseconds() + 1)
			return ctx.Err()
		},
	})
	c := mirror.Config{Name: "up", Workspace: "w", Platform: o.Platform, Conversations: named, Settings: mirror.Settings{URL: "http://upstream.example"}}
	if err := a.mirror.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *archive) now() parlance.Time { return parlance.Time(a.clock.Load()) }

var errDown = errors.New("the upstream is down")

func (a *archive) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := a.calls.Add(1); a.most > 0 && n > a.most {
		return nil, errDown
	}
	return a.up.Transport().RoundTrip(r)
}

func (a *archive) run() {
	a.Helper()
	if _, err := a.mirror.Run(a.Context(), "up", mirror.RunOptions{}); err != nil && a.most == 0 {
		a.Fatal(err)
	}
}

func (a *archive) state(o certificate.Options) *certificate.Statement {
	a.Helper()
	o.Workspace = "w"
	st, err := certificate.State(a.Context(), a.store, a.mirror, o)
	if err != nil {
		a.Fatal(err)
	}
	return st
}

func (a *archive) differences(st *certificate.Statement) int {
	a.Helper()
	d, err := st.Compare(a.Context(), a.store)
	if err != nil {
		a.Fatal(err)
	}
	return len(d)
}

func says(st *certificate.Statement, text string) bool {
	return slices.ContainsFunc(st.Limits, func(l string) bool { return strings.Contains(l, text) })
}

// On each platform what was mirrored whole is stated as complete, with its evidence, and is found again in the store when that has grown.
func TestState(t *testing.T) {
	for _, platform := range fake.Platforms() {
		t.Run(string(platform), func(t *testing.T) {
			a := newArchive(t, fake.Options{Platform: platform, Seed: 5, Messages: 200, Conversations: 3})
			before := a.state(certificate.Options{})
			if before.Complete() || before.Sources[0].State == mirror.Complete || !says(before, "never read to its end by up") {
				t.Errorf("before the first run: %+v", before)
			}
			a.run()
			st := a.state(certificate.Options{})
			if !st.Complete() || len(st.Conversations) != 3 || st.States()[mirror.Complete] != 3 || st.Sources[0].Listed == 0 {
				t.Fatalf("after a whole run: %+v", st)
			}
			messages := 0
			for _, c := range st.Conversations {
				messages += c.Log.Messages
				v := &c.Coverage
				if c.Stream != "" {
					v = &st.Streams[0].Coverage
				}
				if len(v.Spans) != 1 || v.Beginning == "" || v.Checked == 0 || len(v.Gaps) != 0 || c.Log.Hash == "" {
					t.Errorf("conversation %s: %+v, %+v", c.ID, c, v)
				}
			}
			if messages != 200 {
				t.Errorf("%d messages", messages)
			}
			if n := a.differences(st); n != 0 {
				t.Errorf("%d differences", n)
			}
			ref := parlance.Ref{Workspace: "w", Conversation: st.Conversations[0].ID}
			if _, err := a.store.Mirror(t.Context(), ref, nil, parlance.Message{ID: "000000000000000000000001", Sender: "x", Created: a.now(), Text: "later"}); err != nil {
				t.Fatal(err)
			}
			if n := a.differences(st); n != 0 {
				t.Errorf("%d differences to a store that has grown", n)
			}
			st.Conversations[0].Log.Hash = st.Conversations[1].Log.Hash
			st.Conversations[1].Log.Number += 1000
			if n := a.differences(st); n != 2 {
				t.Errorf("%d differences to a store with another log and one that is too short, want 2", n)
			}
		})
	}
}

// Whatever call a run breaks off at, no conversation is stated as complete that isn't here whole, and what isn't says why.
func TestStateOfAPart(t *testing.T) {
	partial, unknown := false, false
	for most := int64(1); most <= 12; most++ {
		a := newArchive(t, fake.Options{Platform: parlance.IMKit, Seed: 5, Messages: 400, Conversations: 3, Page: 40})
		a.most = most
		a.run()
		truth := map[parlance.ConversationID]int{}
		for _, c := range a.up.Truth().Conversations {
			truth[parlance.ConversationID(c.ID)] = len(c.Messages)
		}
		st := a.state(certificate.Options{})
		for _, c := range st.Conversations {
			partial, unknown = partial || c.State == mirror.Partial, unknown || c.State == mirror.Unknown
			switch {
			case c.State == mirror.Complete && c.Log.Messages < truth[c.ID]:
				t.Errorf("%d calls: %s is complete with %d of %d messages", most, c.ID, c.Log.Messages, truth[c.ID])
			case c.State != mirror.Complete && len(c.Gaps) == 0:
				t.Errorf("%d calls: %s is %s without a reason", most, c.ID, c.State)
			}
		}
		if st.States()[mirror.Complete] < len(st.Conversations) && (st.Complete() || !says(st, "partial or unknown")) {
			t.Errorf("%d calls: states %v, limits %q", most, st.States(), st.Limits)
		}
	}
	if !partial || !unknown {
		t.Errorf("no run left a conversation partial (%t) or unknown (%t)", partial, unknown)
	}
}

// Conversations that were asked for are stated alone; one that nobody reads is unknown.
func TestNamed(t *testing.T) {
	a := newArchive(t, fake.Options{Platform: parlance.Shopline, Seed: 5, Messages: 90, Conversations: 3})
	a.run()
	all := a.state(certificate.Options{})
	one := a.state(certificate.Options{Source: "up", Conversations: []parlance.ConversationID{all.Conversations[1].ID}})
	if len(one.Conversations) != 1 || one.Conversations[0].ID != all.Conversations[1].ID || !one.Complete() || !says(one, "claims nothing of others") {
		t.Errorf("one of three: %+v", one)
	}
	none := a.state(certificate.Options{Conversations: []parlance.ConversationID{"nobody's"}})
	if len(none.Conversations) != 1 || none.Conversations[0].State != mirror.Unknown || none.Conversations[0].Gaps[0].Reason != "no source reads it" || none.Complete() {
		t.Errorf("one that isn't read: %+v", none)
	}
	for _, o := range []certificate.Options{{Workspace: "w", Source: "down"}, {Workspace: "v"}} {
		if _, err := certificate.State(t.Context(), a.store, a.mirror, o); !errors.Is(err, parlance.NotFound) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Of buyers that were named it is said that there may be others, and their conversations are stated by the stream that they are read with.
func TestNamedBuyers(t *testing.T) {
	o := fake.Options{Platform: parlance.IMetaStore, Seed: 5, Messages: 90, Conversations: 3, Faults: faults(t, "null-refused")}
	up, err := fake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var buyers []parlance.ConversationID
	for _, c := range up.Truth().Conversations {
		buyers = append(buyers, parlance.ConversationID(c.ID))
	}
	a := newArchive(t, o, buyers[:2]...)
	st := a.state(certificate.Options{})
	if len(st.Conversations) != 2 || st.States()[mirror.Unknown] != 2 || !says(st, "whether there are other buyers") {
		t.Errorf("before a run: %+v", st)
	}
	a.run()
	st = a.state(certificate.Options{})
	if len(st.Conversations) != 2 || st.States()[mirror.Complete] != 2 || !says(st, "whether there are other buyers") || a.differences(st) != 0 {
		t.Errorf("after it: %+v", st)
	}
	for i, c := range st.Conversations {
		_, buyer, _ := strings.Cut(string(c.ID), ":")
		if c.Log.Messages == 0 || !slices.Contains(buyers[:2], parlance.ConversationID(buyer)) {
			t.Errorf("conversation %d: %s", i, fmt.Sprint(c))
		}
	}
}

// A gap that was acknowledged is stated as one, and that it is missing all the same.
func TestAcknowledged(t *testing.T) {
	a := newArchive(t, fake.Options{Platform: parlance.IMKit, Seed: 5, Messages: 200, Conversations: 2, Faults: faults(t, "bad-item")})
	a.run()
	st := a.state(certificate.Options{})
	if st.Complete() || says(st, "acknowledged_gaps") {
		t.Fatalf("with items that can't be read: %+v", st)
	}
	for _, c := range st.Conversations {
		for _, g := range c.Gaps {
			if err := a.mirror.Acknowledge(t.Context(), "up", g.ID); err != nil && !errors.Is(err, parlance.NotFound) {
				t.Fatal(err)
			}
		}
	}
	acknowledged := 0
	st = a.state(certificate.Options{})
	for _, c := range st.Conversations {
		acknowledged += len(c.Acknowledged)
	}
	if acknowledged == 0 || !says(st, "acknowledged_gaps") {
		t.Errorf("acknowledged: %+v", st)
	}
}

func faults(t testing.TB, names string) fake.Faults {
	t.Helper()
	f, err := fake.ParseFaults(names)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
