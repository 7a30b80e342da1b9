package pebblestore

import (
	"fmt"
	"sync/atomic"
	"testing"

	"parlance/store/driver"
)

// BenchmarkAppend claims one entry with three derived rows, synced, in a log per goroutine.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			e, err := Open(b.TempDir(), quiet(nil))
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			var next atomic.Int64
			b.SetParallelism(writers) // times GOMAXPROCS
			b.RunParallel(func(pb *testing.PB) {
				me := next.Add(1)
				log := driver.Partition{Table: driver.Claimed, Key: fmt.Sprint("log", me)}
				about := driver.Partition{Table: driver.Derived, Key: fmt.Sprint("about", me)}
				for n := 0; pb.Next(); n++ {
					ops := []driver.Op{
						{Partition: about, Key: append([]byte("created "), key(n)...), Value: key(n)},
						{Partition: about, Key: append([]byte("sent "), key(n)...), Value: key(n)},
						{Partition: about, Key: head, Value: key(n)},
					}
					if err := e.Claim(b.Context(), log, []driver.Claim{{Key: key(n), Value: value(n, 200)}}, ops, driver.Version(n)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkPage gets 20 neighbouring entries.
func BenchmarkPage(b *testing.B) {
	e, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var claims []driver.Claim
	for n := range 20000 {
		claims = append(claims, driver.Claim{Key: key(n), Value: value(n, 200)})
	}
	if err := e.Claim(b.Context(), entries, claims, nil, 1); err != nil {
		b.Fatal(err)
	}
	if err := e.db.Flush(); err != nil {
		b.Fatal(err)
	}
	keys := make([][]byte, 20)
	for n := 0; b.Loop(); n++ {
		for i := range keys {
			keys[i] = key((n*137)%19000 + i)
		}
		if _, err := e.Get(b.Context(), entries, keys); err != nil {
			b.Fatal(err)
		}
	}
}
