package store_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"parlance"
	"parlance/store"
)

// The model of a conversation is its log as a plain slice; everything that a store
// answers can be said of it by looking at all entries.
type model struct {
	about parlance.Conversation
	log   []store.Entry
	modes []store.Mode // in which each entry was put; Send for changes

	highest parlance.Time // of all Created there ever were
	updated parlance.Time // of all Updated that there ever were in the timeline
	given   parlance.Time // the highest Created given by Send
	born    map[parlance.Time]bool
}

// day is how far ahead of our clock a source may date a message and still be believed.
const day = 24 * 60 * 60 * 1000

// add takes an entry of the store's log that follows on the model's.
func (m *model) add(e store.Entry, mode store.Mode) {
	m.log = append(m.log, e)
	m.modes = append(m.modes, mode)
	if m.born == nil {
		m.born = map[parlance.Time]bool{}
		m.highest, m.updated = e.Message.Created, parlance.MinTime
	}
	if e.Message.State != parlance.Deleted {
		m.updated = max(m.updated, e.Message.Updated)
	}
	m.born[e.Message.Created] = true
	m.highest = max(m.highest, e.Message.Created)
	if mode == store.Send && e.Previous == 0 {
		m.given = max(m.given, e.Message.Created)
	}
}

// versions returns a message's versions, the newest first.
func (m *model) versions(id parlance.MessageID) (es []store.Entry) {
	for _, e := range slices.Backward(m.log) {
		if e.Message.ID == id {
			es = append(es, e)
		}
	}
	return es
}

// current returns a message's current version, nil if there never was one.
func (m *model) current(id parlance.MessageID) *store.Entry {
	for i := len(m.log) - 1; i >= 0; i-- {
		if m.log[i].Message.ID == id {
			return &m.log[i]
		}
	}
	return nil
}

// latest returns the current version of every message, deleted or not.
func (m *model) latest(deleted bool) []store.Entry {
	seen := map[parlance.MessageID]bool{}
	var es []store.Entry
	for _, e := range slices.Backward(m.log) {
		if !seen[e.Message.ID] && (e.Message.State == parlance.Deleted) == deleted {
			es = append(es, e)
		}
		seen[e.Message.ID] = true
	}
	return es
}

// timeline returns the messages in order.
func (m *model) timeline(t parlance.Timeline, private bool) []store.Entry {
	es := m.latest(false)
	if !private {
		es = slices.DeleteFunc(es, func(e store.Entry) bool { return e.Message.Private() })
	}
	sortEntries(es, t)
	return es
}

func (m *model) deleted() []store.Entry {
	es := m.latest(true)
	sortEntries(es, parlance.BySent)
	return es
}

func sortEntries(es []store.Entry, t parlance.Timeline) {
	slices.SortFunc(es, func(a, b store.Entry) int {
		return a.Message.Position(t).Compare(b.Message.Position(t))
	})
}

func (m *model) state() store.State {
	all := m.timeline(parlance.ByCreated, true)
	var newest parlance.Time
	for i, e := range m.log {
		if i == 0 || e.Message.Created > newest {
			newest = e.Message.Created
		}
	}
	return store.State{
		Newest:  newest,
		Number:  uint64(len(m.log)),
		Total:   len(all),
		Private: len(all) - len(m.timeline(parlance.ByCreated, false)),
	}
}

// stretch returns what a page of q over es, which ascend, holds: its entries, whether there
// are more, and how many the range has.
func stretch[E any](es []E, at func(E) parlance.Position, q store.Query) (page []E, more bool, count int) {
	for _, e := range es {
		p := at(e)
		if (q.From == nil || q.From.Compare(p) <= 0) && (q.To == nil || p.Compare(*q.To) < 0) {
			page = append(page, e)
		}
	}
	if !q.Ascending {
		slices.Reverse(page)
	}
	count = len(page)
	return page[:min(count, q.Limit)], count > q.Limit, count
}

// judged says what a message that is put is beside what is stored: known already, as the same kind of source gave
// it, or what wins over it. The second result is false if it is to be stored.
func (m *model) judged(want parlance.Message, mode store.Mode) (store.Result, bool) {
	current := m.current(want.ID)
	if current == nil {
		return 0, false
	}
	if mode == store.Send {
		return store.Same, true
	}
	var now, given, last *store.Entry // given came from elsewhere, last from where want comes from
	var nowMode, givenMode store.Mode
	for i, e := range slices.Backward(m.log) {
		if e.Message.ID != want.ID {
			continue
		}
		if now == nil {
			now, nowMode = &m.log[i], m.modes[i]
		}
		if given == nil && m.modes[i] != store.Send {
			given, givenMode = &m.log[i], m.modes[i]
		}
		if last == nil && m.modes[i] == mode {
			last = &m.log[i]
		}
	}
	if mode == store.Import {
		switch {
		case sameVersion(now.Message, want):
			return store.Same, true
		case nowMode == store.Import:
			return store.Kept, order(now.Message, want) > 0
		case given != nil && givenMode == store.Import && sameVersion(given.Message, want):
			return store.Same, true
		}
		return store.Kept, true
	}
	if last == nil {
		last = now
	}
	deletedHere := nowMode != store.Mirror && now.Message.State == parlance.Deleted
	changedHere := nowMode == store.Send && given != nil && !sameVersion(bare(given.Message), bare(now.Message))
	return store.Same, deletedHere || changedHere || sameMessage(last.Message, want)
}

// bare is a message without what may change here and isn't an edit.
func bare(m parlance.Message) parlance.Message {
	m.Reactions, m.Native.Stale, m.Seq = nil, false, 0
	return m
}

// sameVersion compares what a source says of a message.
func sameVersion(a, b parlance.Message) bool {
	a.Created, a.Updated, b.Created, b.Updated = 0, 0, 0, 0
	return sameMessage(a, b)
}

// order is the order of an import's versions. The messages of these tests differ in little.
func order(a, b parlance.Message) int {
	key := func(m parlance.Message) string {
		return fmt.Sprintf("%d %s %s %s %d %s %d", m.State, m.Sender, m.Type, m.Text, m.Sent, m.Native.JSON, m.Seq)
	}
	return cmp.Compare(key(a), key(b))
}

// byOrder is the rule of imports that the model knows.
var byOrder = store.ImportRule{Compare: func(here *store.Entry, imported *parlance.Message) int {
	if sameVersion(here.Message, *imported) {
		return 0
	}
	return cmp.Or(order(here.Message, *imported), 1)
}}

// putAs puts messages as the model expects it.
func putAs(ctx context.Context, s *store.Store, ref parlance.Ref, mode store.Mode, ms ...parlance.Message) ([]store.Outcome, error) {
	if mode == store.Import {
		return s.Import(ctx, ref, byOrder, ms...)
	}
	return s.Put(ctx, ref, mode, ms...)
}

func sameMessage(a, b parlance.Message) bool { return reflect.DeepEqual(a, b) }

// acrossModel returns the messages of all shops and orders in order.
func acrossModel(ms []*model, private bool) []store.AcrossEntry {
	var es []store.AcrossEntry
	for _, m := range ms {
		for _, e := range m.timeline(parlance.ByCreated, private) {
			es = append(es, store.AcrossEntry{Conversation: m.about.ID, Entry: e})
		}
	}
	slices.SortFunc(es, func(a, b store.AcrossEntry) int { return acrossPosition(a).Compare(acrossPosition(b)) })
	return es
}

func acrossPosition(e store.AcrossEntry) parlance.Position {
	return parlance.Position{Time: e.Message.Created, ID: e.Message.ID, Conversation: e.Conversation}
}

// recent returns the ids of conversations, the last active first.
func recent(ms []*model) []parlance.ConversationID {
	activity := func(m *model) parlance.Time {
		es := m.timeline(parlance.ByCreated, true)
		if len(es) == 0 {
			return m.about.Created
		}
		return es[len(es)-1].Message.Created
	}
	ms = slices.Clone(ms)
	slices.SortFunc(ms, func(a, b *model) int {
		return cmp.Or(cmp.Compare(activity(b), activity(a)), cmp.Compare(a.about.ID, b.about.ID))
	})
	var ids []parlance.ConversationID
	for _, m := range ms {
		ids = append(ids, m.about.ID)
	}
	return ids
}

// equalEntries compares what callers can see of entries.
func equalEntries(a, b []store.Entry) bool {
	return slices.EqualFunc(a, b, equalEntry)
}

func equalEntry(a, b store.Entry) bool {
	return a.Number == b.Number && a.First == b.First && a.Previous == b.Previous && a.Learned == b.Learned &&
		bytes.Equal(a.Message.Native.JSON, b.Message.Native.JSON) && sameMessage(a.Message, b.Message)
}
