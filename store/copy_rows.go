package store

import (
	"bytes"
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// claimBytes is how large claims may be that are made at once.
func (s *Store) claimBytes() int {
	if s.bounds.BatchBytes > 0 {
		return s.bounds.BatchBytes / 2
	}
	return 1 << 20
}

// claimGroups cuts claims of one partition into what is claimed at once.
func (s *Store) claimGroups(claims []driver.Claim, do func([]driver.Claim) error) error {
	for start, size := 0, 0; start < len(claims); {
		end := start
		for size = 0; end < len(claims) && end-start < s.groupEntries() && (end == start || size < s.claimBytes()); end++ {
			size += len(claims[end].Key) + len(claims[end].Value)
		}
		if err := do(claims[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// claimed makes claims in the target that were found necessary.
func (c *copier) claimed(ctx context.Context, claims []driver.Claim, claim func([]driver.Claim) error) error {
	return c.dst.claimGroups(claims, func(some []driver.Claim) error {
		err := c.write(ctx, func() error { return claim(some) })
		if driver.AsRefused(err) != nil {
			return parlance.Errorf(parlance.Conflict, "somebody else is writing to the target")
		}
		if err == nil {
			c.count(func(r *CopyReport) { r.Rows += len(some) })
		}
		return err
	})
}

// equal makes a partition that both stores have the same in the target.
func (c *copier) equal(ctx context.Context, p driver.Partition, owns func(Record) (bool, error), claim func([]driver.Claim) error) error {
	var claims []driver.Claim
	for one, err := range mergeJoin(ctx, c.src, c.dst, p, owns) {
		if err != nil {
			return err
		}
		if bytes.Equal(one.here, one.there) {
			continue
		}
		claims = append(claims, driver.Claim{Key: bytes.Clone(one.key), Old: bytes.Clone(one.there), Value: bytes.Clone(one.here)})
		if len(claims) == rowsAtOnce {
			if err := c.claimed(ctx, claims, claim); err != nil {
				return err
			}
			claims = nil
		}
	}
	return c.claimed(ctx, claims, claim)
}

// family makes a family's rows of the source stand in the target. None of them is ever deleted, so
// there are none to be taken away.
func (c *copier) family(ctx context.Context, f bucketedRows) error {
	return c.src.each(ctx, f, func(ctx context.Context, rows []driver.Row) error { return c.put(ctx, f, rows) })
}

func keysOf(rows []driver.Row) [][]byte {
	keys := make([][]byte, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	return keys
}

// put makes rows of the source stand in the target.
func (c *copier) put(ctx context.Context, f bucketedRows, rows []driver.Row) error {
	old, err := c.dst.getMany(ctx, f, keysOf(rows), c.o.Parallel)
	if err != nil {
		return err
	}
	claims := map[driver.Partition][]driver.Claim{}
	for i, r := range rows {
		if !bytes.Equal(r.Value, old[i]) {
			p := f.in(c.dst.layout, r.Key)
			claims[p] = append(claims[p], driver.Claim{Key: r.Key, Old: old[i], Value: r.Value})
		}
	}
	return c.claimIn(ctx, f, claims)
}

func (c *copier) claimIn(ctx context.Context, f bucketedRows, claims map[driver.Partition][]driver.Claim) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for p, cs := range claims {
		g.Go(func() error {
			err := c.claimed(ctx, cs, func(some []driver.Claim) error { return c.dst.claim(ctx, p, some, nil, 1) })
			for i := range cs {
				c.dst.changed(f.ws, f.names(cs[i].Key)...)
			}
			return err
		})
	}
	return g.Wait()
}

// members makes a conversation's members the same in the target, and lists it for new ones.
func (c *copier) members(ctx context.Context, ref parlance.Ref) error {
	p := format.MemberPartition(ref)
	return c.equal(ctx, p, nil, func(claims []driver.Claim) error {
		about, err := c.dst.Conversation(ctx, ref)
		if err != nil {
			return err
		}
		d := c.dst.conversations.acquire(ref)
		defer c.dst.conversations.release(d)
		d.write.Lock() // as AddMembers does
		defer d.write.Unlock()
		t, err := c.dst.readerHead(ctx, d)
		if err != nil {
			return err
		}
		return c.dst.join(ctx, &about, t, ref, claims)
	})
}

// hidden makes what is hidden in a conversation the same in the target.
func (c *copier) hidden(ctx context.Context, ref parlance.Ref) error {
	p := format.HiddenPartition(ref)
	return c.equal(ctx, p, nil, func(claims []driver.Claim) error {
		err := c.dst.claim(ctx, p, claims, nil, 1)
		for _, claim := range claims {
			who, _, _ := strings.Cut(string(claim.Key), "\x00")
			c.dst.changed(ref.Workspace, hiddenName(ref, parlance.AccountID(who)))
		}
		return err
	})
}
