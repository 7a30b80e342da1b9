package shopline

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters bounds how many credentials are watched at once.
const maxLimiters = 10_000

// A limiter holds each credential to a number of requests per second, with as many at
// once. The nil limiter lets everything through.
//
// SHOPLINE errors, rate limit: per credential.
type limiter struct {
	perSecond int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter // by access.Grant.Reader
}

// newLimiter returns nil, no limit, unless perSecond is above 0.
func newLimiter(perSecond int) *limiter {
	if perSecond <= 0 {
		return nil
	}
	return &limiter{perSecond: perSecond, buckets: make(map[string]*rate.Limiter)}
}

// allow reports whether the credential may make a request now.
func (l *limiter) allow(reader string, now time.Time) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[reader]
	if b == nil {
		if len(l.buckets) >= maxLimiters {
			l.forget(now)
		}
		b = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond)
		l.buckets[reader] = b
	}
	return b.AllowN(now, 1)
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
