package pebblestore

import (
	"bytes"
	"testing"

	"parlance"
	"parlance/store/driver"
)

func TestBounds(t *testing.T) {
	e, err := OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.Bounds(), (driver.Bounds{OneStep: true, Exclusive: true}); got != want {
		t.Errorf("got bounds %+v, want %+v", got, want)
	}
	closeEngine(t, e)
}

// A batch that doesn't fit a memtable takes another way through Pebble.
func TestHugeBatch(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, quiet(nil))
	var ops []driver.Op
	for n := range 20 {
		ops = append(ops, driver.Op{Partition: derived, Key: key(n), Value: value(n, 1<<20)})
	}
	if err := e.Claim(t.Context(), entries, []driver.Claim{{Key: key(1), Value: []byte("entry")}}, ops, 1); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	e = open(t, dir, quiet(nil))
	for _, op := range ops {
		got, err := e.Get(t.Context(), derived, [][]byte{op.Key})
		if err != nil || !bytes.Equal(got[0], op.Value) {
			t.Fatalf("row %s has %d bytes, %v", op.Key, len(got[0]), err)
		}
	}
	closeEngine(t, e)
}

// Neither kind of row can be changed in the other's way, and no value is empty.
func TestInvalid(t *testing.T) {
	e, err := OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	ctx, k, v := t.Context(), []byte("k"), []byte("v")
	good := driver.Op{Partition: derived, Key: []byte("good"), Value: v}
	wantKind(t, e.Write(ctx, []driver.Op{good, {Partition: entries, Key: k, Value: v}}, 1), parlance.Invalid)
	wantKind(t, e.Write(ctx, []driver.Op{good, {Partition: derived, Key: k}}, 1), parlance.Invalid)
	wantKind(t, e.Claim(ctx, derived, []driver.Claim{{Key: k, Value: v}}, nil, 1), parlance.Invalid)
	wantKind(t, e.Claim(ctx, entries, []driver.Claim{{Key: k, Value: []byte{}}}, []driver.Op{good}, 1), parlance.Invalid)
	wantKind(t, e.Claim(ctx, entries, []driver.Claim{{Key: k, Value: v}}, []driver.Op{good, {Partition: entries, Key: k, Value: v}}, 1), parlance.Invalid)
	for _, p := range []driver.Partition{entries, derived} {
		for r, err := range e.Scan(ctx, p, driver.Range{}) {
			t.Errorf("row %q, %v", r, err)
		}
	}
	if err := e.Claim(ctx, entries, []driver.Claim{{Key: k, Value: v}}, nil, 1); err != nil {
		t.Error(err) // the stripe was given back
	}
	closeEngine(t, e)
}

func TestMetrics(t *testing.T) {
	e := open(t, t.TempDir(), quiet(nil))
	for n := 1; n <= 100; n++ {
		if err := appendEntry(e, n, 1000); err != nil {
			t.Fatal(err)
		}
	}
	m := e.Metrics()
	if m.Disk == 0 || m.Memtables < 100_000 || m.Live != 0 {
		t.Errorf("before the rows are in a table: %+v", m)
	}
	if err := e.db.Flush(); err != nil {
		t.Fatal(err)
	}
	wantLength(t, e, 1000, 100, 100)
	if m := e.Metrics(); m.Live < 90_000 || m.Disk < m.Live || m.Cache == 0 {
		t.Errorf("when the rows are in a table: %+v", m)
	}
	closeEngine(t, e)
}
