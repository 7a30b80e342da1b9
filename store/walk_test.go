package store_test

import (
	"parlance"
	"parlance/store"
)

// A walker goes through a conversation by cursor while it is written to.
type walker struct {
	w       *world
	m       *model
	q       store.Query
	at      map[parlance.MessageID]store.Entry // what was there at the start
	seen    map[parlance.MessageID]int
	highest parlance.Position
	done    bool
}

func (w *world) walk() {
	m := w.model()
	walk := &walker{
		w: w, m: m, at: map[parlance.MessageID]store.Entry{}, seen: map[parlance.MessageID]int{},
		q: store.Query{
			Timeline: parlance.Timeline(w.pick("timeline", 3)), Limit: 1 + w.pick("limit", 4),
			Ascending: w.pick("ascending", 2) == 0, Private: true,
		},
	}
	for _, e := range m.timeline(walk.q.Timeline, true) {
		walk.at[e.Message.ID] = e
		walk.highest = e.Message.Position(walk.q.Timeline)
	}
	w.walks = append(w.walks, walk)
}

func (k *walker) step() {
	if k.done {
		return
	}
	p, err := k.w.store().Page(k.w.ctx, k.w.ref(k.m), k.q)
	if err != nil {
		k.w.Fatalf("Page in a walk: %v", err)
	}
	for _, e := range p.Entries {
		k.seen[e.Message.ID]++
	}
	if k.done = !p.More; !k.done {
		step(&k.q, p.Entries[len(p.Entries)-1].Message.Position(k.q.Timeline))
	}
}

// finish walks to the end and checks what was found.
func (k *walker) finish() {
	k.w.Helper()
	for !k.done {
		k.step()
	}
	above := map[parlance.MessageID]bool{}
	q := store.Query{Timeline: k.q.Timeline, Limit: store.MaxLimit, Private: true, From: k.highest.Next()}
	p, err := k.w.store().Page(k.w.ctx, k.w.ref(k.m), q)
	if err != nil {
		k.w.Fatalf("Page above a walk: %v", err)
	}
	for _, e := range p.Entries {
		above[e.Message.ID] = true
	}
	for id, was := range k.at {
		// A source may move a message, and a message may be deleted meanwhile.
		stayed, gone := true, false
		moved := k.m.current(id).Message.Position(k.q.Timeline)
		for _, e := range k.m.versions(id) {
			if e.Number <= was.Number {
				break
			}
			p := e.Message.Position(k.q.Timeline)
			stayed = stayed && p == was.Message.Position(k.q.Timeline)
			gone = gone || e.Message.State == parlance.Deleted
		}
		switch {
		case gone:
		case stayed && k.seen[id] != 1:
			k.w.Fatalf("a walk of %s (%+v) returned %s %d times%s", k.m.about.ID, k.q, id, k.seen[id], list(k.m.log))
		case !stayed && k.seen[id] == 0 && moved.Compare(k.highest) > 0 && !above[id]:
			k.w.Fatalf("a walk of %s (%+v) lost %s", k.m.about.ID, k.q, id)
		}
	}
}
