package access

import (
	"container/list"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parlance"
)

// Wrong logins are slowed down. Each counts against three things: the e-mail at the address it came from, the address, and the e-mail at
// whatever address. Where one of them has had too many, the next login is refused at once, before any work is done for it, until
// some time has passed. A login that is right counts against nothing.
//
// Nobody can shut somebody else out by this. The address at which an e-mail logged in rightly before isn't bound by what is done from
// others, nor by what other e-mails do at it; and an address that hasn't failed for an e-mail yet has a try whatever was done from
// others. So somebody who guesses needs as many addresses as tries, and the owner needs one that the guesser hasn't.
//
// All this is in memory, of a bounded size, per process; what was least lately used is forgotten first. Neither e-mails nor
// addresses are kept, only their hashes.

// A pace is how many wrong logins may come at once, and after which time each is forgiven.
type pace struct {
	burst int64
	every time.Duration
}

var (
	pairPace    = pace{parlance.WrongLoginsHere, 10 * time.Second}
	addressPace = pace{parlance.WrongLoginsAddress, 3 * time.Second}
	emailPace   = pace{parlance.WrongLoginsEmail, 10 * time.Second}
)

// wait returns for how long one more must wait; zero: not at all. A count is the moment at which all is forgiven.
func (p pace) wait(count, now parlance.Time) time.Duration {
	return max(0, time.Duration(count-now)*time.Millisecond-time.Duration(p.burst-1)*p.every)
}

// more returns what a count is after one more.
func (p pace) more(count, now parlance.Time) parlance.Time {
	return max(count, now) + parlance.Time(p.every.Milliseconds())
}

// A throttle counts wrong logins.
type throttle struct {
	mu      sync.Mutex
	pairs   *recent[pairState]
	address *recent[parlance.Time]
	emails  *recent[parlance.Time]
	told    parlance.Time // when a refusal was last logged
	untold  int           // refusals since

	wrong   atomic.Uint64
	refused [3]atomic.Uint64 // by the pair, the address, the e-mail
	crowded atomic.Uint64    // for want of room to compute hashes
}

// refusals are the values of the label "by" in metrics.
var refusals = [3]string{"email_and_address", "address", "email"}

// A pairState is what is known of an e-mail at an address.
type pairState struct {
	count parlance.Time
	good  bool // it was right once
}

func newThrottle() *throttle {
	return &throttle{
		pairs:   newRecent[pairState](parlance.MaxLoginsCounted),
		address: newRecent[parlance.Time](parlance.MaxLoginsCounted),
		emails:  newRecent[parlance.Time](parlance.MaxLoginsCounted),
	}
}

// An attempt is a login that is under way.
type attempt struct {
	pair, address, email counted
	near                 bool // the address is known
}

// A counted is the hash of what is counted.
type counted [16]byte

func countedOf(kind byte, parts ...string) (c counted) {
	h := sha256.New()
	h.Write([]byte{kind})
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	copy(c[:], h.Sum(nil))
	return c
}

// begin lets a login through, or returns a Limited error. Those under way don't count yet: their number is bounded by the room for
// computing hashes, and all that prove wrong are counted then, so that a burst of them is paid for by a longer wait.
func (t *throttle) begin(email, from string, now parlance.Time) (attempt, error) {
	near := neighbourhood(from)
	a := attempt{
		pair: countedOf('p', email, near), address: countedOf('a', near), email: countedOf('e', email), near: near != "",
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	pair := t.pairs.get(a.pair)
	if wait := pairPace.wait(pair.count, now); wait > 0 {
		return a, t.refuse(0, wait)
	}
	if pair.good {
		return a, nil
	}
	if wait := addressPace.wait(t.address.get(a.address), now); wait > 0 && a.near {
		return a, t.refuse(1, wait)
	}
	if wait := emailPace.wait(t.emails.get(a.email), now); wait > 0 && pair.count > now {
		return a, t.refuse(2, wait)
	}
	return a, nil
}

// fail counts a login that was wrong.
func (t *throttle) fail(a attempt, now parlance.Time) {
	t.wrong.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	pair := t.pairs.get(a.pair)
	pair.count = pairPace.more(pair.count, now)
	t.pairs.put(a.pair, pair)
	if a.near {
		t.address.put(a.address, addressPace.more(t.address.get(a.address), now))
	}
	// What is over the burst isn't counted: those who have a first try left can't make the others wait for ever.
	if count := t.emails.get(a.email); emailPace.wait(count, now) == 0 {
		t.emails.put(a.email, emailPace.more(count, now))
	}
}

// succeed notes a login that was right.
func (t *throttle) succeed(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair := t.pairs.get(a.pair)
	pair.good = true
	t.pairs.put(a.pair, pair)
}

func (t *throttle) refuse(by int, wait time.Duration) error {
	t.refused[by].Add(1)
	t.untold++
	wait = (wait + time.Second - 1).Truncate(time.Second)
	return &parlance.Error{Kind: parlance.Limited, Text: "Too many wrong logins: try again in " + wait.String() + ".", After: wait}
}

// tell returns how many refusals are to be logged now: they are told together, every ten seconds at most.
func (t *throttle) tell(now parlance.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.untold == 0 || now-t.told < 10_000 {
		return 0
	}
	n := t.untold
	t.told, t.untold = now, 0
	return n
}

// neighbourhood returns what counts as one address: one of IPv4, or what a household or a server has of IPv6. Empty: it isn't known.
func neighbourhood(from string) string {
	ip, err := netip.ParseAddr(from)
	if err != nil {
		if at, err := netip.ParseAddrPort(from); err == nil {
			ip = at.Addr()
		} else {
			return ""
		}
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 56
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// concealedEmail returns enough of an e-mail to recognise one's own by, for a log. What isn't one may be a password in the wrong field.
func concealedEmail(email string) slog.Attr {
	name, domain, ok := strings.Cut(email, "@")
	if !ok || name == "" || len(domain) > 100 {
		return slog.String("email", "(none)")
	}
	first := []rune(name)[:1]
	return slog.String("email", string(first)+"...@"+domain)
}

// A recent keeps the values that were used most lately. Zero values take no room.
type recent[V comparable] struct {
	most  int
	order *list.List // of *kept, the latest first
	by    map[counted]*list.Element
}

type kept[V any] struct {
	key   counted
	value V
}

func newRecent[V comparable](most int) *recent[V] {
	return &recent[V]{most: most, order: list.New(), by: map[counted]*list.Element{}}
}

func (r *recent[V]) get(key counted) (v V) {
	e, ok := r.by[key]
	if !ok {
		return v
	}
	r.order.MoveToFront(e)
	return e.Value.(*kept[V]).value
}

func (r *recent[V]) put(key counted, v V) {
	if e, ok := r.by[key]; ok {
		e.Value.(*kept[V]).value = v
		r.order.MoveToFront(e)
		return
	}
	r.by[key] = r.order.PushFront(&kept[V]{key, v})
	if r.order.Len() > r.most {
		last := r.order.Back()
		delete(r.by, last.Value.(*kept[V]).key)
		r.order.Remove(last)
	}
}
