package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parlance"
	"parlance/files"
	"parlance/history"
	"parlance/internal/upstream"
)

// RunOptions are the settings of one run. The zero value reads what is new.
type RunOptions struct {
	// Conversations are the only ones to read; empty: all that the upstream is for.
	Conversations []parlance.ConversationID

	// Full reads every stream from its newest message to its beginning, whatever was read before. That finds
	// changes that the platform doesn't tell of, tries anew what was a gap, and finds what vanished: a message that
	// two full runs in a row should have been given and weren't is marked missing, since the first of them. Messages older than the oldest that was
	// given may have been dropped for their age, and stay as they are.
	Full bool
	// AcceptMissing marks messages missing however many they are. Without it nothing is marked in a conversation that would lose more than
	// ten messages and a fifth of all.
	AcceptMissing bool

	// DryRun asks the platform, and changes nothing here.
	DryRun bool

	// Secret returns the credential for this run; nil: the mirror's own Secret does.
	Secret func(Config) (Secret, error)

	Parallel int            // streams read at once; 0: 4
	Progress func(Progress) // told of each page, by one goroutine at a time
}

// A Report says what a run did and where the upstream stands now.
type Report struct {
	Source        Name  `json:"source"`
	State         State `json:"state"`
	Conversations int   `json:"conversations"` // that the upstream has, as far as is known
	Messages      int   `json:"messages"`      // that are here of them
	Read          int   `json:"read"`          // given by the platform in this run, repetitions too
	New           int   `json:"new"`
	Changed       int   `json:"changed"` // new versions
	Missing       int   `json:"missing"` // marked missing in this run
	Calls         int   `json:"calls"`
	Gaps          []Gap `json:"gaps"` // all that is missing or not proven to be here; see [Ledger.Holes]
	DryRun        bool  `json:"dry_run,omitempty"`
}

// A run is one reading of an upstream.
type run struct {
	m      *Mirror
	c      Config
	o      RunOptions
	traits history.Traits
	budget *budget
	end    func() // gives the run's part of the budget back; nil: it has none
	meter  *meter
	board  board

	rotation time.Duration // within what time streams that the list shows unchanged are looked at; 0: all are now

	renewing sync.Mutex // held while a new credential is taken

	mu     sync.Mutex // guards source, secret and c.Account
	source history.Source
	secret Secret

	fetcher *files.Fetcher // nil: no files are kept
	unheard atomic.Int32   // conversations in a row that got no answer, see unanswered
	queue   *files.Queue   // what fetches them, apart from the reading; nil as fetcher is
	known   sync.Map       // what of conversations and accounts was compared with the store, see meta.go
	others  sync.Map       // why a conversation of the platform isn't the one that stands here, see others.go; empty: it is
	wrote   atomic.Bool
}

// Run reads an upstream: lists its conversations and reads what isn't here yet. It returns a report also with an error.
//
// Errors of kind Unauthenticated ask for another credential, those of kind Conflict say that the upstream is being run
// already. Without an error everything that could be asked was asked; the report's state tells whether everything is here.
func (m *Mirror) Run(ctx context.Context, n Name, o RunOptions) (Report, error) {
	c, err := m.Upstream(ctx, n)
	if err != nil {
		return Report{}, err
	}
	ctx, release, err := m.hold(ctx, n)
	if err != nil {
		return Report{}, err
	}
	defer release()
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Secret == nil {
		o.Secret = m.o.Secret
	}
	r := &run{m: m, c: c, o: o}
	if m.o.Files != nil && !o.DryRun {
		r.fetcher = r.newFetcher()
		defer r.fetcher.Close()
		r.queue = m.o.Files.NewQueue(ctx, r.files(), m.o.Now)
		defer func() { _ = r.queue.Stop() }() // its error was told by whoever finished it, or another one ended the run
	}
	r.board.tell = o.Progress
	r.board.p.Source = n
	began := m.o.Now()
	err = r.do(ctx)
	if r.end != nil {
		r.end()
	}

	// What was read is kept also where ctx ended, so the books are closed without it.
	after := context.WithoutCancel(ctx)
	if r.wrote.Load() {
		err = errors.Join(err, m.store.Settle(after))
	}
	report, status, e := r.report(after, err)
	whole := len(o.Conversations) == 0
	if !o.DryRun && e == nil {
		m.tallied(&report, status, err)
	}
	if e != nil || o.DryRun {
		return report, errors.Join(err, e)
	}
	e = m.update(after, n, func(c *Config) {
		c.Last = &Last{Began: began, Ended: m.o.Now(), State: report.State, Loses: status.Loses, Login: errors.Is(err, parlance.Unauthenticated)}
		if err != nil {
			c.Last.Error = err.Error()
		}
		c.noteEnd(began, err, whole)
	})
	return report, errors.Join(err, e)
}

func (r *run) do(ctx context.Context) error {
	if err := r.dial(); err != nil {
		return err
	}
	if err := r.persist(ctx, func() error { return r.identify(ctx) }); err != nil {
		return err
	}
	streams, err := r.streams(ctx)
	if err != nil {
		return err
	}
	r.board.change(func(p *Progress) { p.Streams = len(streams) })
	return r.readAll(ctx, streams)
}

// dial makes the source with the credential as it is now.
func (r *run) dial() error {
	secret, err := r.o.Secret(r.c)
	if err != nil {
		return fmt.Errorf("read the credential of %s: %w", r.c.Name, err)
	}
	if len(r.o.Conversations) > 0 {
		r.c.Conversations = r.o.Conversations
	}
	if r.meter == nil {
		r.meter = &meter{next: r.m.o.Transport, waiting: r.waiting}
	}
	source, err := dial(r.c, secret, r.meter, r.m.o.Now)
	if err != nil {
		return fmt.Errorf("set up %s: %w", r.c.Name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source, r.secret = source, secret
	if r.budget == nil {
		r.traits = source.Traits()
		perSecond := r.traits.Rate
		if r.c.Rate > 0 {
			perSecond = r.c.Rate
		}
		r.budget = r.m.budget(&r.c, perSecond)
		r.end = r.budget.begin(r, perSecond)
		r.meter.budget = r.budget
	}
	return nil
}

// asked returns the source.
func (r *run) asked() history.Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source
}

// renew takes the credential anew after it was refused to a source, and reports whether there is another one that may be tried.
func (r *run) renew(ctx context.Context, used history.Source, refused error) (bool, error) {
	r.renewing.Lock()
	defer r.renewing.Unlock()
	if r.asked() != used {
		return true, nil // another worker did
	}
	secret, err := r.o.Secret(r.c)
	if err != nil {
		return false, errors.Join(refused, fmt.Errorf("read the credential of %s: %w", r.c.Name, err))
	}
	r.mu.Lock()
	same := secret == r.secret
	r.mu.Unlock()
	if same {
		return false, nil
	}
	if err := r.dial(); err != nil {
		return false, err
	}
	var p patience
	return true, r.retry(ctx, &p, func() error { return r.identify(ctx) })
}

// identify finds out whose credential it is, and refuses another account's.
func (r *run) identify(ctx context.Context) error {
	account, err := r.asked().Account(ctx)
	if err != nil {
		return err
	}
	return r.isAccount(ctx, account)
}

// errForeign is the cause of every refusal of another account.
var errForeign = errors.New("nothing was read")

// isAccount refuses a history that is another account's than the one that was mirrored first.
func (r *run) isAccount(ctx context.Context, account string) error {
	if account == "" {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.c.Account {
	case account:
		return nil
	case "":
		r.c.Account = account
		if r.o.DryRun {
			return nil
		}
		return r.m.update(ctx, r.c.Name, func(c *Config) { c.Account = account })
	}
	return parlance.Wrap(parlance.Forbidden, errForeign,
		"the credential is of account %q, but %s mirrors account %q: use that one's credential, or add another upstream for this one",
		account, r.c.Name, r.c.Account)
}

// A task is a stream that is to be read.
type task struct {
	stream history.Stream
	book   *book
	loses  parlance.Time // see Ledger.loses
}

// streams lists what is to be read, the most urgent first, and opens a ledger for each.
func (r *run) streams(ctx context.Context) ([]task, error) {
	var listed []history.Stream
	seen := map[history.StreamID]bool{}
	ctx, held := r.m.holds(ctx)
	defer held.release()
	var unreadable Ledger // its gaps are those of the list
	var p patience
	err := r.persistWith(ctx, &p, func() error {
		for st, err := range r.asked().Streams(ctx) {
			if err != nil {
				return err
			}
			if st.Err != nil && unreadable.gap(r.unreadable(&st)) {
				p.went()
			}
			if st.ID != "" && !seen[st.ID] && r.wanted(st.Conversation.ID) {
				seen[st.ID] = true
				p.went()
				listed = append(listed, st)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the conversations of %s: %w", r.c.Name, err)
	}
	var tasks []task
	retention := r.c.retention()
	for _, st := range listed {
		b, err := r.m.open(ctx, r.c.Name, st.ID)
		if err != nil {
			return nil, err
		}
		if b.raw == nil {
			b.Conversation, b.Order = st.Conversation.ID, r.traits.Order
		}
		if b.raw == nil && !r.o.DryRun {
			if err := r.m.save(ctx, r.c.Name, b); err != nil {
				return nil, err
			}
		}
		tasks = append(tasks, task{st, b, b.loses(retention)})
	}
	unlisted, err := r.unlisted(ctx, seen)
	if err != nil {
		return nil, err
	}
	tasks = append(tasks, unlisted...)
	r.rotation = rotation(r.traits, len(tasks))
	slices.SortStableFunc(tasks, func(a, b task) int { return cmp.Compare(a.loses, b.loses) })
	if r.o.DryRun || len(r.o.Conversations) > 0 {
		return tasks, nil
	}
	return tasks, r.m.update(ctx, r.c.Name, func(c *Config) {
		c.Listed, c.Rotation = r.m.o.Now(), r.rotation
		c.Unreadable = acknowledged(unreadable.Gaps, c.Unreadable)
	})
}

// unreadable is the gap that an item of the list that can't be read makes.
func (r *run) unreadable(st *history.Stream) Gap {
	g := Gap{Found: r.m.o.Now(), Reason: "the platform's list of conversations: " + upstream.Shown(st.Err.Error())}
	if parlance.CheckID("conversation", st.Conversation.ID) == nil {
		g.Conversation = st.Conversation.ID
	}
	return g
}

// wanted reports whether a conversation is to be read; an empty id is of all.
func (r *run) wanted(id parlance.ConversationID) bool {
	return id == "" || len(r.c.Conversations) == 0 || slices.Contains(r.c.Conversations, id)
}

// unlisted returns the streams that were known and that the platform doesn't list any more. They are asked for all the same: being absent
// from a list proves nothing.
func (r *run) unlisted(ctx context.Context, listed map[history.StreamID]bool) ([]task, error) {
	if len(r.o.Conversations) > 0 {
		return nil, nil
	}
	var tasks []task
	for l, err := range r.m.Ledgers(ctx, r.c.Name) {
		if err != nil {
			return nil, err
		}
		if l.Part != "" || l.Gone != 0 || listed[l.Stream] || listed[history.Everything] || !r.wanted(l.Conversation) {
			continue
		}
		b, err := r.m.open(ctx, r.c.Name, l.Stream)
		if err != nil {
			return nil, err
		}
		st := history.Stream{ID: l.Stream}
		st.Conversation.ID = l.Conversation
		tasks = append(tasks, task{st, b, b.loses(r.c.retention())})
	}
	return tasks, nil
}

// readAll reads streams, several at once, until all are read or one failed in a way that concerns all.
func (r *run) readAll(ctx context.Context, tasks []task) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan task)
	var workers sync.WaitGroup
	for range min(r.o.Parallel, len(tasks)) {
		workers.Go(func() {
			for t := range next {
				if err := r.stream(ctx, t); err != nil {
					cancel(err)
				}
				r.board.change(func(p *Progress) { p.Done++ })
			}
		})
	}
feed:
	for _, t := range tasks {
		select {
		case next <- t:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return r.finishFiles(ctx)
}

// stream reads one stream. It returns only errors that concern the whole run; what concerns the stream goes to its ledger.
func (r *run) stream(ctx context.Context, t task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, holding := r.m.holds(ctx)
	defer holding.release()
	b := t.book
	if err := r.meta(ctx, &t.stream); err != nil {
		return r.unkept(ctx, b, err)
	}
	if id := t.stream.Conversation.ID; id != "" {
		b.Conversation = id
		why, err := r.isOther(ctx, id)
		if err != nil {
			return err
		}
		if why != "" {
			r.other(b, id, why)
			if r.o.DryRun {
				return nil
			}
			return r.m.save(context.WithoutCancel(ctx), r.c.Name, b)
		}
		b.notOther()
	}
	if err := r.left(ctx, b, t.stream.Members); err != nil {
		return r.unkept(ctx, b, err)
	}
	read, full, held := r.read, r.fullDue(b), b.Held
	switch {
	case full:
		read = r.full
	case r.rests(&t) && r.o.DryRun:
		return nil
	case r.rests(&t):
		return r.m.save(context.WithoutCancel(ctx), r.c.Name, b) // who left may have changed
	}
	err := read(ctx, b)
	var fatal error
	switch now := r.m.o.Now(); {
	case err == nil:
		r.unheard.Store(0)
		b.Attempted, b.Failure, b.Gone = 0, "", 0
		r.looked(b, t.stream.Hint, held)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, parlance.NotFound):
		b.Gone, b.Failure = cmp.Or(b.Gone, now), ""
		b.find("", "the platform doesn't have it any more", now)
	case errors.Is(err, parlance.Forbidden), errors.Is(err, parlance.Broken), errors.Is(err, parlance.Invalid):
		b.Attempted, b.Failure = now, err.Error()
		if full {
			b.Stuck = now
		}
		r.m.o.Logger.Warn("a conversation couldn't be read", "source", r.c.Name, "stream", t.stream.ID, "error", err)
		if errors.Is(err, errForeign) {
			fatal = err
		}
	default:
		b.Attempted, b.Failure = now, err.Error()
		if !r.ofOne(ctx, b, err) {
			fatal = err
			break
		}
		if full {
			b.Stuck = now
		}
		r.m.o.Logger.Warn("a conversation couldn't be read", "source", r.c.Name, "stream", t.stream.ID, "error", err)
	}
	if r.o.DryRun {
		return fatal
	}
	return errors.Join(fatal, r.m.save(context.WithoutCancel(ctx), r.c.Name, b))
}
