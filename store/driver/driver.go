// Package driver is the narrow contract between the store and an engine that keeps
// its rows.
//
// An engine keeps rows: a key and a value, both bytes, ordered by key inside a
// partition. It knows nothing of conversations. All behaviour lives above it, in
// package store; package drivertest holds the suite that every engine must pass.
//
// There are two kinds of partition. Rows of a [Claimed] partition change only by
// [Engine.Claim], which compares before it writes: the log, and small records. Rows
// of a [Derived] partition change only by batches, as part of a claim or by
// [Engine.Write]: they are made from claimed rows and can be made again. No row is
// ever reached by both ways, because a distributed engine stamps the two differently.
package driver

import (
	"context"
	"errors"
	"iter"
)

// Table tells the two kinds of partition apart.
type Table uint8

// The tables.
const (
	Claimed Table = 1
	Derived Table = 2
)

// A Partition names a group of rows that are ordered and read together. Partitions
// come into being with their first row. Key is any string of 1 to 2048 bytes.
type Partition struct {
	Table Table
	Key   string
}

// A Row is a key of 0 to 2048 bytes and a value. A value is never empty.
type Row struct{ Key, Value []byte }

// A Range is the part of a partition with From <= key < To. A nil bound is open.
// Rows come in ascending order of key, bytewise, or descending if Reverse is set. A
// Limit above 0 bounds the number of rows.
type Range struct {
	From, To []byte
	Reverse  bool
	Limit    int
}

// A Version orders the batches that touch a row: per row, the highest one wins,
// whatever the order in which batches arrive. Two batches of the same version
// write the same thing to each row they share.
type Version uint64

// An Op puts a row into a derived partition, or deletes it if Delete is set.
// Deleting a row that isn't there is no error, and is remembered like a put
// as far as versions go.
type Op struct {
	Partition Partition
	Key       []byte
	Value     []byte
	Delete    bool
}

// A Claim puts a row into a claimed partition, provided that what stands there is
// as expected: Old byte for byte, or nothing if Old is nil. A nil Value deletes the row.
type Claim struct{ Key, Old, Value []byte }

// An Engine keeps ordered rows in partitions. Its methods may be called from many
// goroutines at once. A context that is done before a call gives its error, and
// nothing is done.
//
// Byte slices given to a method belong to the caller again when it returns. Errors
// that may pass (a time-out, no quorum) are of kind parlance.Unavailable; after one,
// a Write or Claim may or may not have been done, and the caller may do it again.
type Engine interface {
	// Bounds says what the engine can and can't do. It never changes.
	Bounds() Bounds

	// Get returns the values under keys, in that order; nil for a missing row.
	// Ascending keys are read fastest. The values are the caller's.
	Get(ctx context.Context, p Partition, keys [][]byte) ([][]byte, error)

	// Scan returns the rows of r in order. A row's bytes are valid until the
	// next one is asked for. After an error, or once ctx is done, the sequence
	// ends with a zero Row and that error. On an engine of Bounds.OneStep, what one
	// Scan returns is of one moment.
	Scan(ctx context.Context, p Partition, r Range) iter.Seq2[Row, error]

	// Write applies ops and returns once they are durable. So is then whatever could be
	// read before; without ops, that is all it does. On an engine of Bounds.OneStep ops are
	// applied all or none; elsewhere those of each partition are, and one partition's
	// may be seen, and survive a crash, without another's.
	Write(ctx context.Context, ops []Op, v Version) error

	// Claim puts all of claims into p and then does Write(ops, v). If one of them
	// meets anything but what it expects, and not its own new value either,
	// nothing at all is changed and the error is a [*Refused]. Rows that already
	// hold their new values count as put, so that a claim whose answer was lost
	// can be made again.
	Claim(ctx context.Context, p Partition, claims []Claim, ops []Op, v Version) error

	// Close waits for calls under way and releases the engine. No method may be called after it.
	Close() error
}

// Bounds declares an engine's abilities as data. The zero value is the least able
// engine.
type Bounds struct {
	// Rows is the number of rows that a partition should not exceed; 0 means no bound.
	Rows int
	// BatchBytes is how large the ops of a Write or Claim may be together, by
	// [Op.Size]; the caller splits what is larger. 0 means no bound.
	BatchBytes int
	// OneStep says that a claim and its ops are one: nobody ever sees, and no crash
	// ever leaves, the one without the other.
	OneStep bool
	// Exclusive says that no other process can write to this engine's data while
	// it is open. Then arrival order is version order, as the store sees to it,
	// and the engine need not keep versions.
	Exclusive bool
	// ReadOnly says that nothing can be written: every Claim, and every Write that has ops, is of
	// kind parlance.Unavailable.
	ReadOnly bool
}

// Refused is what Claim returns when it changed nothing: Standing are the rows
// under the claimed keys, in the order of the claims, with a nil Value where there is none.
type Refused struct{ Standing []Row }

// Error says that the claim was refused.
func (*Refused) Error() string { return "claim refused: the rows have changed" }

// AsRefused returns the [*Refused] in err's chain, or nil.
func AsRefused(err error) *Refused {
	var r *Refused
	errors.As(err, &r)
	return r
}

// rowBytes is what an engine may add to a row of its own, such as times.
const rowBytes = 48

// Size returns the bytes that op counts towards Bounds.BatchBytes.
func (op Op) Size() int { return len(op.Partition.Key) + len(op.Key) + len(op.Value) + rowBytes }
