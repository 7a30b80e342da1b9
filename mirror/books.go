package mirror

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/internal/jsonrecord"
)

// The ledgers of an upstream lie in shards of equal size, so that no partition grows with the
// upstream; items that were set aside lie beside them.
const shards = 16

func ledgers(n Name, shard int) string { return fmt.Sprintf("mirror/%s/%x", n, shard) }

func asides(n Name) string { return "mirror/" + string(n) + "/aside" }

// collections returns the names of all collections of an upstream's own.
func collections(n Name) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range shards {
			if !yield(ledgers(n, i)) {
				return
			}
		}
		yield(asides(n))
	}
}

// ledgerOf returns the collection that a stream's ledger is in.
func ledgerOf(n Name, id history.StreamID) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return ledgers(n, int(h.Sum32()%shards))
}

// A page of the books: a ledger with the bytes that stand in the store, which a later one replaces.
type book struct {
	Ledger
	raw []byte
}

// open returns the book of a stream, an empty one if there is none.
func (m *Mirror) open(ctx context.Context, n Name, id history.StreamID) (*book, error) {
	l, raw, err := jsonrecord.Read[Ledger](ctx, m.store, ledgerOf(n, id), string(id))
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %s: %w", id, err)
	}
	l.Stream = id
	return &book{l, raw}, nil
}

// save stores b if it changed. Conflict says that another process writes it.
func (m *Mirror) save(ctx context.Context, n Name, b *book) error {
	raw, err := b.encode()
	if err != nil || string(raw) == string(b.raw) {
		return err
	}
	if err := m.store.SwapRecord(ctx, ledgerOf(n, b.Stream), string(b.Stream), b.raw, raw); err != nil {
		return fmt.Errorf("write the ledger of %s: %w", b.Stream, err)
	}
	b.raw = raw
	return nil
}

// changed reports whether b differs from what stands in the store.
func (b *book) changed() bool {
	raw, err := b.encode()
	return err != nil || string(raw) != string(b.raw)
}

// Ledgers returns what is known of all streams of an upstream, in no particular order.
func (m *Mirror) Ledgers(ctx context.Context, n Name) iter.Seq2[Ledger, error] {
	return func(yield func(Ledger, error) bool) {
		for i := range shards {
			for r, err := range m.store.Records(ctx, ledgers(n, i)) {
				var l Ledger
				if err == nil {
					l, err = jsonrecord.Decode[Ledger](ledgers(n, i), r.Value)
				}
				if err != nil {
					err = fmt.Errorf("list the ledgers of %s: %w", n, err)
				}
				if !yield(l, err) || err != nil {
					return
				}
			}
		}
	}
}

// acknowledgeable returns the gaps that reading can't fill: of a stream that the platform doesn't have any more, all that is missing.
func (l *Ledger) acknowledgeable() []Gap {
	if l.Gone != 0 {
		return append(l.Holes(), l.Gaps...)
	}
	return l.Gaps
}

// Acknowledge says that a gap may stay as it is: it doesn't keep its stream from being complete any more. NotFound if
// there is none of this id.
func (m *Mirror) Acknowledge(ctx context.Context, n Name, gap string) error {
	for l, err := range m.Ledgers(ctx, n) {
		if err != nil {
			return err
		}
		for _, g := range l.acknowledgeable() {
			if g.ID != gap {
				continue
			}
			b, err := m.open(ctx, n, l.Stream)
			if err != nil {
				return err
			}
			b.gap(g)
			for j := range b.Gaps {
				if b.Gaps[j].ID == gap {
					b.Gaps[j].Acknowledged = m.o.Now()
				}
			}
			return m.save(ctx, n, b)
		}
	}
	found := false
	err := m.update(ctx, n, func(c *Config) {
		c.Unreadable = slices.Clone(c.Unreadable)
		for i := range c.Unreadable {
			if c.Unreadable[i].ID == gap {
				c.Unreadable[i].Acknowledged, found = m.o.Now(), true
			}
		}
	})
	if err != nil || found {
		return err
	}
	return parlance.Errorf(parlance.NotFound, "there is no gap %q in %s; only gaps that reading can't fill can be acknowledged", gap, n)
}
