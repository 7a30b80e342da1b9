package drivertest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"parlance/store/driver"
)

func testBounds(b *bench) {
	bounds := b.Bounds()
	if bounds.Rows < 0 || bounds.BatchBytes < 0 {
		b.Fatalf("bounds are negative: %+v", bounds)
	}
	if again := b.Bounds(); again != bounds {
		b.Fatalf("bounds changed from %+v to %+v", bounds, again)
	}
}

// awkward are keys whose order engines get wrong: they hold bytes that
// others take for an end or a sign, and are each other's beginnings.
var awkward = []string{
	"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "A", "B", "a", "a\x00", "a\x00b", "a\x01", "aa", "ab", "a\xff", "b",
	"\x7f", "\x80", "\xc3\xa9", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff",
}

func testOrder(b *bench) {
	keys := slices.Clone(awkward)
	slices.Sort(keys) // Go compares strings bytewise
	derived, claimed := b.partition(driver.Derived), b.partition(driver.Claimed)
	var want []driver.Row
	for i, k := range keys {
		want = append(want, row(k, "value of "+k))
		// From both ends, so that arrival isn't the order.
		j := i / 2
		if i%2 == 1 {
			j = len(keys) - 1 - i/2
		}
		r := row(keys[j], "value of "+keys[j])
		b.put(b, derived, driver.Version(i+1), r)
		b.claim(b, claimed, []driver.Claim{{Key: r.Key, Value: r.Value}}, nil, driver.Version(i+1))
	}
	for _, p := range []driver.Partition{derived, claimed} {
		wantRows(b, b.scan(b, p, driver.Range{}), want)
		for _, k := range keys {
			b.want(b, p, k, "value of "+k)
		}
	}
	slices.Reverse(want)
	wantRows(b, b.scan(b, derived, driver.Range{Reverse: true}), want)
	wantRows(b, b.scan(b, claimed, driver.Range{Reverse: true}), want)
}

func testGet(b *bench) {
	p := b.partition(driver.Derived)
	b.put(b, p, 1, row("b", "2"), row("d", "4"), row("f", "6"), row("g", "7"))
	tests := [][]string{
		{},
		{"b"},
		{"a"},
		{"b", "d", "f", "g"},
		{"a", "b", "c", "d", "e", "f", "g", "h"},
		{"h", "g", "f", "d", "b", "a"},
		{"d", "d", "a", "a", "d"},
		{"g", "b", "h", "f", "", "b"},
		{"h", "i", "j", "b"},
	}
	stored := map[string]string{"b": "2", "d": "4", "f": "6", "g": "7"}
	for _, keys := range tests {
		b.wantValues(b, p, keys, stored)
	}
	for _, nobody := range []driver.Partition{b.partition(driver.Derived), b.partition(driver.Claimed)} {
		b.wantValues(b, nobody, []string{"a", "b"}, nil)
		wantRows(b, b.scan(b, nobody, driver.Range{}), nil)
	}
}

// wantValues gets keys and compares with what was stored.
func (b *bench) wantValues(t fatal, p driver.Partition, keys []string, stored map[string]string) {
	t.Helper()
	asked := make([][]byte, len(keys))
	for i, k := range keys {
		asked[i] = []byte(k)
	}
	values, err := b.Get(b.ctx, p, asked)
	if err != nil {
		t.Fatalf("get %q: %v", keys, err)
	}
	if len(values) != len(keys) {
		t.Fatalf("get %q: got %d values, want %d", keys, len(values), len(keys))
	}
	for i, k := range keys {
		want, ok := stored[k]
		if (values[i] != nil) != ok || string(values[i]) != want {
			t.Fatalf("get %q: value %d is %q, want %q", keys, i, values[i], want)
		}
	}
}

// testGetModel gets lists of keys, mostly ascending, out of random rows.
func testGetModel(b *bench) {
	alphabet := rapid.SampledFrom(awkward)
	rapid.Check(b.T, func(t *rapid.T) {
		p := b.partition(driver.Derived)
		stored := map[string]string{}
		for _, k := range rapid.SliceOfNDistinct(alphabet, 1, 12, rapid.ID).Draw(t, "stored") {
			stored[k] = "v" + k
			b.put(t, p, 1, row(k, stored[k]))
		}
		for range 4 {
			keys := rapid.SliceOfN(alphabet, 0, 16).Draw(t, "keys")
			if rapid.Bool().Draw(t, "ascending") {
				slices.Sort(keys)
			}
			b.wantValues(t, p, keys, stored)
		}
	})
}

func testOwnership(b *bench) {
	p, log := b.partition(driver.Derived), b.partition(driver.Claimed)
	r, c, o := row("key", "value"), row("key", "value"), row("other", "other")
	b.put(b, p, 1, r)
	b.claim(b, log, []driver.Claim{{Key: c.Key, Value: c.Value}}, []driver.Op{{Partition: p, Key: o.Key, Value: o.Value}}, 2)
	for _, mine := range [][]byte{r.Key, r.Value, c.Key, c.Value, o.Key, o.Value} {
		clear(mine)
	}
	for range 2 {
		for _, v := range [][]byte{b.get(b, p, "key"), b.get(b, log, "key")} {
			if string(v) != "value" {
				b.Fatalf("got %q, want %q: the engine kept a caller's slice", v, "value")
			}
			clear(v)
		}
		b.want(b, p, "other", "other")
	}
	for range 2 {
		values, err := b.Get(b.ctx, p, [][]byte{[]byte("key"), []byte("other")})
		if err != nil || string(values[0]) != "value" || string(values[1]) != "other" {
			b.Fatalf("got %q, %v: a caller's value is the engine's", values, err)
		}
		clear(values[0])
		clear(values[1])
	}
}

func testLarge(b *bench) {
	const longest, most = 2048, 1 << 20
	long := strings.Repeat("\xff", longest)
	value := bytes.Repeat([]byte("0123456789abcdef"), most/16)

	log := driver.Partition{Table: driver.Claimed, Key: b.own + strings.Repeat("p", longest-len(b.own))}
	b.claim(b, log, []driver.Claim{{Key: []byte(long), Value: value}, {Key: nil, Value: value[1:]}}, nil, 1)
	b.want(b, log, long, string(value))
	b.want(b, log, "", string(value[1:]))
	wantRows(b, b.scan(b, log, driver.Range{Reverse: true, Limit: 1}), []driver.Row{row(long, string(value))})

	// A single row of a batch must fit the engine's bound.
	derived := driver.Partition{Table: driver.Derived, Key: log.Key}
	if bound := b.Bounds().BatchBytes; bound > 0 && bound < 2*longest+most {
		derived = b.partition(driver.Derived)
		long = long[:min(longest, bound/4)]
		value = value[:min(most, bound-driver.Op{Partition: derived, Key: []byte(long)}.Size())]
	}
	b.put(b, derived, 1, row(long, string(value)))
	b.want(b, derived, long, string(value))
}

// testNeighbours fills partitions whose keys are each other's beginnings, so that
// some row's full name would be another's if names were just put together.
func testNeighbours(b *bench) {
	keys := []string{"a", "ab", "abc", "a\x00", "a\x00b", "a\xff", "a\xff\xff", "b", "\x00", "\xff"}
	var all []driver.Partition
	for _, k := range keys {
		for _, t := range []driver.Table{driver.Derived, driver.Claimed} {
			all = append(all, driver.Partition{Table: t, Key: b.own + k})
		}
	}
	rows := []string{"", "\x00", "b", "bc", "c", "\xff", "\xff\xff"}
	for i, p := range all {
		for _, k := range rows {
			r := row(k, p.Key+"/"+k)
			if p.Table == driver.Derived {
				b.put(b, p, driver.Version(i+1), r)
			} else {
				b.claim(b, p, []driver.Claim{{Key: r.Key, Value: r.Value}}, nil, driver.Version(i+1))
			}
		}
	}
	for _, p := range all {
		var want []driver.Row
		for _, k := range rows {
			want = append(want, row(k, p.Key+"/"+k))
		}
		wantRows(b, b.scan(b, p, driver.Range{}), want)
		wantRows(b, b.scan(b, p, driver.Range{From: []byte("b")}), want[2:])
		slices.Reverse(want)
		wantRows(b, b.scan(b, p, driver.Range{Reverse: true}), want)
	}
	for _, p := range all {
		if p.Table != driver.Derived {
			continue
		}
		if err := b.Write(b.ctx, []driver.Op{remove(p, "b")}, 100); err != nil {
			b.Fatalf("delete: %v", err)
		}
		b.want(b, p, "b", "")
	}
	for _, p := range all {
		if got, want := len(b.scan(b, p, driver.Range{})), len(rows)-int(p.Table-driver.Claimed); got != want {
			b.Fatalf("partition %q of table %d has %d rows, want %d", p.Key, p.Table, got, want)
		}
	}
}

func testDelete(b *bench) {
	p := b.partition(driver.Derived)
	ops := []driver.Op{remove(p, "nobody"), put(p, "a", "1"), put(p, "b", "2")}
	if err := b.Write(b.ctx, ops, 1); err != nil {
		b.Fatalf("delete a row that isn't there: %v", err)
	}
	if err := b.Write(b.ctx, []driver.Op{remove(p, "a"), put(p, "c", "3")}, 2); err != nil {
		b.Fatalf("delete: %v", err)
	}
	wantRows(b, b.scan(b, p, driver.Range{}), []driver.Row{row("b", "2"), row("c", "3")})
	wantRows(b, b.scan(b, p, driver.Range{Limit: 1}), []driver.Row{row("b", "2")})
	b.put(b, p, 3, row("a", "again"))
	b.want(b, p, "a", "again")
}

func testWriteManyPartitions(b *bench) {
	if err := b.Write(b.ctx, nil, 1); err != nil {
		b.Fatalf("write nothing: %v", err)
	}
	var ops []driver.Op
	for range 12 {
		ops = append(ops, put(b.partition(driver.Derived), "k", "v"))
	}
	if err := b.Write(b.ctx, ops, 1); err != nil {
		b.Fatalf("write to %d partitions: %v", len(ops), err)
	}
	for _, op := range ops {
		b.want(b, op.Partition, "k", "v")
	}
}

// testFullBatch writes batches exactly as large as the engine allows, or 8 MB.
func testFullBatch(b *bench) {
	room := b.Bounds().BatchBytes
	if room == 0 {
		room = 8 << 20
	}
	p := b.partition(driver.Derived)
	var ops []driver.Op
	for n := b.rows(16); n > 0; n-- {
		op := driver.Op{Partition: p, Key: number(n)}
		op.Value = bytes.Repeat([]byte("v"), room/n-op.Size())
		room -= op.Size()
		ops = append(ops, op)
	}
	if err := b.Write(b.ctx, ops, 1); err != nil {
		b.Fatalf("write a full batch: %v", err)
	}
	b.claim(b, b.partition(driver.Claimed), []driver.Claim{{Key: []byte("k"), Value: []byte("v")}}, ops, 2)
	for _, op := range ops {
		b.want(b, p, string(op.Key), string(op.Value))
	}
}

// testFullPartition fills a log as far as the engine allows, in groups.
func testFullPartition(b *bench) {
	p := b.partition(driver.Claimed)
	n := b.rows(1000)
	var want []driver.Row
	for i := 0; i < n; {
		var group []driver.Claim
		for ; i < n && len(group) < 100; i++ {
			r := driver.Row{Key: number(i), Value: []byte("entry")}
			want = append(want, r)
			group = append(group, driver.Claim{Key: r.Key, Value: r.Value})
		}
		b.claim(b, p, group, nil, driver.Version(i))
	}
	wantRows(b, b.scan(b, p, driver.Range{}), want)
}

func testCancelledBefore(b *bench) {
	log, p := b.partition(driver.Claimed), b.partition(driver.Derived)
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	check := func(what string, err error) {
		b.Helper()
		if !errors.Is(err, context.Canceled) {
			b.Fatalf("%s under a cancelled context: got error %v", what, err)
		}
	}
	_, err := b.Get(ctx, p, [][]byte{[]byte("a"), []byte("b")})
	check("Get", err)
	check("Write", b.Write(ctx, []driver.Op{put(p, "a", "1")}, 1))
	check("Claim", b.Claim(ctx, log, []driver.Claim{{Key: []byte("a"), Value: []byte("1")}}, []driver.Op{put(p, "a", "1")}, 1))
	n := 0
	for r, err := range b.Scan(ctx, p, driver.Range{}) {
		check("Scan", err)
		if n++; n > 1 || r.Key != nil || r.Value != nil {
			b.Fatalf("Scan under a cancelled context: element %d is %q", n, r)
		}
	}
	if n != 1 {
		b.Fatalf("Scan under a cancelled context ended without its error")
	}
	b.want(b, p, "a", "")
	b.want(b, log, "a", "")
}
