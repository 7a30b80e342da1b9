package access_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parlance"
	"parlance/access"
)

// fail logs in wrongly and returns the error.
func (w *world) fail(t *testing.T, address, email string) error {
	t.Helper()
	_, err := w.LoginFrom(t.Context(), address, email, "a wrong password")
	if !errors.Is(err, parlance.Unauthenticated) && !errors.Is(err, parlance.Limited) {
		t.Fatalf("a wrong login: %v", err)
	}
	return err
}

// Whoever guesses an e-mail's password at one address is slowed down, told for how long, and let in again after that. The
// owner gets in from elsewhere meanwhile.
func TestWrongLoginsAreSlowed(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	for range parlance.WrongLoginsHere {
		want(t, "wrong", w.fail(t, "192.0.2.1:1000", s.Email), parlance.Unauthenticated)
	}
	err := w.fail(t, "192.0.2.1:1001", strings.ToUpper(s.Email))
	want(t, "one too many", err, parlance.Limited)
	wait := parlance.RetryAfter(err)
	if wait < time.Second || wait > 10*time.Second {
		t.Errorf("wait %s", wait)
	}
	_, err = w.LoginFrom(t.Context(), "192.0.2.1:1002", s.Email, s.Password)
	want(t, "the right password, there and then", err, parlance.Limited)
	_, err = w.LoginFrom(t.Context(), "192.0.2.2:1000", s.Email, s.Password)
	ok(t, "from elsewhere", err)
	w.clock.add(int64(wait / time.Second))
	_, err = w.LoginFrom(t.Context(), "192.0.2.1:1003", s.Email, s.Password)
	ok(t, "after the wait", err)

	if log := w.log.String(); !strings.Contains(log, "login failed") || !strings.Contains(log, "a...@parlance.invalid") || !strings.Contains(log, "192.0.2.1") ||
		strings.Contains(log, s.Email) || strings.Contains(log, "wrong password") || strings.Contains(log, s.Password) {
		t.Errorf("log: %s", log)
	}
	r := prometheus.NewRegistry()
	r.MustRegister(w.Keeper)
	const counts = `
# HELP parlance_login_failures_total Logins with a wrong e-mail or password.
# TYPE parlance_login_failures_total counter
parlance_login_failures_total 5
# HELP parlance_login_refused_total Logins refused unheard after too many wrong ones, by what had too many.
# TYPE parlance_login_refused_total counter
parlance_login_refused_total{by="address"} 0
parlance_login_refused_total{by="email"} 0
parlance_login_refused_total{by="email_and_address"} 2
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(counts), "parlance_login_failures_total", "parlance_login_refused_total"); err != nil {
		t.Error(err)
	}
}

// Whoever tries many e-mails at one address is slowed down; an e-mail that logged in rightly there isn't.
func TestWrongLoginsOfAnAddress(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	_, other := w.create(t, "beta")
	const here, sameHouse = "[2001:db8:1:1::1]:1", "[2001:db8:1:2::77]:2"
	_, err := w.LoginFrom(t.Context(), here, s.Email, s.Password)
	ok(t, "log in", err)
	for i := range parlance.WrongLoginsAddress {
		want(t, "wrong", w.fail(t, here, fmt.Sprintf("%d@shop.example", i)), parlance.Unauthenticated)
	}
	want(t, "one too many", w.fail(t, sameHouse, "another@shop.example"), parlance.Limited)
	_, err = w.LoginFrom(t.Context(), sameHouse, s.Email, s.Password)
	ok(t, "an e-mail that is known there", err)
	_, err = w.LoginFrom(t.Context(), "[2001:db8:2::1]:1", other.Email, other.Password)
	ok(t, "another e-mail, from elsewhere", err)
}

// Whoever guesses from many addresses gets some tries at each, and all together no more than an e-mail has. Neither shuts the owner
// out: not where they are known, and not at an address of their own that hasn't failed.
func TestWrongLoginsOfAnEmail(t *testing.T) {
	w := newWorld(t, access.Options{})
	_, s := w.create(t, "acme")
	_, err := w.LoginFrom(t.Context(), "198.51.100.1", s.Email, s.Password)
	ok(t, "log in", err)
	heard := 0
	for i := range 40 {
		for range parlance.WrongLoginsHere {
			if errors.Is(w.fail(t, fmt.Sprintf("192.0.2.%d", i), s.Email), parlance.Unauthenticated) {
				heard++
			}
		}
	}
	if heard > parlance.WrongLoginsEmail+40 {
		t.Errorf("%d tries were heard", heard)
	}
	for range 10 {
		_, err = w.LoginFrom(t.Context(), "198.51.100.1", s.Email, s.Password)
		ok(t, "where the owner is known", err)
	}
	_, err = w.LoginFrom(t.Context(), "198.51.100.2", s.Email, s.Password)
	ok(t, "at a new address", err)
}

// What is remembered of wrong logins has a bound.
func TestWrongLoginsAreForgotten(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes many names")
	}
	n := access.CountedLogins(3*parlance.MaxLoginsCounted, start)
	if n != 3*parlance.MaxLoginsCounted {
		t.Errorf("%d are remembered, want %d", n, 3*parlance.MaxLoginsCounted)
	}
}

// Many logins at once take no more cores than there are but one, and those that would wait long are told so at once. A
// client that goes away waits no longer.
func TestLoginsAreBounded(t *testing.T) {
	w := newWorld(t, access.Options{})
	most := max(1, runtime.GOMAXPROCS(0)-1) * 17
	var crowded, heard atomic.Int64
	var all sync.WaitGroup
	for i := range most + 60 {
		all.Go(func() {
			_, err := w.LoginFrom(t.Context(), fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("%d@shop.example", i), "a wrong password")
			switch {
			case errors.Is(err, parlance.Unavailable) && parlance.RetryAfter(err) > 0:
				crowded.Add(1)
			case errors.Is(err, parlance.Unauthenticated):
				heard.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if crowded.Load() == 0 || heard.Load() < int64(most) {
		t.Errorf("%d were heard, %d refused; %d have room", heard.Load(), crowded.Load(), most)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 * parlance.WrongLoginsHere {
		if _, err := w.LoginFrom(gone, "192.0.2.1", "gone@shop.example", "a wrong password"); !errors.Is(err, context.Canceled) {
			t.Fatalf("a client that is gone: %v", err)
		}
	}
}

// Keys and tokens that aren't valid are counted by kind.
func TestUnknownKeysAreCounted(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	_, err := w.APIKey(t.Context(), "guess")
	want(t, "guess", err, parlance.Unauthenticated)
	_, err = w.UserToken(t.Context(), "acme", "guess")
	want(t, "guess", err, parlance.Unauthenticated)
	r := prometheus.NewRegistry()
	r.MustRegister(w.Keeper)
	const counts = `
# HELP parlance_credential_failures_total Keys and tokens that aren't valid, by kind.
# TYPE parlance_credential_failures_total counter
parlance_credential_failures_total{kind="api-key"} 1
parlance_credential_failures_total{kind="client-key"} 0
parlance_credential_failures_total{kind="read-token"} 0
parlance_credential_failures_total{kind="seller-token"} 0
parlance_credential_failures_total{kind="shopline-token"} 0
parlance_credential_failures_total{kind="user-token"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(counts), "parlance_credential_failures_total"); err != nil {
		t.Error(err)
	}
}
