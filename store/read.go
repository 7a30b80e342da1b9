package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// State is what is known of a conversation's messages without reading any.
type State struct {
	Number  uint64 // of the last log entry; it changes with every write
	Total   int    // messages that aren't deleted, private ones included
	Private int    // of them private; see [parlance.Message.Private]

	// Newest is the highest Created of any message, one that was deleted since
	// included; 0 if there is none. A bound above it bounds nothing.
	Newest parlance.Time
}

// Glance returns the conversation's state if it can be told without asking the engine.
func (s *Store) Glance(ref parlance.Ref) (State, bool) {
	if !s.bounds.Exclusive {
		return State{}, false
	}
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	if t := c.head(); t != nil {
		return stateOf(t), true
	}
	return State{}, false
}

// State returns the conversation's state; the zero State if it has no messages, or
// doesn't exist.
func (s *Store) State(ctx context.Context, ref parlance.Ref) (State, error) {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	t, err := s.readerHead(ctx, c)
	if err != nil {
		return State{}, err
	}
	return stateOf(t), nil
}

// readerHead returns a head whose derived rows all stand.
func (s *Store) readerHead(ctx context.Context, c *conversation) (*format.Head, error) {
	have, stands := c.head(), c.cachedHead.Load()
	if have != nil && s.bounds.Exclusive {
		return have, nil
	}
	t, err := s.head(ctx, c.ref)
	if err != nil {
		return nil, err
	}
	if have != nil && have.Number == t.Number && have.Listed == t.Listed {
		return have, nil
	}
	// Lost races don't matter: both heads are right, and one is newer. A writer
	// that is at work replaces it, and its claim fails if it built on an older one.
	c.cachedHead.CompareAndSwap(stands, t)
	return t, nil
}

// head reads a conversation's head row; a head of nothing if there is none.
func (s *Store) head(ctx context.Context, ref parlance.Ref) (*format.Head, error) {
	row, err := s.get(ctx, format.HeadPartition(ref), nil)
	if err != nil {
		return nil, fmt.Errorf("read the head of %s: %w", ref, err)
	}
	if row == nil {
		return &format.Head{}, nil
	}
	t, err := format.DecodeHead(row)
	if err != nil {
		return nil, s.corrupt(err, "the head of conversation %s", ref)
	}
	return t, nil
}

// Log returns the entries of a conversation's log from number from on, ascending.
func (s *Store) Log(ctx context.Context, ref parlance.Ref, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		number := max(from, 1)
		st, err := s.State(ctx, ref)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for e, err := range s.log1(ctx, ref, number) {
			if !yield(e, err) || err != nil {
				return
			}
			number++
		}
		if number <= st.Number {
			yield(Entry{}, parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, number))
		}
	}
}

func (s *Store) log1(ctx context.Context, ref parlance.Ref, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for number := from; ; {
			end := s.layout.SegmentEnd(number)
			for row, err := range s.engine.Scan(ctx, s.layout.LogPartition(ref, number), driver.Range{From: s.layout.LogKey(number)}) {
				var e Entry
				if err == nil {
					e, err = s.entryOfRow(ref, number, row)
				}
				if !yield(e, err) || err != nil {
					return
				}
				number++
			}
			if number <= end {
				return // the log ends inside this partition
			}
		}
	}
}

func (s *Store) entryOfRow(ref parlance.Ref, number uint64, row driver.Row) (Entry, error) {
	if string(row.Key) != string(s.layout.LogKey(number)) {
		return Entry{}, parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, number)
	}
	e, _, err := format.DecodeEntry(number, slices.Clone(row.Value))
	if err != nil {
		return Entry{}, parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s is damaged", ref)
	}
	return e, nil
}

// entries returns the log entries of these numbers, in this order. Each must stand.
func (s *Store) entries(ctx context.Context, ref parlance.Ref, numbers []uint64) ([]Entry, error) {
	es := make([]Entry, len(numbers))
	if err := s.entriesInto(ctx, ref, numbers, es); err != nil {
		return nil, err
	}
	return es, nil
}

// entriesInto is entries into es, which has as many.
func (s *Store) entriesInto(ctx context.Context, ref parlance.Ref, numbers []uint64, es []Entry) error {
	var order []int // of those to be read
	if s.remembered != nil {
		order = s.kept(ref, numbers, es)
	} else {
		order = make([]int, len(numbers))
		for i := range order {
			order[i] = i
		}
	}
	// Neighbours in a timeline are nearly always neighbours in the log, and an
	// engine reads ascending keys of one partition best.
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(numbers[a], numbers[b]) })
	var g errgroup.Group
	g.SetLimit(maxReads)
	for len(order) > 0 {
		end := s.layout.SegmentEnd(numbers[order[0]])
		n := 1
		for n < len(order) && numbers[order[n]] <= end {
			n++
		}
		some := order[:n]
		order = order[n:]
		if s.bounds.Exclusive {
			if err := s.readEntries(ctx, ref, numbers, some, es); err != nil {
				return err
			}
			continue
		}
		g.Go(func() error { return s.readEntries(ctx, ref, numbers, some, es) })
	}
	return g.Wait()
}

// entriesWithin is entries, ended after the one with which their contents reach so many bytes; 0 is no
// bound. They are put into the space, unless it is nil.
func (s *Store) entriesWithin(ctx context.Context, ref parlance.Ref, numbers []uint64, bytes int, space *Space) ([]Entry, error) {
	es := space.room(len(numbers))
	if s.bounds.Exclusive && isStretch(numbers) {
		n, err := s.readStretch(ctx, ref, numbers, bytes, es)
		return es[:n], err
	}
	if bytes == 0 {
		return es, s.entriesInto(ctx, ref, numbers, es)
	}
	for begin := 0; begin < len(numbers); {
		end := min(begin+s.readAtOnce(), len(numbers))
		if err := s.entriesInto(ctx, ref, numbers[begin:end], es[begin:end]); err != nil {
			return nil, err
		}
		for ; begin < end; begin++ {
			if bytes -= es[begin].Size(); bytes <= 0 {
				return es[:begin+1], nil
			}
		}
	}
	return es, nil
}

// readAtOnce is how many entries are read before it is seen how large they are: more where each reading waits for an engine
// that is far away.
func (s *Store) readAtOnce() int {
	if s.bounds.Exclusive {
		return 32
	}
	return 128
}

// maxReads is how many partitions are read at once for one page.
const maxReads = 16

// readEntries reads those of the entries that order names, which lie in one partition.
func (s *Store) readEntries(ctx context.Context, ref parlance.Ref, numbers []uint64, order []int, es []Entry) error {
	keys := make([][]byte, len(order))
	buf := make([]byte, 0, 2*len(order))
	for i, at := range order {
		buf = binary.BigEndian.AppendUint16(buf, uint16((numbers[at]-1)%uint64(s.layout.SegmentSize)))
		keys[i] = buf[len(buf)-2:]
	}
	values, err := s.engine.Get(ctx, s.layout.LogPartition(ref, numbers[order[0]]), keys)
	if err != nil {
		return fmt.Errorf("read entries of %s: %w", ref, err)
	}
	for i, v := range values {
		at := order[i]
		if v == nil {
			return parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, numbers[at])
		}
		if _, err = es[at].Decode(numbers[at], v); err != nil {
			return parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s is damaged", ref)
		}
		if s.remembered != nil {
			s.remembered.Set(entryName{ref, numbers[at]}, es[at])
		}
	}
	return nil
}

// currentEntries returns the current versions of those of the messages that exist,
// deleted ones included. ids must be sorted, and each be there once.
func (s *Store) currentEntries(ctx context.Context, ref parlance.Ref, ids []parlance.MessageID) (map[parlance.MessageID]*Entry, error) {
	rows, err := s.indexRows(ctx, ref, ids)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	var of []parlance.MessageID
	for _, id := range ids {
		if r, ok := rows[id]; ok {
			numbers, of = append(numbers, r.Number), append(of, id)
		}
	}
	es, err := s.entries(ctx, ref, numbers)
	if err != nil {
		return nil, err
	}
	found := make(map[parlance.MessageID]*Entry, len(es))
	for i := range es {
		if es[i].Message.ID != of[i] {
			return nil, s.corrupt(format.ErrRecord, "the index of conversation %s", ref)
		}
		found[of[i]] = &es[i]
	}
	return found, nil
}

// Message returns a message's current version, [parlance.NotFound] if there is none or it is deleted.
func (s *Store) Message(ctx context.Context, ref parlance.Ref, id parlance.MessageID) (Entry, error) {
	es, err := s.currentEntries(ctx, ref, []parlance.MessageID{id})
	if err != nil {
		return Entry{}, err
	}
	e := es[id]
	if e == nil || e.Message.State == parlance.Deleted {
		return Entry{}, parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	}
	return *e, nil
}

// Versions returns all versions of a message, the newest first; [parlance.NotFound] if it never existed.
func (s *Store) Versions(ctx context.Context, ref parlance.Ref, id parlance.MessageID) ([]Entry, error) {
	es, err := s.currentEntries(ctx, ref, []parlance.MessageID{id})
	if err != nil {
		return nil, err
	}
	if es[id] == nil {
		return nil, parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	}
	versions := []Entry{*es[id]}
	for versions[len(versions)-1].Previous != 0 {
		before, err := s.entries(ctx, ref, []uint64{versions[len(versions)-1].Previous})
		if err != nil {
			return nil, err
		}
		versions = append(versions, before[0])
	}
	return versions, nil
}

// ConversationOfMessage returns the conversation that holds the message, the first by
// id if several do; [parlance.NotFound] if none.
func (s *Store) ConversationOfMessage(ctx context.Context, ws parlance.WorkspaceID, id parlance.MessageID) (parlance.ConversationID, error) {
	if err := parlance.CheckID("message id", id); err != nil {
		return "", err
	}
	r := driver.Range{From: format.IDKey(id, ""), To: []byte(string(id) + "\x01"), Limit: 1}
	for row, err := range s.engine.Scan(ctx, s.layout.IDPartition(ws, id), r) {
		if err != nil {
			return "", fmt.Errorf("look up a message: %w", err)
		}
		return parlance.ConversationID(row.Key[len(id)+1:]), nil
	}
	return "", parlance.Errorf(parlance.NotFound, "there is no message %q", id)
}

// readRanges reads the closed ranges of a timeline as of a head; errMoved if they have moved on.
func (s *Store) readRanges(ctx context.Context, ref parlance.Ref, t format.TimelineID, as *format.Head) ([]format.Range, error) {
	count := as.Timelines[t].Count
	closed := make([]format.Range, 0, min(count, 1024))
	r := driver.Range{From: format.RangeKey(t, ""), To: format.RangeKey(t+1, "")}
	for row, err := range s.engine.Scan(ctx, format.HeadPartition(ref), r) {
		if err != nil {
			return nil, fmt.Errorf("read the ranges of %s: %w", ref, err)
		}
		sp, err := format.DecodeRange(row.Value)
		if err != nil || sp.Low != string(row.Key[1:]) {
			return nil, s.corrupt(cmp.Or(err, format.ErrRecord), "a range of conversation %s", ref)
		}
		closed = append(closed, sp)
	}
	if len(closed) != count || count > 0 && closed[0].Low != "" {
		return nil, errMoved
	}
	if !s.bounds.Exclusive {
		// As many may still be others.
		head, err := s.head(ctx, ref)
		if err != nil {
			return nil, err
		}
		if head.Number != as.Number {
			return nil, errMoved
		}
	}
	return closed, nil
}

// contradicts is for derived rows that don't fit together although nobody is writing.
func (s *Store) contradicts(ref parlance.Ref) error {
	return parlance.Errorf(parlance.Corrupt, "the timelines of conversation %s contradict its head", ref)
}

// stateOf returns what t says of its conversation.
func stateOf(t *format.Head) State {
	return State{Number: t.Number, Total: t.Total, Private: t.Private, Newest: t.LastCreated}
}
