package drivertest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"pgregory.net/rapid"

	"parlance/store/driver"
)

// model answers a scan of sorted rows.
func model(sorted []driver.Row, r driver.Range) []driver.Row {
	var rows []driver.Row
	for _, row := range sorted {
		if bytes.Compare(row.Key, r.From) >= 0 && (r.To == nil || bytes.Compare(row.Key, r.To) < 0) {
			rows = append(rows, row)
		}
	}
	if r.Reverse {
		slices.Reverse(rows)
	}
	if r.Limit > 0 && len(rows) > r.Limit {
		rows = rows[:r.Limit]
	}
	return rows
}

// testScanModel compares random scans of random rows with a sorted slice.
func testScanModel(b *bench) {
	key := rapid.OneOf(rapid.SampledFrom(awkward), rapid.StringOfN(rapid.RuneFrom([]rune("\x00ab\u00ff")), 0, 3, -1))
	rapid.Check(b.T, func(t *rapid.T) {
		p := b.partition(driver.Derived)
		var sorted []driver.Row
		for _, k := range rapid.SliceOfNDistinct(key, 0, 16, rapid.ID).Draw(t, "keys") {
			sorted = append(sorted, row(k, "v"+k))
		}
		b.put(t, p, 1, sorted...)
		slices.SortFunc(sorted, func(x, y driver.Row) int { return bytes.Compare(x.Key, y.Key) })
		if n := len(sorted); n > 0 && rapid.Bool().Draw(t, "delete one") {
			i := rapid.IntRange(0, n-1).Draw(t, "deleted")
			if err := b.Write(b.ctx, []driver.Op{{Partition: p, Key: sorted[i].Key, Delete: true}}, 2); err != nil {
				t.Fatalf("delete: %v", err)
			}
			sorted = slices.Delete(sorted, i, i+1)
		}
		bound := rapid.OneOf(rapid.Just([]byte(nil)), rapid.Map(key, func(k string) []byte { return []byte(k) }))
		for range 8 {
			r := driver.Range{
				From:    bound.Draw(t, "from"),
				To:      bound.Draw(t, "to"),
				Reverse: rapid.Bool().Draw(t, "reverse"),
				Limit:   rapid.IntRange(0, 6).Draw(t, "limit"),
			}
			wantRows(t, b.scan(t, p, r), model(sorted, r))
		}
	})
}

// testScanBounds asks for each combination of bounds around each row.
func testScanBounds(b *bench) {
	p, log := b.partition(driver.Derived), b.partition(driver.Claimed)
	sorted := []driver.Row{row("", "1"), row("b", "2"), row("b\x00", "3"), row("d", "4")}
	b.put(b, p, 1, sorted...)
	var claims []driver.Claim
	for _, r := range sorted {
		claims = append(claims, driver.Claim{Key: r.Key, Value: r.Value})
	}
	b.claim(b, log, claims, nil, 1)
	bounds := [][]byte{nil, {}, []byte("\x00"), []byte("a"), []byte("b"), []byte("b\x00"), []byte("c"), []byte("d"), []byte("d\x00"), []byte("\xff")}
	for _, from := range bounds {
		for _, to := range bounds {
			for _, limit := range []int{0, 1} {
				for _, reverse := range []bool{false, true} {
					r := driver.Range{From: from, To: to, Limit: limit, Reverse: reverse}
					wantRows(b, b.scan(b, p, r), model(sorted, r))
					wantRows(b, b.scan(b, log, r), model(sorted, r))
				}
			}
		}
	}
}

// fill puts n short rows into a new partition.
func (b *bench) fill(n int) (driver.Partition, []driver.Row) {
	p := b.partition(driver.Derived)
	var rows []driver.Row
	for i := range b.rows(n) {
		rows = append(rows, driver.Row{Key: number(i), Value: []byte("v")})
		b.put(b, p, 1, rows[i])
	}
	return p, rows
}

func testScanCancelled(b *bench) {
	p, rows := b.fill(40)
	for _, reverse := range []bool{false, true} {
		ctx, cancel := context.WithCancel(b.ctx)
		seen, ended := 0, false
		for r, err := range b.Scan(ctx, p, driver.Range{Reverse: reverse}) {
			if ended {
				b.Fatalf("the scan went on after its error, with %q", r)
			}
			if err != nil {
				if !errors.Is(err, context.Canceled) || r.Key != nil || r.Value != nil {
					b.Fatalf("the scan ended with row %q and error %v", r, err)
				}
				ended = true
				continue
			}
			if seen++; seen == 5 {
				cancel()
			}
		}
		cancel()
		if seen != 5 || !ended {
			b.Fatalf("cancelled after 5 of %d rows: saw %d, ended with an error: %t", len(rows), seen, ended)
		}
	}
}

// testScanBreak leaves scans at each row; what they held must be free for Close.
func testScanBreak(b *bench) {
	p, rows := b.fill(20)
	for stop := range rows {
		for _, reverse := range []bool{false, true} {
			n := 0
			for _, err := range b.Scan(b.ctx, p, driver.Range{Reverse: reverse}) {
				if err != nil {
					b.Fatalf("scan: %v", err)
				}
				if n == stop {
					break
				}
				n++
			}
		}
	}
	wantRows(b, b.scan(b, p, driver.Range{}), rows)
}

// testScanTwice ranges over one sequence twice, and uses the engine while it does.
func testScanTwice(b *bench) {
	p, rows := b.fill(10)
	seq := b.Scan(b.ctx, p, driver.Range{})
	for range 2 {
		n := 0
		for r, err := range seq {
			if err != nil {
				b.Fatalf("scan: %v", err)
			}
			b.want(b, p, string(r.Key), "v")
			n++
		}
		if n != len(rows) {
			b.Fatalf("got %d rows, want %d", n, len(rows))
		}
	}
}
