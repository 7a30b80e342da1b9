package store

import (
	"context"
	"slices"
	"sync"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// The registry of a workspace is a log of its conversations: numbered, with running
// counts by kind, so that they can be counted and walked.
type registry struct {
	mu   sync.Mutex
	last *format.Registered // nil until read
}

func (s *Store) registry(ws parlance.WorkspaceID) *registry {
	r, _ := s.registries.LoadOrStore(ws, &registry{})
	return r.(*registry)
}

func registeredPartition(ws parlance.WorkspaceID, id parlance.ConversationID) driver.Partition {
	return format.Derived("g", string(ws), string(id))
}

// unregistered adds c to fresh if no list has it: it is new, or whoever made it stopped half-way.
func (s *Store) unregistered(ctx context.Context, ws parlance.WorkspaceID, c *Created, fresh *[]Created) error {
	if !c.New {
		row, err := s.get(ctx, registeredPartition(ws, c.Conversation.ID), nil)
		if err != nil || row != nil {
			return err
		}
	}
	*fresh = append(*fresh, *c)
	return nil
}

// register adds conversations to the registry and the lists, but for those that are there by now. Others who make
// conversations in the workspace wait for a group of these at most.
func (s *Store) register(ctx context.Context, ws parlance.WorkspaceID, cs []Created) error {
	r := s.registry(ws)
	for group := range slices.Chunk(cs, s.groupEntries()) {
		if err := s.registerGroup(ctx, r, ws, group); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) registerGroup(ctx context.Context, r *registry, ws parlance.WorkspaceID, cs []Created) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for try := 0; len(cs) > 0; try++ {
		if r.last == nil || !s.bounds.Exclusive {
			last, err := s.completeRegistry(ctx, ws)
			if err != nil {
				return err
			}
			r.last = &last
		}
		// Another goroutine may have met them half-made and put them there, another process at any time.
		if try == 0 || !s.bounds.Exclusive {
			if cs, err = s.missing(ctx, ws, cs); err != nil || len(cs) == 0 {
				return err
			}
		}
		next, first := *r.last, r.last.Number+1
		var claims []driver.Claim
		var ops []driver.Op
		n := 0
		for ; n < len(cs) && next.Number < s.layout.SegmentEnd(first) && (n < s.groupEntries()); n++ {
			c := &cs[n].Conversation
			next.Number++
			next.ID = c.ID
			next.Counts[format.IndexOf(format.Kinds[:], c.Kind)]++
			claims = append(claims, driver.Claim{Key: s.layout.LogKey(next.Number), Value: format.EncodeRegistered(&next)})
			at, err := s.standsAt(ctx, ws, &cs[n])
			if err != nil {
				return err
			}
			ops = append(ops, registryOps(ws, c, next.Number, at)...)
		}
		err := s.claimParts(ctx, s.layout.RegistryPartition(ws, first), claims, ops, 1)
		if err == nil {
			err = s.writeRegistryHead(ctx, ws, next.Number)
		}
		switch {
		case err == nil:
			r.last = &next
			cs = cs[n:]
			try = 0
		case driver.AsRefused(err) != nil:
			r.last = nil
			wait(try)
		default:
			r.last = nil
			return err
		}
	}
	return nil
}

// standsAt is where the lists show a conversation that comes into the registry. If its maker stopped half-way, it
// may have messages by then; where rows have versions, theirs win.
func (s *Store) standsAt(ctx context.Context, ws parlance.WorkspaceID, c *Created) (parlance.Time, error) {
	if c.New || !s.bounds.OneStep {
		return c.Conversation.Created, nil
	}
	t, err := s.head(ctx, parlance.Ref{Workspace: ws, Conversation: c.Conversation.ID})
	if err != nil {
		return 0, err
	}
	return listedAt(t, &c.Conversation), nil
}

// registryOps are the rows that are derived from a conversation's place in the registry. at is where lists show it.
func registryOps(ws parlance.WorkspaceID, c *parlance.Conversation, number uint64, at parlance.Time) []driver.Op {
	ops := []driver.Op{{Partition: registeredPartition(ws, c.ID), Value: format.AppendVarint(nil, number)}}
	ops = append(ops, listOps(ws, List{Kind: c.Kind}, c, at)...)
	if c.OrderID != "" {
		ops = append(ops, driver.Op{Partition: format.OrderPartition(ws, c.OrderID), Value: []byte(c.ID)})
	}
	return ops
}

// completeRegistry returns the registry's end. Where a claim and its derived rows are two
// steps it first writes the derived rows of what others claimed and maybe did not complete,
// so that what isn't found by id isn't in the registry.
func (s *Store) completeRegistry(ctx context.Context, ws parlance.WorkspaceID) (last format.Registered, err error) {
	if s.bounds.OneStep {
		return s.lastRegistered(ctx, ws)
	}
	row, err := s.get(ctx, format.RegistryHead(ws), nil)
	if err != nil {
		return last, err
	}
	var done uint64
	if row != nil {
		if done, err = format.Varint(row); err != nil {
			return last, s.corrupt(err, "the registry of workspace %q", ws)
		}
	}
	var ops []driver.Op
	for r, err := range s.registered(ctx, ws, max(done, 1)) {
		if err != nil {
			return last, err
		}
		if last = r; r.Number <= done {
			continue
		}
		c, err := s.Conversation(ctx, parlance.Ref{Workspace: ws, Conversation: r.ID})
		if err != nil {
			return last, err
		}
		ops = append(ops, registryOps(ws, &c, r.Number, c.Created)...)
	}
	if last.Number <= done {
		return last, nil
	}
	if err := s.writeParts(ctx, splitOps(ops, s.bounds.BatchBytes), 1); err != nil {
		return last, err
	}
	return last, s.writeRegistryHead(ctx, ws, last.Number)
}

// writeRegistryHead says that all rows derived from the registry up to number stand.
func (s *Store) writeRegistryHead(ctx context.Context, ws parlance.WorkspaceID, number uint64) error {
	if s.bounds.OneStep {
		return nil
	}
	head := driver.Op{Partition: format.RegistryHead(ws), Value: format.AppendVarint(nil, number)}
	return s.writeParts(ctx, [][]driver.Op{{head}}, driver.Version(number))
}

// missing returns those of the conversations that aren't in the registry.
func (s *Store) missing(ctx context.Context, ws parlance.WorkspaceID, cs []Created) ([]Created, error) {
	var missing []Created
	for _, c := range cs {
		row, err := s.get(ctx, registeredPartition(ws, c.Conversation.ID), nil)
		if err != nil {
			return nil, err
		}
		if row == nil {
			missing = append(missing, c)
		}
	}
	return missing, nil
}

// lastRegistered reads the registry's end.
func (s *Store) lastRegistered(ctx context.Context, ws parlance.WorkspaceID) (last format.Registered, err error) {
	// Partitions fill one after the other: double the step until one is empty, then halve.
	has := func(segment uint64) (found bool, err error) {
		first := segment*uint64(s.layout.SegmentSize) + 1
		for row, err := range s.engine.Scan(ctx, s.layout.RegistryPartition(ws, first), driver.Range{Reverse: true, Limit: 1}) {
			if err != nil {
				return false, err
			}
			if len(row.Key) != 2 {
				return false, s.corrupt(format.ErrRecord, "the registry of workspace %q", ws)
			}
			number := first + uint64(row.Key[0])<<8 + uint64(row.Key[1])
			if number > last.Number {
				if last, err = format.DecodeRegistered(number, row.Value); err != nil {
					return false, s.corrupt(err, "the registry of workspace %q", ws)
				}
			}
			return true, nil
		}
		return false, nil
	}
	low, high := uint64(0), uint64(1)
	for found := true; found; low, high = high, high*2 {
		if found, err = has(high - 1); err != nil {
			return last, err
		}
		if !found {
			break
		}
	}
	for low < high {
		mid := (low + high) / 2
		found, err := has(mid)
		if err != nil {
			return last, err
		}
		if found {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return last, nil
}
