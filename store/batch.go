package store

import (
	"slices"

	"parlance/store/driver"
)

// A batch collects derived ops. The last op on a row is the one that counts.
type batch struct {
	ops     []driver.Op
	last    []driver.Op // for when all of ops stand
	deletes bool
}

func (b *batch) put(p driver.Partition, key, value []byte) {
	b.ops = append(b.ops, driver.Op{Partition: p, Key: key, Value: value})
}

func (b *batch) delete(p driver.Partition, key []byte) {
	b.ops = append(b.ops, driver.Op{Partition: p, Key: key, Delete: true})
	b.deletes = true
}

// add adds the ops of a timeline's update.
func (b *batch) add(ops []driver.Op) {
	b.ops = append(b.ops, ops...)
	b.deletes = b.deletes || slices.ContainsFunc(ops, func(op driver.Op) bool { return op.Delete })
}

// lastOpPerRow returns the ops with one op a row, because an engine that orders by
// version can't tell the order inside a batch. Deletes come last: a reader of a part of a
// split batch finds a row too many, never one too few.
func (b *batch) lastOpPerRow() []driver.Op {
	type row struct {
		p   driver.Partition
		key string
	}
	last := make(map[row]int, len(b.ops))
	for i, op := range b.ops {
		last[row{op.Partition, string(op.Key)}] = i
	}
	var puts, deletes []driver.Op
	for i, op := range b.ops {
		switch {
		case last[row{op.Partition, string(op.Key)}] != i:
		case op.Delete:
			deletes = append(deletes, op)
		default:
			puts = append(puts, op)
		}
	}
	return append(puts, deletes...)
}
