package shopline

import (
	"strconv"
	"testing"
	"time"
)

// TestLimiterIsBounded checks that what is remembered of credentials stays bounded, and
// that forgetting lets nobody through who is over the limit.
func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(1, nil)
	now := time.Unix(1_600_000_000, 0)
	for i := range 3 * maxLimiters {
		if i%100 == 0 {
			now = now.Add(time.Second)
		}
		if !l.allow(strconv.Itoa(i), now) {
			t.Fatalf("first request of credential %d refused", i)
		}
		if l.allow(strconv.Itoa(i), now) {
			t.Fatalf("second request of credential %d allowed", i)
		}
		if len(l.buckets) > maxLimiters {
			t.Fatalf("%d credentials are remembered", len(l.buckets))
		}
	}
}

// nodes are limiters that tell each other what they let through when exchange is called.
type nodes struct {
	limiters []*limiter
	said     []map[string]int
}

func newNodes(n, perSecond int) *nodes {
	ns := &nodes{said: make([]map[string]int, n)}
	for i := range n {
		l := newLimiter(perSecond, func(m map[string]int) { ns.said[i] = m })
		l.admitted["nobody"] = 0 // so that no timer starts: the test says when it is time
		ns.limiters = append(ns.limiters, l)
	}
	return ns
}

func (ns *nodes) exchange(now time.Time) {
	for _, l := range ns.limiters {
		l.report()
		l.admitted["nobody"] = 0
	}
	for i, said := range ns.said {
		for j, l := range ns.limiters {
			for reader, n := range said {
				if i != j {
					l.used(reader, n, now)
				}
			}
		}
	}
}

// TestLimitOfNodes checks that a credential which asks as much as it can on all nodes gets no more
// than one second's requests of each at first, and then what the limit says; and that a node where
// nobody asks gives nothing away.
func TestLimitOfNodes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10} {
		const perSecond, seconds = 20, 60
		ns := newNodes(n, perSecond)
		now, passed := time.Unix(1_600_000_000, 0), 0
		for range seconds * 100 {
			now = now.Add(10 * time.Millisecond)
			for _, l := range ns.limiters {
				for l.allow("greedy", now) {
					passed++
				}
			}
			if now.Nanosecond()%int(tellAfter) == 0 {
				ns.exchange(now)
			}
		}
		if most := perSecond * (seconds + n); passed > most || passed < perSecond*(seconds-1) {
			t.Errorf("%d nodes let %d requests through, want %d at most", n, passed, most)
		}
	}
	// A credential that uses one node only is limited on the next one by what it did there.
	ns := newNodes(2, 20)
	now := time.Unix(1_600_000_000, 0)
	for range 20 {
		ns.limiters[0].allow("moves", now)
	}
	ns.exchange(now)
	if ns.limiters[1].allow("moves", now) {
		t.Error("the other node lets it through")
	}
	if !ns.limiters[1].allow("another", now) {
		t.Error("another credential is refused")
	}
	ns.limiters[1].used("moves", 1_000_000, now)
	if now = now.Add(time.Second + 100*time.Millisecond); !ns.limiters[1].allow("moves", now) {
		t.Error("more than a second's requests are owed")
	}
	newLimiter(0, nil).used("unlimited", 1, now)
}

// TestUsageIsTold checks that what is let through is told without being asked for, and what is
// refused is not.
func TestUsageIsTold(t *testing.T) {
	told := make(chan map[string]int, 10)
	l := newLimiter(2, func(m map[string]int) { told <- m })
	now := time.Unix(1_600_000_000, 0)
	for range 5 {
		l.allow("a", now)
	}
	l.allow("b", now)
	select {
	case m := <-told:
		if len(m) != 2 || m["a"] != 2 || m["b"] != 1 {
			t.Errorf("told of %v", m)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was told")
	}
}
