// Package fake is a practice upstream: one of the platforms IMKit, SHOPLINE and iMetaStore as far as its history is
// read, with made-up conversations and with faults that can be switched on alone or mixed. It is meant as a test double for
// whatever reads these platforms, ours or not.
//
// It knows nothing of how this module reads or serves the platforms, so that it can disagree with them: it writes its
// own JSON. It is deterministic: the same options and the same sequence of requests give the same bytes. It doesn't
// sleep, and its clock moves with the requests.
//
// [Upstream.Truth] says what it holds, to compare with what was read.
package fake

import (
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"

	"parlance"
)

// Defaults of [Options].
const (
	DefaultMessages      = 200
	DefaultConversations = 3
	DefaultEvery         = 8
)

// Options say what an upstream holds and how it behaves. Only Platform is needed.
type Options struct {
	Platform      parlance.Dialect
	Seed          uint64
	Messages      int // of all conversations together; 0: DefaultMessages
	Conversations int // 0: DefaultConversations; of more than three the last has no messages
	Faults        Faults

	// Page is how many messages a page holds at most. 0: 200 on IMKit, 250 on SHOPLINE, 100 on iMetaStore.
	Page int

	// Every says how often passing faults and changes happen: at about one in Every requests each. 0: DefaultEvery.
	Every int

	// Now is the platform's clock. Nil: it begins at [Epoch], or after the newest of Lines if that is later, and moves
	// by a second with each request.
	Now func() parlance.Time

	// Lines are conversations in the archive's JSON Lines form (docs/json-lines.md), instead of
	// made-up ones. Attachments lead to made-up files.
	Lines io.Reader
}

// Epoch is where the clock of an upstream begins that has none given: 2025-06-01T00:00:00Z.
const Epoch parlance.Time = 1_748_736_000_000

// An Upstream is a platform. It is an [http.Handler]; [Upstream.Transport] reaches it without a network. Its methods may be
// called by several goroutines.
type Upstream struct {
	platform parlance.Dialect
	faults   Faults
	page     int
	every    int
	clock    func() parlance.Time // nil: by requests

	mu         sync.Mutex
	world      *world
	start      parlance.Time // of the clock by requests
	random     *rand.Rand    // of what happens; what is held has its own
	base       string        // scheme and host of the last request
	requests   int
	calls      map[string]int
	failed     map[string]int // failures in a row, by request
	generation int            // of the credentials
	authorized int            // requests with the present credentials
	dieAfter   int            // as many of them
	deaths     int            // to come
	doomed     *conversation  // see Gone; nil if there is none
	linksDie   int            // at this request; 0: never
	calm       bool
	totalOff   int
}

// New makes an upstream. Faults that the platform doesn't have, and lines that can't be read, are [parlance.Invalid].
func New(o Options) (*Upstream, error) {
	switch o.Platform {
	case parlance.IMKit, parlance.Shopline, parlance.IMetaStore:
	default:
		return nil, parlance.Errorf(parlance.Invalid, "there is no platform %q: want imkit, shopline or imetastore", o.Platform)
	}
	if err := o.Faults.check(o.Platform); err != nil {
		return nil, err
	}
	if o.Messages < 0 || o.Conversations < 0 || o.Page < 0 || o.Every < 0 {
		return nil, parlance.Errorf(parlance.Invalid, "messages, conversations, page and every must not be below 0")
	}
	u := &Upstream{
		platform: o.Platform, faults: o.Faults, page: o.Page, every: o.Every, clock: o.Now,
		random: rand.New(rand.NewPCG(o.Seed, 1)), base: "http://fake.invalid",
		start: Epoch, calls: map[string]int{}, failed: map[string]int{},
	}
	if u.every == 0 {
		u.every = DefaultEvery
	}
	if u.page == 0 {
		u.page = map[parlance.Dialect]int{parlance.IMKit: 200, parlance.Shopline: 250, parlance.IMetaStore: 100}[o.Platform]
	}
	if u.faults.Has(Clamp, ClampSilent) {
		u.page = min(u.page, 6+u.random.IntN(5))
	}
	if err := u.fill(o); err != nil {
		return nil, err
	}
	u.deaths = 1
	if o.Platform == parlance.IMetaStore {
		u.deaths = 3
	}
	u.dieAfter = 2 + u.random.IntN(10)
	if u.faults.Has(AttachmentDead) {
		u.linksDie = 20 + u.random.IntN(41)
	}
	if u.faults.Has(TotalWrong) {
		u.totalOff = []int{-2, -1, 1, 2, 3}[u.random.IntN(5)]
	}
	return u, nil
}

// fill makes or reads what u holds.
func (u *Upstream) fill(o Options) error {
	w := &world{platform: o.Platform, random: rand.New(rand.NewPCG(o.Seed, 2)), files: map[string]*file{}}
	u.world = w
	w.merchant = w.newMerchant()
	if o.Lines != nil {
		if err := w.read(o.Lines); err != nil {
			return err
		}
		for _, c := range w.convs {
			for _, m := range c.live {
				u.start = max(u.start, m.updated+second)
			}
		}
	} else {
		if o.Messages == 0 {
			o.Messages = DefaultMessages
		}
		if o.Conversations == 0 {
			o.Conversations = DefaultConversations
		}
		w.generate(o.Conversations, o.Messages, u.now())
	}
	w.shape(u.faults, u.page, u.now())
	u.doomed = w.smallest()
	return nil
}

// now is the platform's time.
func (u *Upstream) now() parlance.Time {
	if u.clock != nil {
		return u.clock()
	}
	return u.start + parlance.Time(u.requests)*second
}

// Platform returns which platform u is.
func (u *Upstream) Platform() parlance.Dialect { return u.platform }

// Faults returns the faults that are switched on.
func (u *Upstream) Faults() Faults { return append(Faults(nil), u.faults...) }

// Calls returns how often each endpoint was called, also in vain: "GET /rooms/{id}/messages/v3", 3.
func (u *Upstream) Calls() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.calls)
}

// Calm ends all changes and passing faults, and tokens die no more; lasting faults stay. What was changed stays so.
func (u *Upstream) Calm() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calm = true
}

// Step makes one change of each kind that is switched on, as happens between requests now and then.
func (u *Upstream) Step() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, x := range u.changes() {
		u.change(x, u.now())
	}
}

// pass lets a request's time pass: the clock moves, and things change.
func (u *Upstream) pass() {
	u.requests++
	if u.calm {
		return
	}
	for _, x := range u.changes() {
		if u.random.IntN(u.every) == 0 {
			u.change(x, u.now())
		}
	}
}

var _ http.Handler = (*Upstream)(nil)
