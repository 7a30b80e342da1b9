package cassandrastore

import (
	"sync"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

const (
	// hedgeTime is how long a host may take before a statement that may be done twice is
	// sent to another one too, and before the host counts as silent.
	hedgeTime = time.Second
	// probeTime is how often a silent host is asked again.
	probeTime = 2 * time.Second
)

// hedged has the driver ask a second host if the first one is silent.
var hedged = &gocql.SimpleSpeculativeExecution{NumAttempts: 1, TimeoutDelay: hedgeTime}

// A listener asks the hosts last that are silent: a node that is paused or cut off keeps its
// connections, and it takes the others half a minute to tell us. Only statements
// that are sent elsewhere too after a while find out whether it answers again.
type listener struct {
	gocql.HostSelectionPolicy
	now func() time.Time

	mu    sync.Mutex
	hosts map[string]*hearing // by host id
}

// A hearing is what is known of one host.
type hearing struct {
	asked time.Time // the first request since the last answer; zero if there is none
	tried time.Time // when it was last probed
}

func newListener(p gocql.HostSelectionPolicy) *listener {
	return &listener{HostSelectionPolicy: p, now: time.Now, hosts: map[string]*hearing{}}
}

// Pick returns the hosts in the policy's order, silent ones behind the others.
func (l *listener) Pick(s gocql.ExecutableStatement) gocql.NextHost {
	next, probes := l.HostSelectionPolicy.Pick(s), s.IsIdempotent()
	var later []gocql.SelectedHost
	return func() gocql.SelectedHost {
		for h := next(); h != nil; h = next() {
			if l.silent(h.Info().HostID(), probes) {
				later = append(later, h)
				continue
			}
			return l.ask(h)
		}
		if len(later) == 0 {
			return nil
		}
		h := later[0]
		later = later[1:]
		return l.ask(h)
	}
}

// silent reports whether the host hasn't answered for a while. One caller that probes is let through now and then.
func (l *listener) silent(host string, probes bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, now := l.hosts[host], l.now()
	if h == nil || h.asked.IsZero() || now.Sub(h.asked) < hedgeTime {
		return false
	}
	if probes && now.Sub(h.tried) >= probeTime {
		h.tried = now
		return false
	}
	return true
}

// ask notes that the host is asked something.
func (l *listener) ask(h gocql.SelectedHost) gocql.SelectedHost {
	l.mu.Lock()
	defer l.mu.Unlock()
	host := l.hosts[h.Info().HostID()]
	if host == nil {
		host = &hearing{}
		l.hosts[h.Info().HostID()] = host
	}
	now := l.now()
	if host.asked.IsZero() {
		host.asked = now
	}
	return &asked{h, l, host, now}
}

// An asked host is one that owes an answer.
type asked struct {
	gocql.SelectedHost
	listener *listener
	hearing  *hearing
	at       time.Time
}

// Mark is called with what came of the question. The driver tells an answer from a question that was taken back by its
// time only.
func (a *asked) Mark(err error) {
	a.SelectedHost.Mark(err)
	a.listener.mu.Lock()
	defer a.listener.mu.Unlock()
	if a.listener.now().Sub(a.at) < hedgeTime {
		a.hearing.asked = time.Time{}
	}
}
