package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// Blocks are the rows in which a workspace's search index keeps its blocks: what they hold is the index's affair.
// Records are few and change by compare-and-set; pages are written once, and are lost from sight when nothing in
// a record names them any more.
type Blocks struct {
	s  *Store
	ws parlance.WorkspaceID
}

// A BlockID names a block; no two are ever the same.
type BlockID [12]byte

// A BlockPage is a page of a block.
type BlockPage struct {
	Block   BlockID
	Section byte
	Number  int // from 0, below 1<<24
	Bytes   []byte
}

// Blocks returns the rows of a workspace's search index.
func (s *Store) Blocks(ws parlance.WorkspaceID) Blocks { return Blocks{s, ws} }

// Records returns all records, by key.
func (b Blocks) Records(ctx context.Context) (rows []driver.Row, err error) {
	for row, err := range b.s.engine.Scan(ctx, format.BlockRecords(b.ws), driver.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("read the records of the search index: %w", err)
		}
		rows = append(rows, driver.Row{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
	}
	return rows, nil
}

// Change makes claims on records, all or none of them. The error is a [*driver.Refused] if somebody else
// changed one.
func (b Blocks) Change(ctx context.Context, claims ...driver.Claim) (err error) {
	if err := b.s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = b.s.endWrite(ctx, err) }()
	return b.s.claim(ctx, format.BlockRecords(b.ws), claims, nil, 1)
}

// pageVersion is that of pages; what deletes them has the next one.
const pageVersion driver.Version = 1

// Put writes pages and returns when they are durable.
func (b Blocks) Put(ctx context.Context, pages []BlockPage) (err error) {
	if err := b.s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = b.s.endWrite(ctx, err) }()
	ops := make([]driver.Op, len(pages))
	for i, p := range pages {
		partition, key := format.BlockPage(b.ws, string(p.Block[:]), p.Section, p.Number)
		ops[i] = driver.Op{Partition: partition, Key: key, Value: p.Bytes}
	}
	return b.s.writeParts(ctx, splitOps(ops, b.s.bounds.BatchBytes), pageVersion)
}

// Page returns a page; nil if there is none.
func (b Blocks) Page(ctx context.Context, id BlockID, section byte, number int) ([]byte, error) {
	partition, key := format.BlockPage(b.ws, string(id[:]), section, number)
	return b.s.get(ctx, partition, key)
}

// Drop deletes the pages of a section of a block below number pages. Those that aren't there do no harm.
func (b Blocks) Drop(ctx context.Context, id BlockID, section byte, pages int) (err error) {
	if err := b.s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = b.s.endWrite(ctx, err) }()
	for first := 0; first < pages; first += format.BlockPartPages {
		partition, _ := format.BlockPage(b.ws, string(id[:]), section, first)
		var ops []driver.Op
		for row, err := range b.s.engine.Scan(ctx, partition, driver.Range{}) {
			if err != nil {
				return err
			}
			ops = append(ops, driver.Op{Partition: partition, Key: bytes.Clone(row.Key), Delete: true})
		}
		if len(ops) == 0 {
			continue
		}
		if err := b.s.writeParts(ctx, splitOps(ops, b.s.bounds.BatchBytes), pageVersion+1); err != nil {
			return err
		}
	}
	return nil
}

// Entries reads entries of a conversation by their numbers, and says of each whether it is what its message is now. One that
// doesn't stand is [parlance.Corrupt].
func (s *Store) Entries(ctx context.Context, ref parlance.Ref, numbers []uint64) (es []Entry, current []bool, err error) {
	if es, err = s.entries(ctx, ref, numbers); err != nil {
		return nil, nil, err
	}
	ids := make([]parlance.MessageID, len(es))
	for i := range es {
		ids[i] = es[i].Message.ID
	}
	slices.Sort(ids)
	rows, err := s.indexRows(ctx, ref, slices.Compact(ids))
	if err != nil {
		return nil, nil, err
	}
	current = make([]bool, len(es))
	for i := range es {
		current[i] = rows[es[i].Message.ID].Number == es[i].Number
	}
	return es, current, nil
}
