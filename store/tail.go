package store

import (
	"fmt"
	"slices"

	"parlance"
	"parlance/store/driver"
)

// A tail is what a conversation's next entry needs to know of all before it. A tail
// never changes: every append makes a new one, so readers may keep theirs.
//
// Its durable form is the conversation's head row. The closed ranges of its
// timelines have rows of their own and are read when a reader or writer first
// leaves the top range.
type tail struct {
	number  uint64
	chain   hash
	total   int // messages that aren't deleted
	private int // of them private

	lastCreated parlance.Time      // the highest Created there ever was
	runStart    parlance.Time      // every millisecond from here to lastCreated is or was the Created of a message
	lastStamp   parlance.Time      // the highest time given to a message or change here
	listed      parlance.Time      // the last activity that lists show
	highID      parlance.MessageID // the highest id there ever was: ids above it are new without a look

	lines [timelines]line

	doubtful bool // says nothing but that the real one has to be read
}

func (t *tail) state() State {
	return State{Number: t.number, Total: t.total, Private: t.private, Newest: t.lastCreated}
}

// A timeline names one of the orders that the store keeps per conversation. The
// first three are parlance's; deleted messages have one of their own, by Sent.
type timeline uint8

const byDeleted timeline = 3

// timelines is how many there are.
const timelines = 4

// place returns where m stands in timeline t, and whether it stands there at all.
func place(t timeline, m *parlance.Message) (key string, ok bool) {
	if (t == byDeleted) != (m.State == parlance.Deleted) {
		return "", false
	}
	if t == byDeleted {
		return positionKey(m.Position(parlance.BySent)), true
	}
	return positionKey(m.Position(parlance.Timeline(t))), true
}

// A span is one range of a timeline: the pointers from its low key up to the low
// key of the next span, all in one partition.
type span struct {
	id      uint32
	low     string // "" in the lowest span
	live    int    // pointers in it
	private int    // of them private
	written int    // puts it ever took; with dead it tells its versions apart
	dead    int    // deletes it ever took
}

// A line is a timeline's list of spans. Spans split only at the ends, above the
// highest key or below the lowest, so that pointers never move between partitions.
type line struct {
	top    span   // where nearly everything is written
	closed []span // ascending; nil while unread, although count is above 0
	count  int    // number of closed spans
	next   uint32 // id of the next span
	high   string // highest key that was ever put; "" if none
	low    string // lowest key that was ever put
}

// maxDead is how many dead pointers the top span may hold before the next higher
// key opens a new one: a reader of the newest page never wades through more.
const maxDead = 64

// find returns the index in closed of the span that holds key, or len(closed) for the top one.
func (l *line) find(key string) int {
	if l.count == 0 || key >= l.top.low {
		return l.count
	}
	i, exact := slices.BinarySearchFunc(l.closed, key, func(s span, k string) int {
		switch {
		case s.low < k:
			return -1
		case s.low > k:
			return 1
		}
		return 0
	})
	if exact {
		return i
	}
	return i - 1 // closed[0].low is "", so i is at least 1
}

// at returns the span of an index as find returns it; the closed ones must have been read.
func (l *line) at(i int) span {
	if i == l.count {
		return l.top
	}
	return l.closed[i]
}

// holding returns the span that holds key; the closed ones must have been read if it lies below the top one.
func (l *line) holding(key string) span { return l.at(l.find(key)) }

// above returns the spans that hold key and all above it, ascending.
func (l *line) above(key string) []span {
	if !l.reaches(key) {
		return []span{l.top}
	}
	return append(slices.Clone(l.closed[l.find(key):]), l.top)
}

// reaches reports whether key lies below the top span, so that the closed ones are needed.
func (l *line) reaches(key string) bool { return l.count > 0 && key < l.top.low }

// edit is a change of one line by one append: it copies what it changes.
type edit struct {
	*line
	ref    parlance.Ref
	id     timeline
	size   int // pointers per span
	copied bool
	fresh  []span // closed while the other closed ones were unread
	ops    *batch
}

// unread reports whether there are closed spans that weren't read.
func (l *line) unread() bool { return l.closed == nil && l.count > 0 }

func (e *edit) own() {
	if !e.copied {
		e.closed = slices.Clone(e.closed)
		e.copied = true
	}
}

// writeClosed puts the row of closed span i.
func (e *edit) writeClosed(i int) { e.writeSpan(e.closed[i]) }

func (e *edit) writeSpan(s span) {
	e.ops.put(headPartition(e.ref), rangeKey(e.id, s.low), encodeSpan(s))
	e.ops.ranges += e.ops.ops[len(e.ops.ops)-1].Size()
}

// split opens a new span where key asks for one.
func (e *edit) split(key string) {
	switch {
	case e.high == "":
		e.top, e.next = span{id: 0}, 1
	case key > e.high && (e.top.written >= e.size || e.top.dead >= maxDead):
		e.closeTop(key)
	case key < e.low:
		e.splitBottom()
	}
}

// closeTop opens a new top span from key on. The closed ones may stay unread.
func (e *edit) closeTop(key string) {
	if e.top.live == 0 {
		// Nothing is left in it: the new one takes its keys too.
		e.top = span{id: e.next, low: e.top.low}
		e.next++
		return
	}
	if e.unread() {
		e.fresh = append(e.fresh, e.top)
	} else {
		e.own()
		e.closed = append(e.closed, e.top)
	}
	e.count++
	e.writeSpan(e.top)
	e.top = span{id: e.next, low: key}
	e.next++
}

// splitBottom opens a new span below the lowest key, if the lowest span is full.
func (e *edit) splitBottom() {
	bottom := &e.top
	if e.count > 0 {
		bottom = &e.closed[0]
	}
	if bottom.written < e.size {
		return
	}
	e.own()
	if e.count > 0 {
		e.closed[0].low = e.low
	} else {
		e.top.low = e.low
	}
	e.closed = slices.Insert(e.closed, 0, span{id: e.next})
	e.count++
	e.next++
	e.writeClosed(0)
	if e.count > 1 {
		e.writeClosed(1)
	}
}

// put makes key point to entry number.
func (e *edit) put(key string, number uint64, private, replaces, wasPrivate bool) {
	if !replaces {
		e.split(key)
	}
	i := e.find(key)
	s := &e.top
	if i < e.count {
		e.own()
		s = &e.closed[i]
	}
	s.written++
	if !replaces {
		s.live++
	} else if wasPrivate {
		s.private--
	}
	if private {
		s.private++
	}
	if i < e.count {
		e.writeClosed(i)
	}
	if e.high == "" || key < e.low {
		e.low = key
	}
	e.high = max(e.high, key)
	e.ops.put(timelinePartition(e.ref, e.id, s.id), []byte(key), pointer{number, private}.encode())
}

// remove takes key's pointer away.
func (e *edit) remove(key string, private bool) {
	i := e.find(key)
	s := &e.top
	if i < e.count {
		e.own()
		s = &e.closed[i]
	}
	s.live--
	s.dead++
	if private {
		s.private--
	}
	e.ops.delete(timelinePartition(e.ref, e.id, s.id), []byte(key))
	switch {
	case i == e.count:
	case s.live == 0 && i > 0:
		// Nothing is left in it, so readers need not look: the span below covers its keys now.
		e.ops.delete(headPartition(e.ref), rangeKey(e.id, s.low))
		e.closed = slices.Delete(e.closed, i, i+1)
		e.count--
	default:
		e.writeClosed(i)
	}
}

// A pointer is the value of a timeline row.
type pointer struct {
	number  uint64
	private bool
}

func (p pointer) encode() []byte {
	n := p.number << 1
	if p.private {
		n |= 1
	}
	return appendVarint(nil, n)
}

func decodePointer(b []byte) (pointer, error) {
	n, err := varint(b)
	return pointer{number: n >> 1, private: n&1 != 0}, err
}

func encodeSpan(s span) []byte {
	b := appendUint(nil, 1, uint64(s.id)+1)
	b = appendString(b, 2, s.low)
	b = appendUint(b, 3, uint64(s.live))
	b = appendUint(b, 4, uint64(s.private))
	b = appendUint(b, 5, uint64(s.written))
	return appendUint(b, 6, uint64(s.dead))
}

func decodeSpan(b []byte) (s span, err error) {
	err = eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			s.id = uint32(f.Uint - 1)
		case 2:
			s.low = f.String()
		case 3:
			s.live, err = f.Count()
		case 4:
			s.private, err = f.Count()
		case 5:
			s.written, err = f.Count()
		case 6:
			s.dead, err = f.Count()
		}
		return err
	})
	if err == nil && s.private > s.live {
		err = errRecord
	}
	return s, err
}

// encode returns the head row.
func (t *tail) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendUint(b, 1, t.number)
	b = appendBytes(b, 2, t.chain[:])
	b = appendUint(b, 3, uint64(t.total))
	b = appendUint(b, 4, uint64(t.private))
	b = appendInt(b, 5, int64(t.lastCreated))
	b = appendInt(b, 6, int64(t.runStart))
	b = appendInt(b, 7, int64(t.lastStamp))
	b = appendInt(b, 8, int64(t.listed))
	b = appendString(b, 10, t.highID)
	for i := range t.lines {
		l := &t.lines[i]
		n := appendNested(nil, 1, encodeSpan(l.top))
		n = appendUint(n, 2, uint64(l.count))
		n = appendUint(n, 3, uint64(l.next))
		n = appendString(n, 4, l.high)
		n = appendString(n, 5, l.low)
		b = appendNested(b, 9, n)
	}
	return b
}

func decodeTail(b []byte) (*tail, error) {
	t := &tail{}
	i := 0
	err := eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			t.number = f.Uint
		case 2:
			copy(t.chain[:], f.Bytes)
		case 3:
			t.total, err = f.Count()
		case 4:
			t.private, err = f.Count()
		case 5:
			t.lastCreated = f.Time()
		case 6:
			t.runStart = f.Time()
		case 7:
			t.lastStamp = f.Time()
		case 8:
			t.listed = f.Time()
		case 10:
			t.highID = parlance.MessageID(f.Bytes)
		case 9:
			if i == timelines {
				return errRecord
			}
			i++
			err = decodeLine(&t.lines[i-1], f.Bytes)
		}
		return err
	})
	if err == nil && (i != timelines || t.number == 0 || uint64(t.total) > t.number || t.private > t.total) {
		err = errRecord
	}
	if err != nil {
		return nil, fmt.Errorf("read head row: %w", err)
	}
	return t, nil
}

func decodeLine(l *line, b []byte) error {
	return eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			l.top, err = decodeSpan(f.Bytes)
		case 2:
			l.count, err = f.Count()
		case 3:
			l.next = uint32(f.Uint)
		case 4:
			l.high = f.String()
		case 5:
			l.low = f.String()
		}
		return err
	})
}

// A batch collects derived ops. The last op on a row is the one that counts.
type batch struct {
	ops     []driver.Op
	last    []driver.Op // for when all of ops stand
	deletes bool
	ranges  int // bytes of rows of ranges
}

func (b *batch) put(p driver.Partition, key, value []byte) {
	b.ops = append(b.ops, driver.Op{Partition: p, Key: key, Value: value})
}

func (b *batch) delete(p driver.Partition, key []byte) {
	b.ops = append(b.ops, driver.Op{Partition: p, Key: key, Delete: true})
	b.deletes = true
}

// settled returns the ops with one op a row, because an engine that orders by
// version can't tell the order inside a batch. Deletes come last, so that who reads
// a part of a split batch finds a row too many, never one too few.
func (b *batch) settled() []driver.Op {
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
