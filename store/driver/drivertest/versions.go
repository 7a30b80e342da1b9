package drivertest

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"pgregory.net/rapid"

	"parlance/store/driver"
)

// testVersionsInOrder is what every engine does: the batch that comes later and
// has the higher version wins, and one that comes twice does no harm.
func testVersionsInOrder(b *bench) {
	p, log := b.partition(driver.Derived), b.partition(driver.Claimed)
	steps := []struct {
		version driver.Version
		op      driver.Op
		want    string
	}{
		{1, put(p, "k", "one"), "one"},
		{1, put(p, "k", "one"), "one"},
		{2, put(p, "k", "longer than one"), "longer than one"},
		{3, put(p, "k", "3"), "3"},
		{4, remove(p, "k"), ""},
		{4, remove(p, "k"), ""},
		{5, put(p, "k", "back"), "back"},
		{1 << 40, put(p, "k", "high"), "high"},
	}
	for i, s := range steps {
		err := b.Write(b.ctx, []driver.Op{s.op}, s.version)
		if i%2 == 1 {
			err = b.Claim(b.ctx, log, []driver.Claim{{Key: number(i), Value: []byte("entry")}}, []driver.Op{s.op}, s.version)
		}
		if err != nil {
			b.Fatalf("step %d: %v", i, err)
		}
		b.want(b, p, "k", s.want)
	}
}

// A batchOfVersion is what a version writes to the rows it names; "" deletes.
type batchOfVersion struct {
	version driver.Version
	rows    map[string]string
}

func (v batchOfVersion) ops(p driver.Partition) []driver.Op {
	var ops []driver.Op
	for _, k := range slices.Sorted(maps.Keys(v.rows)) {
		if value := v.rows[k]; value != "" {
			ops = append(ops, put(p, k, value))
		} else {
			ops = append(ops, remove(p, k))
		}
	}
	return ops
}

// outcome returns the rows that are left when each row's highest version has won.
func outcome(batches []batchOfVersion) []driver.Row {
	rows := map[string]string{}
	byVersion := slices.SortedFunc(slices.Values(batches), func(x, y batchOfVersion) int { return int(x.version) - int(y.version) })
	for _, v := range byVersion {
		maps.Copy(rows, v.rows)
	}
	var left []driver.Row
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		if rows[k] != "" {
			left = append(left, row(k, rows[k]))
		}
	}
	return left
}

// testVersionsInAnyOrder delivers random batches, some of them twice, and compares with what
// the highest version of each row says: in any order where others may
// write to the engine's data too, in order of version where they can't.
func testVersionsInAnyOrder(b *bench) {
	key := rapid.SampledFrom([]string{"", "a", "b", "c"})
	rapid.Check(b.T, func(t *rapid.T) {
		var batches []batchOfVersion
		for v := range rapid.IntRange(1, 6).Draw(t, "versions") {
			batch := batchOfVersion{version: driver.Version(v + 1), rows: map[string]string{}}
			for _, k := range rapid.SliceOfNDistinct(key, 1, 4, rapid.ID).Draw(t, "keys") {
				if batch.rows[k] = ""; !rapid.Bool().Draw(t, "delete") {
					batch.rows[k] = fmt.Sprintf("%s of version %d", k, v+1)
				}
			}
			batches = append(batches, batch)
		}
		arrivals := batches
		if !b.Bounds().Exclusive {
			again := rapid.SliceOfN(rapid.SampledFrom(batches), 0, 3).Draw(t, "again")
			arrivals = rapid.Permutation(slices.Concat(batches, again)).Draw(t, "arrivals")
		}
		p, log := b.partition(driver.Derived), b.partition(driver.Claimed)
		for i, a := range arrivals {
			err := error(nil)
			if rapid.Bool().Draw(t, "with a claim") {
				err = b.Claim(b.ctx, log, []driver.Claim{{Key: number(i), Value: []byte("entry")}}, a.ops(p), a.version)
			} else {
				err = b.Write(b.ctx, a.ops(p), a.version)
			}
			if err != nil {
				t.Fatalf("batch of version %d: %v", a.version, err)
			}
			wantRows(t, b.scan(t, p, driver.Range{}), outcome(arrivals[:i+1]))
		}
	})
}

// testVersionsAtOnce delivers versions of the same rows from many goroutines. An exclusive
// engine is promised that its owner doesn't do so; it gets rows of their own.
func testVersionsAtOnce(b *bench) {
	const writers, each = 8, 6
	p := b.partition(driver.Derived)
	var batches []batchOfVersion
	for i := range writers * each {
		batch := batchOfVersion{version: driver.Version(i + 1), rows: map[string]string{"a": fmt.Sprint("a", i), "b": ""}}
		if i%3 == 0 {
			batch.rows = map[string]string{"a": "", "b": fmt.Sprint("b", i)}
		}
		if b.Bounds().Exclusive {
			batch.rows = map[string]string{string(number(i % b.rows(writers*each))): fmt.Sprint("own", i)}
		}
		batches = append(batches, batch)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				// Every writer's versions fall, and interleave with the others'.
				batch := batches[(each-1-i)*writers+w]
				if err := b.Write(b.ctx, batch.ops(p), batch.version); err != nil {
					b.Errorf("batch of version %d: %v", batch.version, err)
				}
			}
		})
	}
	wg.Wait()
	wantRows(b, b.scan(b, p, driver.Range{}), outcome(batches))
}
