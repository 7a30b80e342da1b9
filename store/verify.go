package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A Finding is one contradiction that [Store.Verify] found.
type Finding struct {
	Conversation parlance.ConversationID // empty if it is about the workspace
	Text         string
}

// A VerifyReport counts what was looked at.
type VerifyReport struct {
	Conversations int
	Entries       int // of all logs
	Messages      int // that aren't deleted
	Findings      int
}

// Verify reads a whole workspace and holds everything derived against the logs: hash
// chains, counts, every pointer of every timeline, the index, the lists. It calls report for each
// contradiction, and progress, if it isn't nil, at least once every 1,000 entries, with what was looked at
// so far; Findings is what was reported. It changes nothing, and expects that nobody writes meanwhile.
func (s *Store) Verify(ctx context.Context, ws parlance.WorkspaceID, report func(Finding), progress func(VerifyReport)) (VerifyReport, error) {
	v := &verifier{s: s, ctx: ctx, ws: ws}
	numbers := map[parlance.ConversationID]uint64{} // of the last entries
	read := &verifyProgress{tell: progress}
	counts := [len(format.Kinds)]uint64{}
	for group, err := range groups(s.registered(ctx, ws, 1), conversationsAtOnce) {
		if err != nil {
			return v.report, fmt.Errorf("verify workspace %q: %w", ws, err)
		}
		ones := make([]verifier, len(group))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(verifyAtOnce)
		for i, r := range group {
			ones[i] = verifier{s: s, ctx: gctx, ws: ws, ref: parlance.Ref{Workspace: ws, Conversation: r.ID}, read: read}
			g.Go(ones[i].whole)
		}
		if err := g.Wait(); err != nil {
			return v.report, err
		}
		for i, r := range group {
			one := &ones[i]
			if one.there {
				counts[one.kind]++
				numbers[r.ID] = one.number
				if counts != r.Counts {
					one.find("the registry counts %v conversations by kind up to here, there are %v", r.Counts, counts)
					counts = r.Counts
				}
			}
			v.add(one, report)
			read.add(VerifyReport{Conversations: one.report.Conversations, Findings: one.report.Findings})
		}
	}
	v.ref = parlance.Ref{Workspace: ws}
	err := v.acrossRows()
	if err == nil {
		err = v.feed(numbers)
	}
	for _, f := range v.found {
		report(f)
	}
	return v.report, err
}

// A verifyProgress adds up what several verifiers have looked at.
type verifyProgress struct {
	tell func(VerifyReport) // nil: nobody asks

	mu sync.Mutex // held while it is told
	at VerifyReport
}

// add counts what was looked at since the last time.
func (p *verifyProgress) add(more VerifyReport) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.Conversations += more.Conversations
	p.at.Entries += more.Entries
	p.at.Messages += more.Messages
	p.at.Findings += more.Findings
	p.tell(p.at)
}

// verifyAtOnce is how many conversations are verified at once.
const verifyAtOnce = 8

// A verifier verifies a conversation, or what a workspace has beside them.
type verifier struct {
	s   *Store
	ctx context.Context
	ws  parlance.WorkspaceID
	ref parlance.Ref

	read   *verifyProgress
	found  []Finding
	report VerifyReport
	across int    // rows that the timeline across conversations should have
	number uint64 // the conversation's last entry
	there  bool   // the conversation's record can be read
	kind   uint64 // index into kinds
}

// add takes in what was found of one conversation.
func (v *verifier) add(one *verifier, tell func(Finding)) {
	for _, f := range one.found {
		tell(f)
	}
	v.report.Conversations += one.report.Conversations
	v.report.Entries += one.report.Entries
	v.report.Messages += one.report.Messages
	v.report.Findings += one.report.Findings
	v.across += one.across
}

func (v *verifier) find(format string, args ...any) {
	v.report.Findings++
	v.found = append(v.found, Finding{v.ref.Conversation, fmt.Sprintf(format, args...)})
}

// whole verifies a conversation. Its error is of what kept it from being verified, not of what was found.
func (v *verifier) whole() error {
	about, err := v.s.Conversation(v.ctx, v.ref)
	switch parlance.KindOf(err) {
	case parlance.NotFound, parlance.Corrupt:
		v.find("%v", err)
		return nil
	}
	if err == nil {
		v.there, v.kind = true, format.IndexOf(format.Kinds[:], about.Kind)
		v.report.Conversations++
		err = v.conversation(&about)
	}
	if parlance.KindOf(err) == parlance.Corrupt && v.ctx.Err() == nil {
		v.find("%v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("verify conversation %s: %w", v.ref, err)
	}
	return nil
}

// verifyGroup is how many entries are held against their rows at once.
const verifyGroup = 1000

func (v *verifier) conversation(about *parlance.Conversation) error {
	c := v.s.conversations.acquire(v.ref)
	defer v.s.conversations.release(c)
	t, err := v.s.readerHead(v.ctx, c)
	if err != nil {
		return err
	}
	at := &view{v.s, c, t}
	for l := range format.TimelineID(format.Timelines) {
		if _, err := at.line(v.ctx, l); err != nil {
			if errors.Is(err, errMoved) {
				v.find("timeline %d: the rows of its ranges are not as many as the head says", l)
				return nil
			}
			return err
		}
	}
	w := &walk{verifier: v, view: at, across: isAcross(about.Kind)}
	for e, err := range v.s.Log(v.ctx, v.ref, 1) {
		if err != nil {
			return err
		}
		if err := w.entry(e); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	v.number = w.next.Number
	w.head()
	if err := w.timelines(); err != nil {
		return err
	}
	v.report.Messages += w.next.Total
	if w.across {
		v.across += w.next.Total
	}
	return v.lists(about, t)
}

// A walk goes through one conversation's log and counts it anew.
type walk struct {
	*verifier
	view     *view
	across   bool
	next     format.Head // what the log comes to
	messages int         // distinct ones, deleted ones included
	told     int         // of next.total, how many progress was told of
	group    []Entry
}

func (w *walk) entry(e Entry) error {
	w.verifier.report.Entries++
	header := e.AppendHeader(nil)
	w.next.Chain = e.Link(w.next.Chain, header)
	w.next.Number = e.Number
	if e.Previous != 0 {
		if e.Previous >= e.Number || e.First > e.Previous {
			w.find("entry %d follows on entry %d of a message that began with entry %d", e.Number, e.Previous, e.First)
			return nil
		}
		before, err := w.s.entries(w.ctx, w.ref, []uint64{e.Previous})
		if err != nil {
			return err
		}
		if before[0].Message.ID != e.Message.ID {
			w.find("entry %d is a version of message %q, the entry %d before it one of %q", e.Number, e.Message.ID, e.Previous, before[0].Message.ID)
		}
		w.count(&before[0].Message, -1)
	}
	w.count(&e.Message, +1)
	if e.Total != w.next.Total || e.Private != w.next.Private {
		w.find("entry %d counts %d messages, %d of them private; there are %d and %d", e.Number, e.Total, e.Private, w.next.Total, w.next.Private)
	}
	if e.Number%format.ChainEvery == 0 {
		if err := w.chain(e.Number); err != nil {
			return err
		}
	}
	if w.group = append(w.group, e); len(w.group) == verifyGroup {
		return w.flush()
	}
	return nil
}

func (w *walk) count(m *parlance.Message, by int) {
	if m.State == parlance.Deleted {
		return
	}
	w.next.Total += by
	if m.Private() {
		w.next.Private += by
	}
}

// chain holds the hash that an entry's row carries against the log up to there.
func (w *walk) chain(number uint64) error {
	row, err := w.s.get(w.ctx, w.s.layout.LogPartition(w.ref, number), w.s.layout.LogKey(number))
	if err != nil {
		return err
	}
	_, chain, err := format.DecodeEntry(number, row)
	if err == nil && string(chain) != string(w.next.Chain[:]) {
		w.find("the hash chain breaks at or before entry %d", number)
		copy(w.next.Chain[:], chain) // go on from there, so that a second break shows too
	}
	return err
}

// flush holds a group of entries against the index and the timelines.
func (w *walk) flush() error {
	index, err := w.index()
	if err != nil {
		return err
	}
	want := map[driver.Partition]map[string]uint64{}
	expect := func(p driver.Partition, key string, number uint64) {
		if want[p] == nil {
			want[p] = map[string]uint64{}
		}
		want[p][key] = number
	}
	for i := range w.group {
		e := &w.group[i]
		m := &e.Message
		switch r := index[m.ID]; {
		case r.Number == e.Number:
			w.messages++
			if r != format.IndexRowOf(e) {
				w.find("the index places message %q elsewhere than its entry %d", m.ID, e.Number)
			}
		case r.Number < e.Number || r.Number > w.view.head.Number:
			w.find("the index says entry %d for message %q, which has entry %d", r.Number, m.ID, e.Number)
			continue
		default:
			continue // a later version stands for it
		}
		for t := range format.TimelineID(format.Timelines) {
			if key, ok := format.KeyIn(t, m); ok {
				expect(format.TimelinePartition(w.ref, t, w.view.head.Timelines[t].Holding(key).ID), key, e.Number<<1|uint64(format.Bit(m.Private())))
			}
		}
		if w.across && m.State != parlance.Deleted {
			p := parlance.Position{Time: m.Created, ID: m.ID, Conversation: w.ref.Conversation}
			expect(format.AcrossPartition(w.ws, w.s.layout.PeriodOf(p.Time)), string(format.AcrossKey(p)), e.Number<<1|uint64(format.Bit(m.Private())))
		}
	}
	for p, rows := range want {
		got, err := w.pointers(p, rows)
		if err != nil {
			return err
		}
		for key, value := range rows {
			if got[key] != value {
				w.find("timeline %q: the pointer of message %q says entry %d, its current version is entry %d",
					p.Key[:1], key[8:], got[key]>>1, value>>1)
			}
		}
	}
	w.read.add(VerifyReport{Entries: len(w.group), Messages: w.next.Total - w.told})
	w.group, w.told = w.group[:0], w.next.Total
	return nil
}

// index reads what the index says of the group's messages.
func (w *walk) index() (map[parlance.MessageID]format.IndexRow, error) {
	ids := make([]parlance.MessageID, len(w.group))
	for i := range w.group {
		ids[i] = w.group[i].Message.ID
	}
	slices.Sort(ids)
	return w.s.indexRows(w.ctx, w.ref, slices.Compact(ids))
}

// pointers reads the numbers under the keys of rows of one partition; 0 where there is none.
func (w *walk) pointers(p driver.Partition, rows map[string]uint64) (map[string]uint64, error) {
	names := slices.Sorted(maps.Keys(rows))
	keys := make([][]byte, len(names))
	for i, k := range names {
		keys[i] = []byte(k)
	}
	values, err := w.s.engine.Get(w.ctx, p, keys)
	if err != nil {
		return nil, err
	}
	got := make(map[string]uint64, len(names))
	for i, value := range values {
		if value == nil {
			continue
		}
		if got[names[i]], err = format.Varint(value); err != nil {
			return nil, w.s.corrupt(err, "the row of message %q", names[i])
		}
	}
	return got, nil
}

// head holds the head row against the log.
func (w *walk) head() {
	t := w.view.head
	if t.Number != w.next.Number {
		w.find("the head ends at entry %d, the log at entry %d", t.Number, w.next.Number)
		return
	}
	if t.Chain != w.next.Chain {
		w.find("the head's hash is not that of the log")
	}
	if t.Total != w.next.Total || t.Private != w.next.Private {
		w.find("the head counts %d messages, %d of them private; there are %d and %d", t.Total, t.Private, w.next.Total, w.next.Private)
	}
}

// timelines counts the pointers of each range. Together with the check that every
// message has its pointer this shows that there is none too many.
func (w *walk) timelines() error {
	for t := range format.TimelineID(format.Timelines) {
		l := &w.view.head.Timelines[t]
		sum := 0
		for _, sp := range append(l.Closed[:len(l.Closed):len(l.Closed)], l.Top) {
			live, private := 0, 0
			for row, err := range w.s.engine.Scan(w.ctx, format.TimelinePartition(w.ref, t, sp.ID), driver.Range{}) {
				if err != nil {
					return err
				}
				p, err := format.DecodePointer(row.Value)
				if err != nil {
					return w.s.corrupt(err, "timeline %d", t)
				}
				live++
				private += format.Bit(p.Private)
				if string(row.Key) < sp.Low {
					w.find("timeline %d: a pointer lies below its range %d", t, sp.ID)
				}
			}
			if live != sp.Live || private != sp.Private {
				w.find("timeline %d, range %d: it counts %d pointers, %d of them private; there are %d and %d", t, sp.ID, sp.Live, sp.Private, live, private)
			}
			sum += live
		}
		want := w.next.Total
		if t == format.ByDeleted {
			want = w.messages - w.next.Total
		}
		if sum != want {
			w.find("timeline %d has %d pointers for %d messages", t, sum, want)
		}
	}
	return nil
}

// lists looks for the conversation in the lists that should have it.
func (v *verifier) lists(about *parlance.Conversation, t *format.Head) error {
	members, err := v.s.Members(v.ctx, v.ref)
	if err != nil {
		return err
	}
	at := listedAt(t, about)
	for _, l := range listsOf(about, members) {
		rows, leads := listPlaces(v.ws, l, about, at)
		for i, place := range append(rows, leads...) {
			value, err := v.s.get(v.ctx, place.partition, place.key)
			switch {
			case err != nil:
				return err
			case value == nil:
				v.find("the list of %s%s lacks it at %s", l.Kind, l.Account, at)
			case i < len(rows) && string(value) < string(format.TimeKey(at)): // higher is no harm: a settled list may be so
				v.find("the list of %s%s has it before %s", l.Kind, l.Account, at)
			}
		}
	}
	return nil
}

// acrossRows counts the timeline across conversations.
func (v *verifier) acrossRows() error {
	rows := 0
	for m, err := range v.s.engine.Scan(v.ctx, format.AcrossPeriods(v.ws), driver.Range{}) {
		if err != nil {
			return err
		}
		period, err := format.PeriodOfKey(m.Key)
		if err != nil {
			v.find("the timeline across conversations has a part that nobody wrote")
			continue
		}
		for _, err := range v.s.engine.Scan(v.ctx, format.AcrossPartition(v.ws, period), driver.Range{}) {
			if err != nil {
				return err
			}
			rows++
		}
	}
	if rows != v.across {
		v.find("the timeline across conversations has %d rows for %d messages", rows, v.across)
	}
	return nil
}

// feed holds the change feed against the logs: each entry came, and no other.
func (v *verifier) feed(numbers map[parlance.ConversationID]uint64) error {
	told := map[parlance.ConversationID]*toldEntries{}
	for c, err := range v.s.Changes(v.ctx, v.ws, 0) {
		if err != nil {
			return err
		}
		if told[c.Conversation] == nil {
			told[c.Conversation] = &toldEntries{}
		}
		told[c.Conversation].add(c.First, c.First+uint64(c.Count))
	}
	for _, id := range slices.Sorted(maps.Keys(numbers)) {
		v.ref.Conversation = id
		t := told[id]
		if t == nil {
			t = &toldEntries{}
		}
		if last := t.upTo(); last != numbers[id] {
			v.find("the change feed has its entries up to %d, the log ends at entry %d", last, numbers[id])
		}
		delete(told, id)
	}
	v.ref.Conversation = ""
	for id := range told {
		v.find("the change feed has a conversation %q that doesn't exist", id)
	}
	return nil
}

// toldEntries are numbers of a log that the feed has.
type toldEntries struct {
	end   uint64            // all below
	later map[uint64]uint64 // from where to where, beyond; nil: none
}

func (t *toldEntries) add(from, to uint64) {
	t.end = max(t.end, 1)
	if from > t.end {
		if t.later == nil {
			t.later = map[uint64]uint64{}
		}
		t.later[from] = max(t.later[from], to)
		return
	}
	t.end = max(t.end, to)
	for more := true; more && len(t.later) > 0; {
		more = false
		for from, to := range t.later {
			if from <= t.end {
				t.end, more = max(t.end, to), true
				delete(t.later, from)
			}
		}
	}
}

// upTo returns the last number up to which all came, or the last of all if there is a hole.
func (t *toldEntries) upTo() uint64 {
	if len(t.later) > 0 || t.end == 0 {
		return max(t.end, 1) - 1
	}
	return t.end - 1
}
