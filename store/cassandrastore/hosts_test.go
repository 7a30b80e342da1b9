package cassandrastore

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// A fixedPolicy gives its hosts always in the same order.
type fixedPolicy struct {
	gocql.HostSelectionPolicy
	hosts []fixedHost
}

type fixedHost struct{ *gocql.HostInfo }

func (h fixedHost) Info() *gocql.HostInfo { return h.HostInfo }
func (fixedHost) Mark(error)              {}

func (p *fixedPolicy) Pick(gocql.ExecutableStatement) gocql.NextHost {
	i := 0
	return func() gocql.SelectedHost {
		if i == len(p.hosts) {
			return nil
		}
		i++
		return p.hosts[i-1]
	}
}

// A statement may or may not be sent twice.
type statement struct {
	gocql.ExecutableStatement
	idempotent bool
}

func (s statement) IsIdempotent() bool { return s.idempotent }

// A host that doesn't answer is asked last, but for a probe now and then, until it answers again.
func TestSilentHosts(t *testing.T) {
	policy := &fixedPolicy{}
	var names []string
	for range 3 {
		id := gocql.TimeUUID()
		info, err := gocql.NewTestHostInfoFromRow(map[string]any{
			"host_id": id, "rpc_address": net.IPv4(127, 0, 0, 1), "data_center": "dc", "rack": "r", "tokens": []string{"0"},
		})
		if err != nil {
			t.Fatal(err)
		}
		policy.hosts = append(policy.hosts, fixedHost{info})
		names = append(names, info.HostID())
	}
	now := time.Now()
	l := newListener(policy)
	l.now = func() time.Time { return now }

	order := func() string {
		var s []string
		pick := l.Pick(statement{})
		for h := pick(); h != nil; h = pick() {
			i := slices.Index(names, h.Info().HostID())
			if s = append(s, string('a'+rune(i))); i > 0 {
				h.Mark(nil) // all but a answer at once
			}
		}
		return strings.Join(s, "")
	}
	first := func(idempotent bool) gocql.SelectedHost { return l.Pick(statement{idempotent: idempotent})() }

	if got := order(); got != "abc" {
		t.Errorf("at first: %s", got)
	}
	now = now.Add(hedgeTime)
	if got := order(); got != "bca" {
		t.Errorf("a is silent, and a claim asks %s", got)
	}
	probe := first(true)
	if probe.Info().HostID() != names[0] {
		t.Error("nobody asks whether a answers again")
	}
	if got := first(true); got.Info().HostID() != names[1] {
		t.Error("a is probed twice at once")
	}
	now = now.Add(hedgeTime)
	probe.Mark(nil) // taken back, not answered
	if got := first(false); got.Info().HostID() == names[0] {
		t.Error("a counts as heard, although it didn't answer")
	}
	now = now.Add(probeTime)
	probe = first(true)
	probe.Mark(errors.New("an answer, of sorts"))
	if got := first(false); got.Info().HostID() != names[0] {
		t.Error("a answers again, and isn't asked")
	}
}
