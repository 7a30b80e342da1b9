package drivertest

import (
	"sync"
	"sync/atomic"

	"parlance/store/driver"
)

// testVisibility reads while batches land. What was acknowledged is seen, always. Where
// the engine does things in one step, no scan sees a part of a batch.
func testVisibility(b *bench) {
	const batches = 100
	p := b.partition(driver.Derived)
	keys := []string{"a", "k", "z"}
	var acknowledged atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				least := acknowledged.Load()
				rows := b.scanFree(p)
				if least > 0 && len(rows) != len(keys) {
					b.Errorf("after %d batches a scan saw %d rows of %d", least, len(rows), len(keys))
					return
				}
				for _, r := range rows {
					if string(r.Value) < string(number(int(least))) {
						b.Errorf("after %d batches a scan saw row %q", least, r)
						return
					}
					if b.Bounds().OneStep && string(r.Value) != string(rows[0].Value) {
						b.Errorf("a scan saw half a batch: %q", rows)
						return
					}
				}
			}
		})
	}
	for i := 1; i <= batches && !b.Failed(); i++ {
		var ops []driver.Op
		for _, k := range keys {
			ops = append(ops, put(p, k, string(number(i))))
		}
		if err := b.Write(b.ctx, ops, driver.Version(i)); err != nil {
			b.Errorf("write batch %d: %v", i, err)
			break
		}
		acknowledged.Store(int64(i))
	}
	done.Store(true)
	wg.Wait()
}

// testClaimVisibility reads while claims land that bring a row about them. Where a
// claim and its ops are one, neither is ever seen without the other.
func testClaimVisibility(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	claims := b.rows(100)
	oneStep := b.Bounds().OneStep
	var acknowledged atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for reader := range 2 {
		wg.Go(func() {
			for !done.Load() {
				least := acknowledged.Load()
				var entries, heads []driver.Row
				if reader == 0 {
					heads, entries = b.scanFree(p), b.scanFree(log)
				} else {
					entries, heads = b.scanFree(log), b.scanFree(p)
				}
				if int64(len(entries)) < least || int64(len(heads)) < least {
					b.Errorf("after %d claims there are %d entries and %d rows about them", least, len(entries), len(heads))
					return
				}
				// What was read first can't be ahead of what was read then.
				if oneStep && (reader == 0 && len(heads) > len(entries) || reader == 1 && len(entries) > len(heads)) {
					b.Errorf("reader %d saw %d entries and %d rows about them", reader, len(entries), len(heads))
					return
				}
			}
		})
	}
	for i := 1; i <= claims && !b.Failed(); i++ {
		err := b.Claim(b.ctx, log, []driver.Claim{{Key: number(i), Value: []byte("entry")}},
			[]driver.Op{put(p, string(number(i)), "about it")}, driver.Version(i))
		if err != nil {
			b.Errorf("claim %d: %v", i, err)
			break
		}
		acknowledged.Store(int64(i))
	}
	done.Store(true)
	wg.Wait()
}

// scanFree is scan for goroutines that aren't the test's own.
func (b *bench) scanFree(p driver.Partition) []driver.Row {
	var rows []driver.Row
	for r, err := range b.Scan(b.ctx, p, driver.Range{}) {
		if err != nil {
			b.Errorf("scan: %v", err)
			return nil
		}
		rows = append(rows, driver.Row{Key: append([]byte{}, r.Key...), Value: append([]byte{}, r.Value...)})
	}
	return rows
}
