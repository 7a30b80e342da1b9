package drivertest

import (
	"bytes"
	"context"
	"encoding/binary"

	"parlance"
	"parlance/store/driver"
)

// A Harsh engine keeps a derived row as
//
//	version (8 bytes, big-endian) | 0 if deleted, 1 if not (1 byte) | value
//
// so of two forms of one row the one that sorts higher is the one that holds, unless they
// have the same version: then a delete beats a put, as it does in Cassandra.
const (
	stampBytes = 9
	deleted    = 0
	standing   = 1
)

func stamped(op driver.Op, v driver.Version) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(v))
	if op.Delete {
		return append(b, deleted)
	}
	return append(append(b, standing), op.Value...)
}

// readable returns the value in a stamped one, nil if it is deleted.
func readable(b []byte) ([]byte, error) {
	if len(b) < stampBytes {
		return nil, parlance.Errorf(parlance.Corrupt, "a derived row of %d bytes has no version: was it written past the harsh engine?", len(b))
	}
	if b[stampBytes-1] == deleted {
		return nil, nil
	}
	return b[stampBytes:], nil
}

// beats reports whether a stamped value replaces the one that stands.
func beats(value, old []byte) bool {
	if old == nil {
		return true
	}
	const version = stampBytes - 1
	if c := bytes.Compare(value[:version], old[:version]); c != 0 {
		return c > 0
	}
	if value[version] != old[version] {
		return value[version] == deleted
	}
	return bytes.Compare(value, old) > 0
}

// resolve writes those ops of d that are newer than what stands.
func (h *Harsh) resolve(ctx context.Context, d delivery) error {
	h.write.Lock()
	defer h.write.Unlock()
	p := d.ops[0].Partition
	keys := make([][]byte, len(d.ops))
	for i, op := range d.ops {
		keys[i] = op.Key
	}
	old, err := h.inner.Get(ctx, p, keys)
	if err != nil {
		return err
	}
	var ops []driver.Op
	for i, op := range d.ops {
		if value := stamped(op, d.version); beats(value, old[i]) {
			ops = append(ops, driver.Op{Partition: p, Key: op.Key, Value: value})
		}
	}
	if err := h.inner.Write(ctx, ops, d.version); err != nil {
		return err
	}
	return h.checkRows(ctx, p)
}
