package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"parlance"
	"parlance/store"
)

// A world is some conversations that stores, one or more on the same rows, are changing,
// and the models of what should come of it.
type world struct {
	*rapid.T
	ctx    context.Context
	clock  *clock
	stores []*store.Store
	models []*model

	members map[parlance.AccountID][]parlance.ConversationID
	hidden  map[parlance.MessageID]bool // by alice, in the room

	// faulty says that calls may fail as Unavailable; then what they did is read from the log.
	faulty bool
	walks  []*walker
	ops    int

	// reopen returns a new store on the same rows, which knows nothing yet.
	reopen func() *store.Store
}

const start parlance.Time = 1_700_000_000_000

func newWorld(t *rapid.T, clock *clock, faulty bool, reopen func() *store.Store, n int) *world {
	w := &world{T: t, faulty: faulty, reopen: reopen, ctx: context.Background(), clock: clock, hidden: map[parlance.MessageID]bool{}}
	for range n {
		w.stores = append(w.stores, reopen())
	}
	for _, c := range []parlance.Conversation{
		{ID: "room", Kind: parlance.Room, Created: start - 5},
		{ID: "shop", Kind: parlance.Shop, Created: start - 4, Customer: "alice"},
		{ID: "order", Kind: parlance.Order, Created: start - 3, Customer: "bob", OrderID: "o1"},
	} {
		w.models = append(w.models, &model{about: c})
		w.again(func(s *store.Store) error {
			_, err := s.Create(w.ctx, "w", c)
			return err
		})
	}
	w.members = map[parlance.AccountID][]parlance.ConversationID{"alice": {"room", "shop"}, "bob": {"order", "room"}}
	for who, ids := range w.members {
		for _, id := range ids {
			w.again(func(s *store.Store) error {
				return s.AddMembers(w.ctx, parlance.Ref{Workspace: "w", Conversation: id}, parlance.Member{Account: who})
			})
		}
	}
	return w
}

// store returns the one whose turn it is.
func (w *world) store() *store.Store {
	w.ops++
	return w.stores[w.ops%len(w.stores)]
}

// again does what may be done twice until it is known to be done.
func (w *world) again(do func(*store.Store) error) {
	w.Helper()
	for {
		err := do(w.store())
		if err == nil {
			return
		}
		w.fault(err)
	}
}

// fault fails the test unless err is one that the engine may cause.
func (w *world) fault(err error) {
	w.Helper()
	if !w.faulty || !errors.Is(err, parlance.Unavailable) {
		w.Fatalf("op %d: %v", w.ops, err)
	}
}

func (w *world) pick(what string, n int) int { return rapid.IntRange(0, n-1).Draw(w.T, what) }

func (w *world) model() *model { return w.models[w.pick("conversation", len(w.models))] }

func (w *world) ref(m *model) parlance.Ref {
	return parlance.Ref{Workspace: "w", Conversation: m.about.ID}
}

// step does one thing at random.
func (w *world) step() {
	switch w.pick("op", 13) {
	case 0, 1, 2:
		w.put(store.Send)
	case 3, 4:
		w.put(store.Import)
	case 5:
		w.put(store.Mirror)
	case 6, 7, 8, 9:
		w.change()
	case 10:
		w.clock.now += parlance.Time(rapid.SampledFrom([]int{1, 5, 1000, 61_000, -3}).Draw(w.T, "time"))
	case 11:
		w.hide()
	case 12:
		i := w.pick("store", len(w.stores))
		if err := w.stores[i].Settle(w.ctx); err == nil {
			w.stores[i] = w.reopen()
		}
	}
	for _, walk := range w.walks {
		walk.step()
	}
}

// messageIDs are few, so that they meet; some begin like others.
func (w *world) messageID() parlance.MessageID {
	return parlance.MessageID("m" + strconv.Itoa(w.pick("id", 30)))
}

// offsets are times relative to the start; many are equal.
var offsets = []int{0, 0, 1, 1, 2, 3, 3, 4, 10, 11, 12, 50, -1, -1, -2, -100_000, -40 * day, -400 * day, 70_000}

func (w *world) time(what string) parlance.Time {
	return start + parlance.Time(rapid.SampledFrom(offsets).Draw(w.T, what))
}

func (w *world) message(mode store.Mode) parlance.Message {
	m := parlance.Message{
		ID: w.messageID(), Sender: rapid.SampledFrom([]parlance.AccountID{"alice", "bob"}).Draw(w.T, "sender"),
		Role: parlance.Agent, Type: parlance.TypeText, Text: strconv.Itoa(w.pick("text", 3)),
	}
	if w.pick("private", 5) == 0 {
		m.Type = parlance.TypeNote
	}
	if w.pick("native", 4) == 0 {
		m.Native = parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{"a":` + m.Text + `}`)}
	}
	switch mode {
	case store.Send:
		if !w.faulty && w.pick("minted", 2) == 0 {
			m.ID = ""
		}
		if w.pick("with time", 4) == 0 {
			m.Sent = w.time("sent")
		}
	case store.Import:
		m.Sent = w.time("sent")
		m.Seq = uint32(w.pick("seq", 3))
	case store.Mirror:
		m.Created = w.time("created")
		m.Sent = m.Created
		if w.pick("late", 3) == 0 {
			m.Sent -= 2
		}
		m.Updated = m.Created + parlance.Time(rapid.SampledFrom([]int{0, 0, 1, 60_000, 100_000}).Draw(w.T, "updated"))
		if w.pick("state", 6) == 0 {
			m.State = parlance.State(1 + w.pick("removed", 2))
		}
	}
	return m
}

func (w *world) put(mode store.Mode) {
	m := w.model()
	var ms []parlance.Message
	for range 1 + w.pick("messages", 6) {
		msg := w.message(mode)
		twice := slices.ContainsFunc(ms, func(o parlance.Message) bool { return o.ID == msg.ID && msg.ID != "" })
		if !twice || !w.faulty {
			ms = append(ms, msg)
		}
	}
	for {
		out, err := putAs(w.ctx, w.store(), w.ref(m), mode, ms...)
		if err == nil {
			w.stored(m, mode, ms, out)
			return
		}
		w.fault(err)
		if w.pick("give up", 3) == 0 {
			w.stored(m, mode, ms, nil)
			return
		}
	}
}

// stored reads what a Put did from the log and holds it against what it should have
// done. out are the outcomes, nil if they are not known; then some of the last messages may not be stored.
func (w *world) stored(m *model, mode store.Mode, ms []parlance.Message, out []store.Outcome) {
	w.Helper()
	fresh := w.fresh(m)
	for i, msg := range ms {
		current := m.current(msg.ID)
		want := w.stamped(m, mode, msg, current)
		if result, stays := m.judged(want, mode); stays {
			if out != nil && (out[i].Result != result || !equalEntry(out[i].Entry, *current)) && !w.faulty {
				w.Fatalf("Put %d of %+v = %+v, want %d and what was there", mode, msg, out[i], result)
			}
			continue
		}
		if len(fresh) == 0 {
			if out == nil {
				return // the rest was not stored
			}
			w.Fatalf("Put %d: the log of %s lacks %+v", mode, m.about.ID, msg)
		}
		e := fresh[0]
		fresh = fresh[1:]
		w.checkTimes(m, mode, &want, &e)
		if want.ID == "" && len(e.Message.ID) == 24 {
			want.ID = e.Message.ID
		}
		if !sameMessage(e.Message, want) {
			w.Fatalf("Put %d of %+v stored\n%+v, want\n%+v", mode, msg, e.Message, want)
		}
		w.checkPlace(m, &e, current)
		if out != nil && !w.faulty {
			result := store.New
			if current != nil {
				result = store.Changed
			}
			if out[i].Result != result || !equalEntry(out[i].Entry, e) {
				w.Fatalf("Put %d of %+v = %+v, want %d and\n%+v", mode, msg, out[i], result, e)
			}
		}
		m.add(e, mode)
	}
	if len(fresh) != 0 {
		w.Fatalf("Put %d stored in %s what wasn't asked for:%s", mode, m.about.ID, list(fresh))
	}
}

// fresh returns what stands in the log and not in the model.
func (w *world) fresh(m *model) (es []store.Entry) {
	w.Helper()
	for e, err := range w.stores[0].Log(w.ctx, w.ref(m), uint64(len(m.log))+1) {
		if err != nil {
			w.Fatalf("Log: %v", err)
		}
		es = append(es, e)
	}
	return es
}

// stamped returns msg with those times that don't depend on the store's choice.
func (w *world) stamped(m *model, mode store.Mode, msg parlance.Message, current *store.Entry) parlance.Message {
	if mode == store.Import && current != nil && current.Message.Sent == msg.Sent {
		msg.Created = current.Message.Created
		msg.Updated = max(msg.Updated, msg.Created)
	}
	return msg
}

// checkTimes checks the times that the store chose and takes them over into want.
func (w *world) checkTimes(m *model, mode store.Mode, want *parlance.Message, e *store.Entry) {
	w.Helper()
	got := &e.Message
	switch {
	case mode == store.Send:
		least := w.clock.now
		if len(m.log) > 0 && m.highest <= w.clock.now+day {
			least = max(least, m.highest+1)
		}
		if m.given != 0 {
			least = max(least, m.given+1)
		}
		if got.Created < least || got.Created > least+1000_000 {
			w.Fatalf("Send: Created is %d, want %d or a little more", got.Created, least)
		}
		want.Created, want.Updated = got.Created, got.Created
		if want.Sent == 0 {
			want.Sent = got.Created
		}
	case mode == store.Import && (e.Previous == 0 || m.current(e.Message.ID).Message.Sent != want.Sent):
		if got.Created < want.Sent {
			w.Fatalf("Import: Created is %d, before Sent %d", got.Created, want.Sent)
		}
		for _, other := range m.timeline(parlance.ByCreated, true) {
			if other.Message.Created == got.Created {
				w.Fatalf("Import: Created %d is that of message %s too%s", got.Created, other.Message.ID, list(m.log))
			}
		}
		if got.Created != want.Sent && !m.born[want.Sent] {
			w.Fatalf("Import: Created is %d although Sent %d is free", got.Created, want.Sent)
		}
		want.Created = got.Created
		want.Updated = max(want.Updated, want.Created)
	}
}

// checkPlace checks where an entry stands in the log.
func (w *world) checkPlace(m *model, e, current *store.Entry) {
	w.Helper()
	want := store.Entry{Number: uint64(len(m.log)) + 1}
	want.First = want.Number
	if current != nil {
		want.First, want.Previous = current.First, current.Number
	}
	if e.Number != want.Number || e.First != want.First || e.Previous != want.Previous || e.Learned != w.clock.now {
		w.Fatalf("entry stands at %d, first %d, previous %d, learned %d; want %+v", e.Number, e.First, e.Previous, e.Learned, want)
	}
}

// change edits, recalls, deletes or reacts to a message, or does nothing to it.
func (w *world) change() {
	m := w.model()
	id := w.messageID()
	if len(m.log) > 0 && w.pick("known", 4) > 0 {
		id = m.log[w.pick("message", len(m.log))].Message.ID
	}
	kind := w.pick("change", 7)
	text, ahead := strconv.Itoa(w.pick("text", 3)), parlance.Time(w.pick("ahead", 3))
	change := func(msg *parlance.Message) error {
		switch kind {
		case 0, 1:
			msg.Text = text
		case 2:
			if msg.Text != text {
				msg.Text, msg.Updated = text, msg.Updated+ahead*50
			}
		case 3:
			msg.State = parlance.Recalled
		case 4:
			msg.State = parlance.Deleted
		case 5:
			r := parlance.Reaction{Emoji: text, Account: "bob"}
			if !slices.Contains(msg.Reactions, r) {
				msg.Reactions = append(msg.Reactions, r)
			}
		case 6:
			msg.Native.JSON = slices.Clone(msg.Native.JSON)
			if len(msg.Mentions) == 0 && msg.Native.JSON != nil {
				msg.Mentions = append(msg.Mentions, "bob")
				msg.Native.JSON[1] = '{'
			}
		}
		return nil
	}
	for {
		out, err := w.store().Change(w.ctx, w.ref(m), id, change)
		if err == nil || errors.Is(err, parlance.NotFound) {
			w.changed(m, id, change, &out, err)
			return
		}
		w.fault(err)
		if w.pick("give up", 3) == 0 {
			w.changed(m, id, change, nil, err)
			return
		}
	}
}

// changed holds what a Change did against what it should have done.
func (w *world) changed(m *model, id parlance.MessageID, change func(*parlance.Message) error, out *store.Outcome, err error) {
	w.Helper()
	fresh := w.fresh(m)
	current := m.current(id)
	if current == nil || current.Message.State == parlance.Deleted {
		if len(fresh) != 0 || err == nil {
			w.Fatalf("Change of a message that isn't there: %+v, %v, log%s", out, err, list(fresh))
		}
		return
	}
	want := current.Message
	want.Reactions = slices.Clone(want.Reactions)
	change(&want)
	same := sameMessage(want, current.Message)
	switch {
	case same && len(fresh) == 0:
		if out != nil && (err != nil || out.Result != store.Same || !equalEntry(out.Entry, *current)) {
			w.Fatalf("Change of nothing = %+v, %v", out, err)
		}
		return
	case len(fresh) == 0 && out == nil:
		return
	case same || len(fresh) != 1:
		w.Fatalf("Change of %s in %s stored%s", id, m.about.ID, list(fresh))
	}
	e := fresh[0]
	got := &e.Message
	if want.Updated == current.Message.Updated {
		if got.Updated <= current.Message.Updated || got.Updated < w.clock.now {
			w.Fatalf("Change: Updated is %d after %d", got.Updated, current.Message.Updated)
		}
		if m.updated <= w.clock.now+day && got.Updated <= m.updated {
			// A walk that began at the top could miss it.
			w.Fatalf("Change: Updated is %d, not above the highest, %d", got.Updated, m.updated)
		}
		want.Updated = got.Updated
	}
	if want.State != current.Message.State && want.Removed == 0 {
		if got.Removed < w.clock.now {
			w.Fatalf("Change: Removed is %d", got.Removed)
		}
		want.Removed = got.Removed
	}
	if want.Native.JSON != nil && string(want.Native.JSON) == string(current.Message.Native.JSON) {
		want.Native.Stale = true
	}
	if !sameMessage(*got, want) {
		w.Fatalf("Change stored\n%+v, want\n%+v", *got, want)
	}
	w.checkPlace(m, &e, current)
	if out != nil && err == nil && !w.faulty && (out.Result != store.Changed || !equalEntry(out.Entry, e)) {
		w.Fatalf("Change = %+v, want%s", out, list(fresh))
	}
	m.add(e, store.Send)
}

func (w *world) hide() {
	id := w.messageID()
	w.again(func(s *store.Store) error { return s.Hide(w.ctx, w.ref(w.models[0]), "alice", id) })
	w.hidden[id] = true
	hidden, err := w.stores[w.ops%len(w.stores)].Hidden(w.ctx, w.ref(w.models[0]), "alice")
	if err != nil || len(hidden) != len(w.hidden) {
		w.Fatalf("Hidden = %v, %v; want %v", hidden, err, w.hidden)
	}
}

// check holds a store against the models.
func (w *world) check(s *store.Store) {
	w.Helper()
	w.checker(s).all()
}

func (w *world) checker(s *store.Store) *checker {
	return &checker{
		failer: w.T, s: s, ws: "w", models: w.models, ctx: w.ctx,
		rand: rand.New(rand.NewPCG(uint64(w.ops), 1)),
	}
}

// importAgain does an import, local changes and the same import again: nothing happens.
func (w *world) importAgain() {
	w.Helper()
	m := w.models[1]
	var ms []parlance.Message
	for i := range 1 + w.pick("messages", 20) {
		ms = append(ms, parlance.Message{
			ID: parlance.MessageID(fmt.Sprintf("import %d", i)), Sender: "alice", Text: strconv.Itoa(w.pick("text", 3)), Sent: w.time("sent"),
		})
	}
	w.again(func(s *store.Store) error { _, err := putAs(w.ctx, s, w.ref(m), store.Import, ms...); return err })
	w.stored(m, store.Import, ms, nil)
	for range w.pick("changes", 6) {
		w.change()
	}
	// Two stores that store the very same entry in the same millisecond both take it for theirs.
	w.clock.now++
	before := len(m.log)
	w.again(func(s *store.Store) error {
		out, err := putAs(w.ctx, s, w.ref(m), store.Import, ms...)
		for _, o := range out {
			if o.Result != store.Same && o.Result != store.Kept {
				w.Fatalf("importing the same again = %+v", o)
			}
		}
		return err
	})
	if fresh := w.fresh(m); len(m.log) != before && len(fresh) > 0 {
		w.Fatalf("importing the same again stored%s", list(fresh))
	}
}
