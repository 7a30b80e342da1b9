// Package drivertest holds the suite that every engine must pass, and an engine that is as
// unkind as the contract allows.
//
// [Run] asks an engine for everything that package driver promises. What engines may do
// differently they declare in their bounds, and the suite asks each for what it declared; it never
// skips. [Harsh] wraps any engine into one with the smallest bounds, which fails in every way that
// a distributed engine does.
package drivertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"parlance/store/driver"
)

// Run runs the suite. It calls open for each of its tests, and closes what open returned;
// the engines may share their data, for each test names partitions that
// nobody used before.
func Run(t *testing.T, open func(t *testing.T) driver.Engine) {
	tests := []struct {
		name string
		test func(*bench)
	}{
		{"Bounds", testBounds},
		{"Order", testOrder},
		{"Get", testGet},
		{"GetModel", testGetModel},
		{"Ownership", testOwnership},
		{"Large", testLarge},
		{"Neighbours", testNeighbours},
		{"Delete", testDelete},
		{"WriteManyPartitions", testWriteManyPartitions},
		{"FullBatch", testFullBatch},
		{"FullPartition", testFullPartition},
		{"ScanModel", testScanModel},
		{"ScanBounds", testScanBounds},
		{"ScanCancelled", testScanCancelled},
		{"ScanBreak", testScanBreak},
		{"ScanTwice", testScanTwice},
		{"CancelledBefore", testCancelledBefore},
		{"Claim", testClaim},
		{"ClaimRefused", testClaimRefused},
		{"ClaimRepeated", testClaimRepeated},
		{"ClaimPartlyHeld", testClaimPartlyHeld},
		{"ClaimDelete", testClaimDelete},
		{"ClaimModel", testClaimModel},
		{"ClaimRace", testClaimRace},
		{"ClaimRaceOnOneRow", testClaimRaceOnOneRow},
		{"VersionsInOrder", testVersionsInOrder},
		{"VersionsInAnyOrder", testVersionsInAnyOrder},
		{"VersionsAtOnce", testVersionsAtOnce},
		{"Visibility", testVisibility},
		{"ClaimVisibility", testClaimVisibility},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := open(t)
			t.Cleanup(func() {
				if err := e.Close(); err != nil {
					t.Errorf("close the engine: %v", err)
				}
			})
			tt.test(&bench{T: t, Engine: e, ctx: t.Context(), own: rand.Text()})
		})
	}
}

// fatal is what the parts of a bench need of *testing.T or *rapid.T.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A bench is an engine under test and the names that are this test's own.
type bench struct {
	*testing.T
	driver.Engine
	ctx  context.Context
	own  string
	used int
}

// partition returns one that nobody used before.
func (b *bench) partition(t driver.Table) driver.Partition {
	b.used++
	return driver.Partition{Table: t, Key: fmt.Sprintf("%s-%d", b.own, b.used)}
}

// put writes the rows into a derived partition.
func (b *bench) put(t fatal, p driver.Partition, v driver.Version, rows ...driver.Row) {
	t.Helper()
	ops := make([]driver.Op, len(rows))
	for i, r := range rows {
		ops[i] = driver.Op{Partition: p, Key: r.Key, Value: r.Value}
	}
	if err := b.Write(b.ctx, ops, v); err != nil {
		t.Fatalf("write %d rows: %v", len(rows), err)
	}
}

// claim claims and fails the test if that is refused.
func (b *bench) claim(t fatal, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) {
	t.Helper()
	if err := b.Claim(b.ctx, p, claims, ops, v); err != nil {
		t.Fatalf("claim: %v", err)
	}
}

// get returns the value under one key.
func (b *bench) get(t fatal, p driver.Partition, key string) []byte {
	t.Helper()
	values, err := b.Get(b.ctx, p, [][]byte{[]byte(key)})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	if len(values) != 1 {
		t.Fatalf("get one key: got %d values", len(values))
	}
	return values[0]
}

// want compares the value under key; "" wants none.
func (b *bench) want(t fatal, p driver.Partition, key, value string) {
	t.Helper()
	if got := b.get(t, p, key); string(got) != value || (got == nil) != (value == "") {
		t.Fatalf("row %q: got %.80q, want %.80q", key, got, value)
	}
}

// scan returns copies of the rows of r.
func (b *bench) scan(t fatal, p driver.Partition, r driver.Range) []driver.Row {
	t.Helper()
	var rows []driver.Row
	for row, err := range b.Scan(b.ctx, p, r) {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		rows = append(rows, driver.Row{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
	}
	return rows
}

// wantRows compares what a scan returned.
func wantRows(t fatal, got, want []driver.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d rows, want %d:\n got %.20q\nwant %.20q", len(got), len(want), got, want)
	}
	for i := range got {
		if !bytes.Equal(got[i].Key, want[i].Key) || !bytes.Equal(got[i].Value, want[i].Value) {
			t.Fatalf("row %d: got %.80q, want %.80q", i, got[i], want[i])
		}
	}
}

// rows returns how many rows a test may put into one partition, at most n.
func (b *bench) rows(n int) int {
	if bound := b.Bounds().Rows; bound > 0 {
		return min(n, bound)
	}
	return n
}

func row(key, value string) driver.Row { return driver.Row{Key: []byte(key), Value: []byte(value)} }

func put(p driver.Partition, key, value string) driver.Op {
	return driver.Op{Partition: p, Key: []byte(key), Value: []byte(value)}
}

func remove(p driver.Partition, key string) driver.Op {
	return driver.Op{Partition: p, Key: []byte(key), Delete: true}
}

// number is the key of the n-th row of a log.
func number(n int) []byte { return fmt.Appendf(nil, "%08d", n) }
