package drivertest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/store/driver"
)

// claimOf claims key: "" as old expects nothing, "" as value deletes.
func claimOf(key, old, value string) driver.Claim {
	c := driver.Claim{Key: []byte(key)}
	if old != "" {
		c.Old = []byte(old)
	}
	if value != "" {
		c.Value = []byte(value)
	}
	return c
}

// refused claims and wants a refusal that shows standing.
func (b *bench) refused(t fatal, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version, standing []driver.Row) {
	t.Helper()
	err := b.Claim(b.ctx, p, claims, ops, v)
	r := driver.AsRefused(err)
	if r == nil {
		t.Fatalf("claim: got %v, want a refusal", err)
	}
	for i, row := range r.Standing {
		if i < len(standing) && (row.Value == nil) != (standing[i].Value == nil) {
			t.Fatalf("standing row %d is %q, want %q", i, row, standing[i])
		}
	}
	wantRows(t, r.Standing, standing)
}

func testClaim(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	b.claim(b, log, []driver.Claim{claimOf("1", "", "one"), claimOf("2", "", "two")}, []driver.Op{put(p, "head", "2")}, 2)
	wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("1", "one"), row("2", "two")})
	b.want(b, p, "head", "2")

	b.claim(b, log, []driver.Claim{claimOf("2", "two", "TWO"), claimOf("3", "", "three")}, []driver.Op{put(p, "head", "3")}, 3)
	wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("1", "one"), row("2", "TWO"), row("3", "three")})
	b.want(b, p, "head", "3")

	// Without rows a claim is its ops, without ops its rows, in any order of keys.
	b.claim(b, log, nil, []driver.Op{put(p, "head", "4")}, 4)
	b.want(b, p, "head", "4")
	b.claim(b, log, []driver.Claim{claimOf("9", "", "nine"), claimOf("", "", "empty"), claimOf("5", "", "five")}, nil, 5)
	b.want(b, log, "9", "nine")
	b.want(b, log, "", "empty")
	b.want(b, log, "5", "five")
}

func testClaimRefused(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	b.claim(b, log, []driver.Claim{claimOf("1", "", "one"), claimOf("2", "", "two")}, []driver.Op{put(p, "head", "2")}, 2)
	before := []driver.Row{row("1", "one"), row("2", "two")}
	tests := []struct {
		claims   []driver.Claim
		standing []driver.Row
	}{
		{[]driver.Claim{claimOf("2", "", "mine")}, []driver.Row{row("2", "two")}},
		{[]driver.Claim{claimOf("2", "tw", "mine")}, []driver.Row{row("2", "two")}},
		{[]driver.Claim{claimOf("2", "two\x00", "mine")}, []driver.Row{row("2", "two")}},
		{[]driver.Claim{claimOf("3", "three", "mine")}, []driver.Row{{Key: []byte("3")}}},
		{[]driver.Claim{claimOf("2", "TWO", "")}, []driver.Row{row("2", "two")}},
		{[]driver.Claim{claimOf("2", "", "")}, []driver.Row{row("2", "two")}},
		// One that fits doesn't help those that don't, wherever it stands.
		{[]driver.Claim{claimOf("3", "", "mine"), claimOf("2", "", "mine")}, []driver.Row{{Key: []byte("3")}, row("2", "two")}},
		{[]driver.Claim{claimOf("2", "", "mine"), claimOf("3", "", "mine")}, []driver.Row{row("2", "two"), {Key: []byte("3")}}},
		{
			[]driver.Claim{claimOf("4", "", "mine"), claimOf("1", "one", "mine"), claimOf("2", "", "mine"), claimOf("3", "", "mine")},
			[]driver.Row{{Key: []byte("4")}, row("1", "one"), row("2", "two"), {Key: []byte("3")}},
		},
	}
	for i, tt := range tests {
		b.refused(b, log, tt.claims, []driver.Op{put(p, "head", "stolen"), put(p, "new", "stolen"), remove(p, "head")}, driver.Version(10+i), tt.standing)
		wantRows(b, b.scan(b, log, driver.Range{}), before)
		b.want(b, p, "head", "2")
		b.want(b, p, "new", "")
	}
}

func testClaimRepeated(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	claims := []driver.Claim{claimOf("1", "", "one"), claimOf("2", "", "two")}
	b.claim(b, log, claims, nil, 2)
	// The claim was made, and its ops lost: making it again brings them.
	for range 3 {
		b.claim(b, log, claims, []driver.Op{put(p, "head", "2")}, 2)
		b.want(b, p, "head", "2")
		wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("1", "one"), row("2", "two")})
	}
	// A change of a row can be made again as well.
	change := []driver.Claim{claimOf("1", "one", "ONE")}
	b.claim(b, log, change, nil, 3)
	b.claim(b, log, change, nil, 3)
	b.want(b, log, "1", "ONE")
	// The first claim can't: the row has changed since.
	b.refused(b, log, claims, nil, 2, []driver.Row{row("1", "ONE"), row("2", "two")})
}

func testClaimPartlyHeld(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	b.claim(b, log, []driver.Claim{claimOf("1", "", "one"), claimOf("2", "", "two"), claimOf("5", "", "five")}, nil, 2)
	b.claim(b, log, []driver.Claim{
		claimOf("2", "", "two"), claimOf("3", "", "three"), claimOf("5", "five", "FIVE"), claimOf("4", "four", ""),
	}, []driver.Op{put(p, "head", "3")}, 3)
	wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("1", "one"), row("2", "two"), row("3", "three"), row("5", "FIVE")})
	b.want(b, p, "head", "3")
}

func testClaimDelete(b *bench) {
	log := b.partition(driver.Claimed)
	b.claim(b, log, []driver.Claim{claimOf("1", "", "one"), claimOf("2", "", "two")}, nil, 2)
	remove := []driver.Claim{claimOf("1", "one", "")}
	b.claim(b, log, remove, nil, 3)
	wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("2", "two")})
	b.claim(b, log, remove, nil, 3) // gone already, as wanted
	b.refused(b, log, []driver.Claim{claimOf("1", "one", "uno")}, nil, 4, []driver.Row{{Key: []byte("1")}})
	b.claim(b, log, []driver.Claim{claimOf("1", "", "again")}, nil, 5)
	wantRows(b, b.scan(b, log, driver.Range{}), []driver.Row{row("1", "again"), row("2", "two")})
	b.claim(b, log, []driver.Claim{claimOf("3", "", "")}, nil, 6) // absent, and to stay so
	b.want(b, log, "3", "")
}

// testClaimModel compares random claims with a map.
func testClaimModel(b *bench) {
	key := rapid.SampledFrom([]string{"", "a", "b", "c"})
	value := rapid.SampledFrom([]string{"", "1", "2", "22"})
	rapid.Check(b.T, func(t *rapid.T) {
		p := b.partition(driver.Claimed)
		rows := map[string]string{} // a missing row is ""
		for range rapid.IntRange(1, 10).Draw(t, "claims") {
			var claims []driver.Claim
			var standing []driver.Row
			fits := true
			for _, k := range rapid.SliceOfNDistinct(key, 1, 3, rapid.ID).Draw(t, "keys") {
				old, new := value.Draw(t, "old"), value.Draw(t, "new")
				if rapid.Bool().Draw(t, "knows") {
					old = rows[k]
				}
				claims = append(claims, claimOf(k, old, new))
				s := driver.Row{Key: []byte(k)}
				if rows[k] != "" {
					s.Value = []byte(rows[k])
				}
				standing = append(standing, s)
				fits = fits && (rows[k] == old || rows[k] == new)
			}
			if !fits {
				b.refused(t, p, claims, nil, 1, standing)
				continue
			}
			b.claim(t, p, claims, nil, 1)
			for _, c := range claims {
				rows[string(c.Key)] = string(c.Value)
			}
		}
		var want []driver.Row
		for _, k := range []string{"", "a", "b", "c"} {
			if rows[k] != "" {
				want = append(want, row(k, rows[k]))
			}
		}
		wantRows(t, b.scan(t, p, driver.Range{}), want)
	})
}

const claimers = 8

// testClaimRace lets claimers take the numbers of some logs, all of them the same number at
// the same moment. Each number is won by exactly one of them, who finds its own row
// there, and every refusal shows a row of somebody else.
func testClaimRace(b *bench) {
	for range 4 {
		log, derived := b.partition(driver.Claimed), b.partition(driver.Derived)
		for n := 1; n <= b.rows(16) && !b.Failed(); n++ {
			var winners atomic.Int64
			start := make(chan struct{})
			var wg sync.WaitGroup
			for me := range claimers {
				wg.Go(func() {
					<-start
					won, err := b.take(log, derived, n, fmt.Appendf(nil, "entry %d of claimer %d", n, me))
					if err != nil {
						b.Errorf("claimer %d: %v", me, err)
					}
					if won {
						winners.Add(1)
					}
				})
			}
			close(start)
			wg.Wait()
			if got := winners.Load(); got != 1 {
				b.Errorf("number %d was won by %d claimers", n, got)
			}
		}
		wantRows(b, b.scan(b, derived, driver.Range{}), b.scan(b, log, driver.Range{}))
	}
}

// take claims number n until it knows who has it, and reports whether it is the caller.
func (b *bench) take(log, derived driver.Partition, n int, mine []byte) (bool, error) {
	for {
		err := b.Claim(b.ctx, log, []driver.Claim{{Key: number(n), Value: mine}},
			[]driver.Op{{Partition: derived, Key: number(n), Value: mine}}, driver.Version(n))
		switch r := driver.AsRefused(err); {
		case err == nil:
			got, err := b.Get(b.ctx, log, [][]byte{number(n)})
			if err == nil && !bytes.Equal(got[0], mine) {
				err = fmt.Errorf("won number %d and finds %q", n, got)
			}
			return true, err
		case r != nil:
			if len(r.Standing) != 1 || r.Standing[0].Value == nil || bytes.Equal(r.Standing[0].Value, mine) {
				err = fmt.Errorf("was refused number %d by %q", n, r.Standing)
			} else {
				err = nil
			}
			return false, err
		case errors.Is(err, parlance.Unavailable): // a crowded engine may say so: the outcome is unknown
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		default:
			return false, err
		}
	}
}

// testClaimRaceOnOneRow lets claimers add to one row by comparing and putting.
func testClaimRaceOnOneRow(b *bench) {
	const each = 12
	p := b.partition(driver.Claimed)
	var wg sync.WaitGroup
	for me := range claimers {
		wg.Go(func() {
			var old []byte
			for done := 0; done < each; {
				value := fmt.Appendf(bytes.Clone(old), "%d.%d ", me, done)
				err := b.Claim(b.ctx, p, []driver.Claim{{Key: []byte("row"), Old: old, Value: value}}, nil, 1)
				switch r := driver.AsRefused(err); {
				case err == nil:
					old = value
					done++
				case r != nil:
					old = r.Standing[0].Value
					if bytes.Contains(old, fmt.Appendf(nil, "%d.%d ", me, done)) {
						done++ // an earlier try, whose answer was lost, had been done
					}
				case errors.Is(err, parlance.Unavailable):
					time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
				default:
					b.Errorf("claim: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if b.Failed() {
		return
	}
	got := bytes.Fields(b.get(b, p, "row"))
	if len(got) != claimers*each {
		b.Fatalf("%d claims left %d marks: %s", claimers*each, len(got), got)
	}
}
