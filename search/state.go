package search

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parlance"
	"parlance/search/internal/block"
	"parlance/search/internal/fold"
	"parlance/store"
	"parlance/store/driver"
)

// A position is how far the change feed is in blocks: all changes below (At, First, Conversation), and of that one the
// entries below Next.
type position struct {
	At           parlance.Time           `json:"at"`
	First        uint64                  `json:"first"`
	Conversation parlance.ConversationID `json:"conversation"`
	Next         uint64                  `json:"next"`
}

// compare says where a change stands: before, at or after the one that p is in.
func (p position) compare(c *store.Change) int {
	return cmp.Or(cmp.Compare(c.At, p.At), cmp.Compare(c.First, p.First), strings.Compare(string(c.Conversation), string(p.Conversation)))
}

// before reports whether less is in blocks at p than at q.
func (p *position) before(q *position) bool {
	return cmp.Or(cmp.Compare(p.At, q.At), cmp.Compare(p.First, q.First), strings.Compare(string(p.Conversation), string(q.Conversation)), cmp.Compare(p.Next, q.Next)) < 0
}

// left returns the entries of a change that aren't below p.
func (p position) left(c *store.Change) (first uint64, count int) {
	switch d := p.compare(c); {
	case d < 0:
		return 0, 0
	case d == 0:
		done := int(max(p.Next, c.First) - c.First)
		return c.First + uint64(done), max(c.Count-done, 0)
	}
	return c.First, c.Count
}

// blockState says what a block is good for.
type blockState string

const (
	building blockState = "building" // its pages are being written, by By
	ready    blockState = "ready"
	dropped  blockState = "dropped" // nobody who begins to read reads it any more; its pages go
)

// A record is the record of a block.
type record struct {
	State     blockState    `json:"state"`
	Since     parlance.Time `json:"since"` // when it got into this state
	By        string        `json:"by,omitempty"`
	Documents int           `json:"documents,omitempty"`
	Low       parlance.Time `json:"low,omitempty"`
	High      parlance.Time `json:"high,omitempty"`
	Pages     []int         `json:"pages,omitempty"` // by block.Sections
	Bytes     int64         `json:"bytes,omitempty"`
	Sum       string        `json:"sum,omitempty"`  // hexadecimal
	Fold      string        `json:"fold,omitempty"` // fold.Version of who made it

	id  store.BlockID
	row []byte // as it stands
}

func (r *record) descriptor() block.Descriptor {
	d := block.Descriptor{Documents: r.Documents, Low: r.Low, High: r.High, Bytes: r.Bytes}
	copy(d.Pages[:], r.Pages)
	sum, _ := hex.DecodeString(r.Sum)
	copy(d.Sum[:], sum)
	return d
}

// describe is r, ready, of what was built.
func (r *record) describe(d *block.Descriptor, now parlance.Time) record {
	return record{
		State: ready, Since: now, Documents: d.Documents, Low: d.Low, High: d.High,
		Pages: d.Pages[:], Bytes: d.Bytes, Sum: hex.EncodeToString(d.Sum[:]), Fold: fold.Version, id: r.id,
	}
}

// The keys of records: the position; a block, with its id behind; who builds.
const (
	positionKey = "u"
	blockKey    = "b"
	leaseKey    = "l"
)

func (r *record) key() []byte { return append([]byte(blockKey), r.id[:]...) }

// A state is what the records say.
type state struct {
	until    position
	position []byte // its row; nil if there is none
	lease    []byte
	records  []record
	blocks   []*readBlock
	erased   map[EntryName]struct{}
	damaged  error // of a record that can't be read; nil: all can
}

// useless says why the blocks can't be read and all is to be built again; empty if they can.
func (s *state) useless() string {
	switch {
	case s.damaged != nil:
		return s.damaged.Error()
	case slices.ContainsFunc(s.records, func(r record) bool { return r.State == ready && r.Fold != fold.Version }):
		return "its texts were folded by other rules"
	}
	return ""
}

// A readBlock is a block that can be read.
type readBlock struct {
	*block.Block
	record *record
}

// sortBlocks orders blocks by High, descending.
func sortBlocks(bs []*readBlock) {
	slices.SortFunc(bs, func(a, b *readBlock) int { return cmp.Compare(b.High, a.High) })
}

// readState reads the records. What can't be read of them is no error: the index is built again then.
func readState(rows []driver.Row) *state {
	s := &state{}
	for _, row := range rows {
		switch key := string(row.Key); {
		case key == positionKey:
			s.position = row.Value
			if err := json.Unmarshal(row.Value, &s.until); err != nil {
				s.damaged = fmt.Errorf("its position can't be read: %w", err)
			}
		case key == leaseKey:
			s.lease = row.Value
		case strings.HasPrefix(key, blockKey) && len(key) == len(blockKey)+len(store.BlockID{}):
			r := record{row: row.Value}
			if err := json.Unmarshal(row.Value, &r); err != nil {
				s.damaged = fmt.Errorf("the record of block %x can't be read: %w", key[1:], err)
				r = record{State: building, row: row.Value} // nobody's, so that its pages are dropped
			}
			copy(r.id[:], key[1:])
			s.records = append(s.records, r)
		case strings.HasPrefix(key, erasedKey):
			if n, ok := erasedOf(row.Key); ok {
				if s.erased == nil {
					s.erased = map[EntryName]struct{}{}
				}
				s.erased[n] = struct{}{}
			}
		}
	}
	return s
}

// encode writes a record's row. All of it can be written.
func encode(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
