package cassandrastore

import (
	"fmt"
	"testing"
	"time"

	"parlance"
	"parlance/internal/cassandratest"
	"parlance/store/driver"
)

// TestFaults kills nodes of a cluster of its own. Whatever happens to one of three, service
// goes on; without a quorum it says so; what was acknowledged is there in the end.
func TestFaults(t *testing.T) {
	cassandratest.Hosts(t) // whether real nodes are wanted
	if testing.Short() {
		t.Skip("nodes take a while to start again")
	}
	cluster, err := cassandratest.Start(t.Context(), cassandratest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := config(cluster.Hosts(), "faults")
	c.Timeout = time.Second
	e := openEngine(t, c)
	defer e.Close()

	written := 0
	write := func() error {
		rows := driver.Op{Partition: about, Key: number(written), Value: []byte("about it")}
		return e.Claim(t.Context(), entries, group(written, 1, "entry"), []driver.Op{rows}, driver.Version(written+1))
	}
	// serve writes some more rows. Each may take a few tries, while the driver finds out who is left.
	serve := func(when string) {
		t.Helper()
		began, unavailable := time.Now(), 0
		for range 40 {
			for {
				err := write()
				if err == nil {
					break
				}
				wantKind(t, err, parlance.Unavailable)
				if unavailable++; time.Since(began) > time.Minute {
					t.Fatalf("%s: no service for a minute: %v", when, err)
				}
			}
			written++
		}
		t.Logf("%s: 40 claims in %s, %d without an answer", when, time.Since(began).Round(time.Millisecond), unavailable)
	}
	do := func(what string, f func() error) {
		t.Helper()
		began := time.Now()
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Logf("%s: %s", what, time.Since(began).Round(time.Millisecond))
	}

	serve("three nodes")
	do("kill node 2", func() error { return cluster.Kill(2) })
	serve("two nodes of three")

	do("kill node 1", func() error { return cluster.Kill(1) })
	began := time.Now()
	wantKind(t, write(), parlance.Unavailable)
	_, err = e.Get(t.Context(), entries, [][]byte{number(0)})
	wantKind(t, err, parlance.Unavailable)
	wantKind(t, e.Write(t.Context(), []driver.Op{{Partition: about, Key: []byte("x"), Value: []byte("x")}}, 1), parlance.Unavailable)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("three calls took %s to fail", took)
	}
	do("start node 1", func() error { return cluster.Restart(t.Context(), 1) })
	serve("two nodes again")

	do("wipe node 2", func() error { return cluster.Wipe(2) })
	do("start node 2", func() error { return cluster.Restart(t.Context(), 2) })
	serve("a node with a new disk")

	do("pause node 1", func() error { return cluster.Pause(1) })
	serve("a node that is silent")
	do("resume node 1", func() error { return cluster.Resume(1) })

	for i, p := range []driver.Partition{entries, about} {
		n := 0
		for row, err := range e.Scan(t.Context(), p, driver.Range{To: number(99999999)}) {
			if err != nil {
				t.Fatal(err)
			}
			if want := [...]string{fmt.Sprint("entry ", n), "about it"}[i]; string(row.Value) != want {
				t.Fatalf("row %q is %q, want %q", row.Key, row.Value, want)
			}
			n++
		}
		if n != written {
			t.Errorf("%d rows were acknowledged and %d are there", written, n)
		}
	}
}
