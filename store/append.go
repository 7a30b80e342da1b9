package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
	"unicode/utf8"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
	"parlance/store/internal/timeline"
)

// A Result says what a write did to one message.
type Result uint8

// The results.
const (
	New     Result = iota // the message is stored
	Changed               // a new version of it is stored
	Same                  // it was known already: nothing is stored
	Kept                  // another version of it stays in place of the one that was imported: nothing is stored
)

// An Outcome is what became of one message: its current version and what was done.
type Outcome struct {
	Entry  Entry
	Result Result
}

// A request waits for the conversation's writer. Its messages are taken in order,
// maybe in several groups.
type request struct {
	mode     Mode
	messages []parlance.Message // of Put
	id       parlance.MessageID // of Change
	change   func(*parlance.Message) error
	same     func(old, new *parlance.Message) bool // of Mirror; may be nil
	imports  ImportRule                            // of Import

	outcomes []Outcome
	err      error
	done     bool // under conversation.write
}

// Put stores messages, in order, into a conversation that exists, and returns when
// they are durable and can be read. A message that is known already is not stored
// again; other content under a known id is a new version, unless what is here wins
// over it: see [Store.Import] and [Store.Mirror]. An error of kind
// [parlance.Unavailable] leaves open whether they were stored: the same Put again
// settles it. One of kind [parlance.Invalid] comes with the outcomes of the messages
// that were stored before the one that it is about.
func (s *Store) Put(ctx context.Context, ref parlance.Ref, mode Mode, ms ...parlance.Message) ([]Outcome, error) {
	return s.put(ctx, ref, &request{mode: mode, messages: ms})
}

// Mirror is Put in mode Mirror, where same may report that what a platform gives now says no more than
// what it gave before, although the two differ, as in a signed address or a sender's picture; then nothing
// is stored. A message that was mirrored and then deleted, recalled or edited here stays as it is, whatever
// the platform says of it later; a reaction that was given here is no edit.
func (s *Store) Mirror(ctx context.Context, ref parlance.Ref, same func(old, new *parlance.Message) bool, ms ...parlance.Message) ([]Outcome, error) {
	return s.put(ctx, ref, &request{mode: Mirror, messages: ms, same: same})
}

func (s *Store) put(ctx context.Context, ref parlance.Ref, r *request) ([]Outcome, error) {
	c, err := s.Conversation(ctx, ref)
	if err != nil {
		return nil, err
	}
	if r.mode == Send && c.Frozen {
		return nil, parlance.Errorf(parlance.Forbidden, "the conversation takes no new messages")
	}
	for i := range r.messages {
		if err := checkMessage(&r.messages[i], r.mode); err != nil {
			return nil, err
		}
	}
	if len(r.messages) == 0 {
		return nil, nil
	}
	return s.submit(ctx, ref, r)
}

func checkMessage(m *parlance.Message, mode Mode) error {
	if m.ID != "" || mode != Send {
		if err := parlance.CheckID("message id", m.ID); err != nil {
			return err
		}
	}
	if err := parlance.CheckID("sender", m.Sender); err != nil {
		return err
	}
	for _, t := range [...]parlance.Time{m.Sent, m.Created, m.Updated, m.Edited, m.Removed, m.Missing} {
		if t < parlance.MinTime || t > parlance.MaxTime {
			return parlance.Errorf(parlance.Invalid, "message %q: a time lies outside the years 1 to 9999", m.ID)
		}
	}
	return checkSize(m)
}

// checkSize reports what makes m larger than what is kept. Attachments and reactions are counted as well, because
// the smallest ones take far more room in an answer and in an exported line than in the store.
func checkSize(m *parlance.Message) error {
	switch {
	case len(m.Attachments) > parlance.MaxAttachments:
		return parlance.Errorf(parlance.Invalid, "message %q has %d attachments, at most %d are kept", m.ID, len(m.Attachments), parlance.MaxAttachments)
	case len(m.Reactions) > parlance.MaxReactions:
		return parlance.Errorf(parlance.Invalid, "message %q has %d reactions, at most %d are kept", m.ID, len(m.Reactions), parlance.MaxReactions)
	case len(m.Text)+len(m.SenderName)+len(m.Sticker)+len(m.Thread)+len(m.Native.JSON) > parlance.MaxMessage:
		return errTooLarge(m.ID) // seen before it is copied; add measures all of it
	}
	return nil
}

// replaced returns by how much a message of size bytes grows when what isn't UTF-8 in it becomes U+FFFD, as it does
// wherever it is shown or exported. It matters to large ones only.
func replaced(m *parlance.Message, size int) (n int) {
	if size <= parlance.MaxMessage/len(string(utf8.RuneError)) {
		return 0
	}
	count := func(s string) {
		if utf8.ValidString(s) {
			return
		}
		for i := 0; i < len(s); {
			r, width := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && width == 1 {
				n += len(string(utf8.RuneError)) - 1
			}
			i += width
		}
	}
	count(m.Text)
	count(m.SenderName)
	count(m.Thread)
	for i := range m.Attachments {
		count(m.Attachments[i].Name)
		count(m.Attachments[i].URL)
	}
	for _, r := range m.Reactions {
		count(r.Emoji)
		count(string(r.Account))
	}
	return n
}

func errTooLarge(id parlance.MessageID) error {
	return parlance.Errorf(parlance.Invalid, "message %q is larger than %d bytes with everything that is kept of it", id, parlance.MaxMessage)
}

// Change makes a new version of a message: change gets a copy of the current one
// and may run more than once. Updated becomes now, above every time given here, if
// change leaves it alone, and Native becomes stale if change leaves that alone. A
// change that changes nothing stores nothing. Setting State to Deleted takes the
// message out of every page and total.
//
// The error is of kind [parlance.NotFound] if there is no such message, or it is deleted.
func (s *Store) Change(ctx context.Context, ref parlance.Ref, id parlance.MessageID, change func(*parlance.Message) error) (Outcome, error) {
	out, err := s.submit(ctx, ref, &request{id: id, change: change})
	if err != nil {
		return Outcome{}, err
	}
	return out[0], nil
}

// submit hands r to the conversation's writer, or becomes it.
func (s *Store) submit(ctx context.Context, ref parlance.Ref, r *request) (_ []Outcome, err error) {
	if err := s.beginWrite(ctx); err != nil {
		return nil, err
	}
	defer func() { err = s.endWrite(ctx, err) }()
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	c.queue.Lock()
	c.queue.waiting = append(c.queue.waiting, r)
	c.queue.Unlock()

	c.write.Lock()
	defer c.write.Unlock()
	// Whoever held the lock before may have taken r along with its own.
	for !r.done {
		c.queue.Lock()
		group := c.queue.waiting
		c.queue.waiting = nil
		c.queue.Unlock()
		// The group holds other callers' requests too: one who gives up must not stop them.
		s.serve(context.WithoutCancel(ctx), c, group)
	}
	return r.outcomes, r.err
}

// serve carries out all requests of a group, in as few claims as its size allows.
// The caller holds c.write.
func (s *Store) serve(ctx context.Context, c *conversation, group []*request) {
	for len(group) > 0 {
		err := s.appendGroup(ctx, c, group)
		var waiting []*request
		for _, r := range group {
			switch {
			case r.err != nil || len(r.outcomes) == r.size():
				r.done = true
			case err != nil:
				r.err, r.done = err, true
			default:
				waiting = append(waiting, r)
			}
		}
		group = waiting
	}
}

func (r *request) size() int {
	if r.change != nil {
		return 1
	}
	return len(r.messages)
}

// groupEntries is how many entries one claim takes at most.
func (s *Store) groupEntries() int {
	if s.bounds.BatchBytes > 0 {
		return 100
	}
	return 1000
}

// WritersAtOnce is how many conversations are best written to at once by somebody who writes to many, a few messages
// each: on an engine of our own writers that wait at the same time share one commit to the disk.
func (s *Store) WritersAtOnce() int {
	if s.bounds.Exclusive {
		return 256
	}
	return 16
}

// appendGroup claims the next numbers for as many entries as one claim takes,
// beginning with the outcomes that the requests still miss.
func (s *Store) appendGroup(ctx context.Context, c *conversation, group []*request) error {
	for try := 0; ; try++ {
		base, others, unconfirmed, err := s.baseHead(ctx, c, group)
		if err != nil {
			return fmt.Errorf("append to %s: %w", c.ref, err)
		}
		a := &appender{s: s, c: c, ctx: ctx, base: base, unconfirmed: unconfirmed, next: *base, entries: others, theirs: len(others), known: map[parlance.MessageID]*Entry{}, taken: map[parlance.Time]bool{}}
		if err = a.run(group); err == nil {
			return nil
		}
		switch {
		case driver.AsRefused(err) == nil:
			return fmt.Errorf("append to %s: %w", c.ref, err)
		case try == maxRaces, try > 0 && s.bounds.Exclusive:
			return parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s goes on beyond its head", c.ref)
		}
		// Somebody else took the number. Their entries come first.
		a.forget()
		wait(min(try, 3)) // a longer wait loses to writers that did not have to wait
	}
}

// run makes the group and lets readers see what comes of it.
func (a *appender) run(group []*request) (err error) {
	defer func() { a.fed(err == nil) }()
	err = a.build(group)
	if slices.ContainsFunc(a.entries, func(e *Entry) bool { return e.Previous != 0 }) {
		// From the claim on, until the head says so too, readers may miss pointers.
		a.c.revisions.Add(1)
		defer a.c.revisions.Add(1)
	}
	switch {
	case err != nil:
	case len(a.entries) > 0:
		err = a.commit()
	default:
		err = a.s.ensureDurable(a.ctx)
	}
	if err != nil {
		a.c.invalidate()
		return err
	}
	a.deliver()
	return nil
}

// maxRaces is how many lost races in a row end in an error. Only a log that
// contradicts its head gets there.
const maxRaces = 1000

// wait lets others go first after a lost race, at random so that they don't meet again.
func wait(try int) {
	time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 6))))
}

// An appender makes one group of entries for one conversation.
type appender struct {
	s    *Store
	c    *conversation
	ctx  context.Context
	base *format.Head // what the group is built on
	// unconfirmed says that base is remembered where others may write too.
	unconfirmed bool

	next          format.Head // what comes of it
	entries       []*Entry
	theirs        int // how many entries, the first ones, others have claimed
	size          int // bytes of rows
	rows          []driver.Claim
	ops           batch
	known         map[parlance.MessageID]*Entry // current versions of messages: stored ones and those of this group
	taken         map[parlance.Time]bool        // the Created of the first noted entries
	noted         int
	updates       [format.Timelines]*timeline.Update
	about         parlance.Conversation
	previousTimes []parlance.Time    // where the lists' rows stood before this group's entries moved them
	period        format.Period      // the last one written to the periods of the timeline across conversations
	leads         format.FeedStretch // what the group writes a row for that leads to it; 0 if none
	now           parlance.Time

	pending  []func()   // sets the requests' outcomes once the group stands
	rejected []*request // requests that failed on their own
}

// deliver gives the requests their outcomes and lets readers see the new head.
func (a *appender) deliver() {
	for _, f := range a.pending {
		f()
	}
	if len(a.entries) > 0 {
		next := a.next
		a.c.cachedHead.Store(&next)
		a.s.tellAppended(a.c.ref, next.Number)
	}
}

// forget takes back what build said to requests, before it is built again.
func (a *appender) forget() {
	for _, r := range a.rejected {
		r.err = nil
	}
}

// build makes the entries of the group on top of base.
func (a *appender) build(group []*request) error {
	s := a.s
	if err := a.prepare(); err != nil {
		return err
	}
	if err := a.deriveTheirs(); err != nil {
		return err
	}
	first := a.firstClaim()
	taken := a.take(group, min(s.groupEntries(), int(s.layout.SegmentEnd(first)-first)+1))
	if err := a.lookUp(taken); err != nil {
		return err
	}
	for _, t := range taken {
		if t.r.err != nil {
			continue // one of its messages was refused: those behind it wait for what the caller does about that
		}
		if err := a.add(t); err != nil {
			return err
		}
		// A claim is whole or not at all, so what is claimed has to fit into one; and the
		// head and its ranges into one write.
		if s.bounds.BatchBytes > 0 && max(a.size, a.rangeBytes()) > s.bounds.BatchBytes/2 {
			break
		}
	}
	if len(a.entries) == 0 {
		a.relist()
		return nil
	}
	return a.finish()
}

// prepare reads what deriving needs besides the head.
func (a *appender) prepare() (err error) {
	a.now = a.s.now()
	a.about, err = a.s.Conversation(a.ctx, a.c.ref)
	return err
}

// finish completes the head that comes of the group.
func (a *appender) finish() error {
	if err := a.list(); err != nil {
		return err
	}
	for i, u := range a.updates {
		if u != nil {
			a.next.Timelines[i] = *u.Timeline
			a.ops.add(u.Ops)
		}
	}
	return a.feed()
}

// rangeBytes returns the bytes of the rows of ranges that are written together with the head.
func (a *appender) rangeBytes() (n int) {
	for _, u := range a.updates {
		if u != nil {
			n += u.RangeBytes
		}
	}
	return n
}

// firstNumber is the number of the group's first entry.
func (a *appender) firstNumber() uint64 { return a.base.Number + 1 }

// firstClaim is the first number that the group claims.
func (a *appender) firstClaim() uint64 { return a.firstNumber() + uint64(a.theirs) }

// A pendingMessage is one message of one request.
type pendingMessage struct {
	r *request
	i int
}

func (t pendingMessage) id() parlance.MessageID {
	if t.r.change != nil {
		return t.r.id
	}
	return t.r.messages[t.i].ID
}

// take returns the first tasks of the group that have no outcome yet.
func (a *appender) take(group []*request, limit int) []pendingMessage {
	var ts []pendingMessage
	for _, r := range group {
		for i := len(r.outcomes); i < r.size() && len(ts) < limit && r.err == nil; i++ {
			ts = append(ts, pendingMessage{r, i})
		}
	}
	return ts
}

// lookUp reads the current versions of the messages that the tasks name.
func (a *appender) lookUp(ts []pendingMessage) error {
	var ids []parlance.MessageID
	for _, t := range ts {
		if id := t.id(); id != "" && id <= a.next.HighID {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return nil
	}
	ids = slices.Compact(ids)
	found, err := a.s.currentEntries(a.ctx, a.c.ref, ids)
	if err != nil {
		return err
	}
	for _, e := range found {
		if e.Number > a.next.Number {
			return &driver.Refused{} // its number was taken since the head was read
		}
	}
	for id, e := range found {
		if above := a.known[id]; above == nil {
			a.known[id] = e
		}
	}
	return nil
}

// add decides what one task comes to and makes its entry.
func (a *appender) add(t pendingMessage) error {
	var m parlance.Message
	var current *Entry
	mode := Send
	if t.r.change != nil {
		current = a.known[t.r.id]
		if current == nil || current.Message.State == parlance.Deleted {
			a.reject(t.r, parlance.Errorf(parlance.NotFound, "there is no message %q", t.r.id))
			return nil
		}
		m = clone(&current.Message)
		if err := t.r.change(&m); err != nil {
			a.reject(t.r, err)
			return nil
		}
		a.assignChangeTimes(&m, &current.Message)
		m.Seq = current.Message.Seq
		if err := checkMessage(&m, mode); err != nil {
			a.reject(t.r, err)
			return nil
		}
	} else {
		m, mode = t.r.messages[t.i], t.r.mode
		if m.ID != "" {
			current = a.known[m.ID]
		}
		if current != nil && mode == Send {
			a.stays(t, current, Same)
			return nil
		}
		if err := a.assignTimes(&m, mode, current); err != nil {
			return err
		}
		if m.Created > parlance.MaxTime || m.Updated > parlance.MaxTime {
			a.reject(t.r, parlance.Errorf(parlance.Invalid, "message %q: no free time is left before the end of the year 9999", m.ID))
			return nil
		}
		if m.ID == "" {
			m.ID = parlance.MessageID(a.s.ids.At(m.Created))
		}
	}
	content := format.EncodeMessage(&m)
	if len(content)+replaced(&m, len(content)) > parlance.MaxMessage {
		a.reject(t.r, errTooLarge(m.ID))
		return nil
	}
	if current != nil {
		updated := m.Updated
		verdict, err := a.judge(current, &m, content, mode, t.r)
		if err != nil {
			return err
		}
		if m.Updated != updated {
			content = format.EncodeMessage(&m)
		}
		if verdict != Changed {
			a.stays(t, current, verdict)
			return nil
		}
	}
	e := &Entry{Number: a.next.Number + 1, Learned: a.now, Message: m, Origin: mode, Content: content}
	e.First = e.Number
	if current != nil {
		e.First, e.Previous = current.First, current.Number
	}
	if err := a.append(e, current); err != nil {
		return err
	}
	result := New
	if current != nil {
		result = Changed
	}
	a.known[m.ID] = e
	a.pending = append(a.pending, func() { t.r.outcomes = append(t.r.outcomes, Outcome{*e, result}) })
	return nil
}

// stays gives a task the outcome that nothing is stored.
func (a *appender) stays(t pendingMessage, current *Entry, r Result) {
	a.pending = append(a.pending, func() { t.r.outcomes = append(t.r.outcomes, Outcome{*current, r}) })
}

func (a *appender) reject(r *request, err error) {
	r.err = err
	a.rejected = append(a.rejected, r)
}

// version returns entry number, of this group or of the log.
func (a *appender) version(number uint64) (*Entry, error) {
	if first := a.firstNumber(); number >= first {
		return a.entries[number-first], nil
	}
	es, err := a.s.entries(a.ctx, a.c.ref, []uint64{number})
	if err != nil {
		return nil, err
	}
	return &es[0], nil
}

// append adds e to the group: its log row, and what is derived from it.
func (a *appender) append(e, before *Entry) error {
	if err := a.derive(e, before); err != nil {
		return err
	}
	e.Total, e.Private = a.next.Total, a.next.Private
	row, chain := e.Encode(a.next.Chain)
	a.next.Chain = chain
	a.entries = append(a.entries, e)
	a.rows = append(a.rows, driver.Claim{Key: a.s.layout.LogKey(e.Number), Value: row})
	a.size += len(row)
	return nil
}
