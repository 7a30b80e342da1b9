package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"parlance"
	"parlance/store/driver"
	"parlance/store/driver/drivertest"
	"parlance/store/pebblestore"
)

func memory(t *testing.T) driver.Engine {
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestHarshPassesTheSuite(t *testing.T) {
	drivertest.Run(t, func(t *testing.T) driver.Engine {
		return drivertest.NewHarsh(memory(t), drivertest.HarshOptions{Fail: t.Errorf})
	})
}

var (
	log     = driver.Partition{Table: driver.Claimed, Key: "log"}
	head    = driver.Partition{Table: driver.Derived, Key: "head"}
	pointer = driver.Partition{Table: driver.Derived, Key: "pointer"}
)

func entry(n int) []driver.Claim {
	return []driver.Claim{{Key: fmt.Append(nil, n), Value: fmt.Append(nil, "entry ", n)}}
}

func about(n int) []driver.Op {
	return []driver.Op{
		{Partition: head, Key: []byte("head"), Value: fmt.Append(nil, n)},
		{Partition: pointer, Key: []byte("pointer"), Value: fmt.Append(nil, n)},
	}
}

func get(t *testing.T, e driver.Engine, p driver.Partition, key string) string {
	t.Helper()
	v, err := e.Get(t.Context(), p, [][]byte{[]byte(key)})
	if err != nil {
		t.Fatal(err)
	}
	return string(v[0])
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, parlance.Unavailable) {
		t.Fatalf("got error %v, want an unavailable one", err)
	}
}

func TestHarshFaults(t *testing.T) {
	tests := []struct {
		fault                drivertest.Fault
		claimed, head, later string // what is there after the call, and after late deliveries
	}{
		{drivertest.FailBefore, "", "", ""},
		{drivertest.StopAfterClaim, "entry 1", "", ""},
		{drivertest.LoseAnswer, "entry 1", "1", "1"},
		{drivertest.Late, "entry 1", "", "1"},
	}
	for _, tt := range tests {
		t.Run(tt.fault.String(), func(t *testing.T) {
			h := drivertest.NewHarsh(memory(t), drivertest.HarshOptions{Fail: t.Errorf})
			defer h.Close()
			h.Next(tt.fault)
			wantUnavailable(t, h.Claim(t.Context(), log, entry(1), about(1), 1))
			if got := get(t, h, log, "1"); got != tt.claimed {
				t.Errorf("claimed row is %q, want %q", got, tt.claimed)
			}
			if got := get(t, h, head, "head"); got != tt.head {
				t.Errorf("head is %q, want %q", got, tt.head)
			}
			if err := h.DeliverAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := get(t, h, head, "head"); got != tt.later {
				t.Errorf("head is %q in the end, want %q", got, tt.later)
			}
			// The claim can be made again, whatever happened to it.
			if err := h.Claim(t.Context(), log, entry(1), about(1), 1); err != nil {
				t.Fatal(err)
			}
			if got := get(t, h, pointer, "pointer"); got != "1" {
				t.Errorf("pointer is %q in the end", got)
			}
		})
	}
}

func TestHarshFaultsOfWrites(t *testing.T) {
	h := drivertest.NewHarsh(memory(t), drivertest.HarshOptions{Fail: t.Errorf})
	defer h.Close()
	h.Next(drivertest.FailBefore, drivertest.StopAfterClaim, drivertest.None, drivertest.LoseAnswer)
	want := []string{"", "", "3", "4", "5"}
	for i, w := range want {
		err := h.Write(t.Context(), about(i+1), driver.Version(i+1))
		if i == 2 || i == 4 {
			if err != nil {
				t.Fatal(err)
			}
		} else {
			wantUnavailable(t, err)
		}
		if got := get(t, h, head, "head"); got != w {
			t.Errorf("after write %d head is %q, want %q", i+1, got, w)
		}
	}
}

// Late batches of old versions change nothing that newer ones wrote.
func TestHarshLate(t *testing.T) {
	for seed := range uint64(20) {
		h := drivertest.NewHarsh(memory(t), drivertest.HarshOptions{Seed: seed})
		other := h.Share(drivertest.HarshOptions{Seed: seed + 100})
		for n := 1; n <= 9; n++ {
			if n != 5 {
				h.Next(drivertest.Late)
			}
			err := h.Claim(t.Context(), log, entry(n), about(n), driver.Version(n))
			if n == 5 && err != nil {
				t.Fatal(err)
			}
		}
		if got := h.Waiting(); got != 16 {
			t.Fatalf("%d batches wait, want 16", got)
		}
		last := 5
		for {
			some, err := other.Deliver(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !some {
				break
			}
			var n int
			fmt.Sscan(get(t, h, head, "head"), &n)
			if n < last {
				t.Fatalf("head fell from %d to %d", last, n)
			}
			last = n
		}
		if h, p := get(t, h, head, "head"), get(t, h, pointer, "pointer"); h != "9" || p != "9" {
			t.Fatalf("head is %s and pointer is %s in the end, want 9", h, p)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if got := get(t, other, log, "9"); got != "entry 9" {
			t.Fatalf("after one of two owners closed: %q", got)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Two owners under every fault: who repeats until told yes or no ends with each number taken
// once, and with derived rows of the last one.
func TestHarshAtRandom(t *testing.T) {
	for seed := range uint64(10) {
		o := drivertest.HarshOptions{Rate: 0.5, Seed: seed, Fail: t.Errorf}
		first := drivertest.NewHarsh(memory(t), o)
		o.Seed += 1000
		owners := []*drivertest.Harsh{first, first.Share(o)}
		pick := rand.New(rand.NewPCG(seed, 1))
		met := 0
		for n := 1; n <= 20; n++ {
			h := owners[pick.IntN(2)]
			for {
				err := h.Claim(t.Context(), log, entry(n), about(n), driver.Version(n))
				if err == nil {
					break
				}
				wantUnavailable(t, err)
				met++
			}
			if got := get(t, owners[0], head, "head"); got != fmt.Sprint(n) {
				t.Fatalf("seed %d: head is %s after %d was acknowledged", seed, got, n)
			}
		}
		if met == 0 {
			t.Errorf("seed %d: no fault was met", seed)
		}
		for _, h := range owners {
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestHarshBounds(t *testing.T) {
	var complaints []string
	h := drivertest.NewHarsh(memory(t), drivertest.HarshOptions{
		Fail:    func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) },
		Bounded: func(p driver.Partition) bool { return p == log || p == head },
	})
	defer h.Close()
	ctx := context.Background()
	big := []driver.Op{{Partition: head, Key: []byte("k")}}
	big[0].Value = make([]byte, drivertest.HarshBatchBytes-big[0].Size())
	if err := h.Write(ctx, big, 1); err != nil {
		t.Fatal(err)
	}
	big[0].Value = append(big[0].Value, 0)
	if err := h.Write(ctx, big, 2); !errors.Is(err, parlance.Invalid) || len(complaints) != 1 || !strings.Contains(complaints[0], "2049 bytes") {
		t.Errorf("a batch that is too large: error %v, complaints %q", err, complaints)
	}
	complaints = nil
	for n := range drivertest.HarshRows + 1 {
		if len(complaints) > 0 {
			t.Fatalf("complained of %d rows: %q", n, complaints)
		}
		if err := h.Claim(ctx, log, entry(n), nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(complaints) != 1 || !strings.Contains(complaints[0], "more than 64 rows") {
		t.Errorf("a partition of 65 rows: complaints %q", complaints)
	}
	complaints = nil
	for n := range drivertest.HarshRows + 1 {
		op := driver.Op{Partition: head, Key: fmt.Append(nil, "row ", n), Value: []byte("v")}
		if err := h.Write(ctx, []driver.Op{op}, 3); err != nil {
			t.Fatal(err)
		}
	}
	if len(complaints) == 0 {
		t.Error("a derived partition of 66 rows: no complaint")
	}
}
