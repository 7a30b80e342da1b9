package shopline

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters bounds how many credentials are watched at once.
const maxLimiters = 10_000

// tellAfter is how long requests that were let through are counted before other nodes are told.
const tellAfter = 100 * time.Millisecond

// A limiter holds each credential to a number of requests per second, with as many at
// once. The nil limiter lets everything through.
//
// What other nodes let through is taken from the same bucket as it is heard of, at most until
// a whole second's requests are owed. So of a credential that asks n nodes at once, each lets a
// second's requests through at first, before it hears of the others; after that the limit holds for all.
//
// SHOPLINE errors, rate limit: per credential.
type limiter struct {
	perSecond int
	tell      func(map[string]int) // nil: there are no other nodes

	mu       sync.Mutex
	buckets  map[string]*rate.Limiter // by access.Grant.Reader
	admitted map[string]int           // since the others were last told, by access.Grant.Reader
}

// newLimiter returns nil, no limit, unless perSecond is above 0. Tell is told what was let through.
func newLimiter(perSecond int, tell func(map[string]int)) *limiter {
	if perSecond <= 0 {
		return nil
	}
	return &limiter{perSecond: perSecond, tell: tell, buckets: map[string]*rate.Limiter{}, admitted: map[string]int{}}
}

// allow reports whether the credential may make a request now.
func (l *limiter) allow(reader string, now time.Time) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.bucket(reader, now).AllowN(now, 1) {
		return false
	}
	if l.tell != nil {
		if len(l.admitted) == 0 {
			time.AfterFunc(tellAfter, l.report)
		}
		l.admitted[reader]++
	}
	return true
}

// bucket returns the credential's bucket. The caller holds l.mu.
func (l *limiter) bucket(reader string, now time.Time) *rate.Limiter {
	b := l.buckets[reader]
	if b == nil {
		if len(l.buckets) >= maxLimiters {
			l.forget(now)
		}
		b = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond)
		l.buckets[reader] = b
	}
	return b
}

// report tells what was let through since the last report.
func (l *limiter) report() {
	l.mu.Lock()
	admitted := l.admitted
	l.admitted = map[string]int{}
	l.mu.Unlock()
	if len(admitted) > 0 {
		l.tell(admitted)
	}
}

// used takes n requests, which another node let through, from the credential's bucket.
func (l *limiter) used(reader string, n int, now time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(reader, now)
	n = min(n, l.perSecond+int(math.Floor(b.TokensAt(now)))) // as much as may be owed
	for n > 0 {
		one := min(n, l.perSecond) // more can't be reserved at once
		b.ReserveN(now, one)
		n -= one
	}
}

// forget drops the credentials that have been quiet, which loses nothing, or all if
// none was.
func (l *limiter) forget(now time.Time) {
	for reader, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.perSecond) {
			delete(l.buckets, reader)
		}
	}
	if len(l.buckets) >= maxLimiters {
		clear(l.buckets)
	}
}
