package shopline

import (
	"strconv"
	"testing"
	"time"
)

// TestLimiterIsBounded checks that what is remembered of credentials stays bounded, and
// that forgetting lets nobody through who is over the limit.
func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(1)
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
