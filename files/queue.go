package files

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"parlance"
)

const (
	workers = 8 // addresses that one queue asks at once
	perHost = 2 // of them on one host

	// A host that gave no answer, or said that it can't, so often in a row is left alone: the rest of its files waits for another time.
	maxSilent = 5

	// maxDue is how many groups of an earlier time are taken up at once.
	maxDue = 100
)

// A Queue fetches files of one source apart from whoever finds them mentioned, who never waits for it. It takes a bounded number; what doesn't
// fit, or isn't fetched when the queue is finished, is wanted as before, and a later queue's. It may be used by many goroutines, and
// must be finished or stopped.
type Queue struct {
	a     *Archive
	src   Source
	now   func() parlance.Time
	limit int // of addresses that wait; 0: none

	ctx    context.Context // ends the work
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	hosts   map[string]*line
	turns   []string // hosts with something to do, in the order of their turns
	waiting int      // addresses that nobody has begun with
	open    int      // batches that aren't done
	batches map[string]bool
	closed  bool // no more is taken
	err     error
	sum     Report
}

// A line is what is to be fetched from one host.
type line struct {
	jobs    []job
	running int
	silent  int // in a row
}

// A job is one address of a batch.
type job struct {
	batch *batch
	i     int
}

// A batch is a group under way.
type batch struct {
	standing
	all   bool // try what isn't due too
	found []Record
	left  int
}

// Wanted are files that were noted as wanted.
type Wanted struct{ groups []standing }

// NewQueue returns a queue for the files of a source, which works until ctx ends.
func (a *Archive) NewQueue(ctx context.Context, src Source, now func() parlance.Time) *Queue {
	q := a.newQueue(ctx, src, now)
	q.limit = parlance.MaxQueuedFiles
	return q
}

func (a *Archive) newQueue(ctx context.Context, src Source, now func() parlance.Time) *Queue {
	q := &Queue{a: a, src: src, now: now, hosts: map[string]*line{}, batches: map[string]bool{}}
	q.ctx, q.cancel = context.WithCancel(ctx)
	q.changed.L = &q.mu
	context.AfterFunc(q.ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})
	for range workers {
		q.done.Go(q.work)
	}
	return q
}

// Want records, durably, that files are wanted: see [Archive.Want]. Nothing is fetched until they are added.
func (q *Queue) Want(ctx context.Context, ms []Mention) (Wanted, error) {
	groups, err := q.a.want(ctx, q.src, ms, q.now())
	return Wanted{groups}, err
}

// Add has files fetched when their turn comes.
func (q *Queue) Add(w Wanted) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, g := range w.groups {
		if q.limit > 0 && q.waiting+len(g.Mentions) > q.limit {
			return
		}
		q.add(g, false)
	}
}

// add is Add for one group, once.
func (q *Queue) add(g standing, all bool) {
	if q.closed || q.ctx.Err() != nil || q.batches[g.key] || len(g.Mentions) == 0 {
		return
	}
	q.batches[g.key] = true
	b := &batch{standing: g, all: all, found: make([]Record, len(g.Mentions)), left: len(g.Mentions)}
	q.open++
	for i, m := range g.Mentions {
		host := q.host(m.Address)
		l := q.hosts[host]
		if l == nil {
			l = &line{}
			q.hosts[host] = l
		}
		if len(l.jobs) == 0 {
			q.turns = append(q.turns, host)
		}
		l.jobs = append(l.jobs, job{b, i})
		q.waiting++
	}
	q.changed.Broadcast()
}

// host returns whom an address asks.
func (q *Queue) host(address string) string {
	u, err := q.src.Fetcher.address(address)
	if err != nil {
		return ""
	}
	return hostPort(&url.URL{Scheme: u.Scheme, Host: u.Host})
}

// next waits for an address whose turn it is, false if there will be none.
func (q *Queue) next() (j job, host string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.ctx.Err() != nil || q.err != nil {
			return job{}, "", false
		}
		for i, host := range q.turns {
			l := q.hosts[host]
			if l.running >= perHost {
				continue
			}
			j, l.jobs = l.jobs[0], l.jobs[1:]
			q.turns = append(q.turns[:i], q.turns[i+1:]...)
			if len(l.jobs) > 0 {
				q.turns = append(q.turns, host)
			}
			l.running++
			q.waiting--
			return j, host, true
		}
		if q.closed && q.waiting == 0 {
			return job{}, "", false
		}
		q.changed.Wait()
	}
}

func (q *Queue) work() {
	for {
		j, host, ok := q.next()
		if !ok {
			return
		}
		r, tried, err := q.do(j, host)
		last := q.did(j, host, r, tried, err)
		if !last {
			continue
		}
		left, err := q.a.close(q.ctx, q.src, j.batch.standing, j.batch.found)
		q.mu.Lock()
		q.open--
		if !left && err == nil {
			delete(q.batches, j.batch.key) // it isn't in the store any more
		}
		q.fail(err)
		q.changed.Broadcast()
		q.mu.Unlock()
	}
}

// do fetches one address, unless its host is silent.
func (q *Queue) do(j job, host string) (Record, bool, error) {
	q.mu.Lock()
	silent := q.hosts[host].silent >= maxSilent
	q.mu.Unlock()
	if silent {
		return Record{}, false, nil
	}
	return q.a.try(q.ctx, q.src, Mention(j.batch.Mentions[j.i]), q.now(), j.batch.all)
}

// did notes what became of one address, and reports whether it was the last of its group.
func (q *Queue) did(j job, host string, r Record, tried bool, err error) (last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	l := q.hosts[host]
	l.running--
	defer func() {
		if l.running == 0 && len(l.jobs) == 0 && l.silent == 0 {
			delete(q.hosts, host) // of many hosts nothing need be remembered
		}
	}()
	if err != nil {
		q.fail(err)
		return false
	}
	j.batch.found[j.i] = r
	if tried {
		q.sum.add(&r)
		if l.silent++; !r.silent {
			l.silent = 0
		}
	}
	j.batch.left--
	return j.batch.left == 0
}

// fail ends the work with its first error. The end of the time for it is none.
func (q *Queue) fail(err error) {
	if err == nil || q.ctx.Err() != nil && (errors.Is(err, q.ctx.Err()) || errors.Is(err, context.Cause(q.ctx))) {
		return
	}
	if q.err == nil {
		q.err = err
		q.cancel()
	}
}

// drain waits until everything that was added is done, or nothing more will be.
func (q *Queue) drain() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.open > 0 && q.err == nil && q.ctx.Err() == nil {
		q.changed.Wait()
	}
	return q.err
}

// Finish fetches what was added and what of the source was wanted or failed before and is due, for as long as that is allowed to take, and ends the queue.
// What isn't fetched then is still wanted. An error is one of the store's or the disk's; a [*NoRoom] if files aren't fetched for want of it.
func (q *Queue) Finish(within time.Duration) (Report, error) {
	t := time.AfterFunc(within, q.cancel)
	defer t.Stop()
	err := q.due()
	if e := q.Stop(); err == nil || q.ctx.Err() != nil && errors.Is(err, q.ctx.Err()) {
		err = e
	}
	return q.sum, err
}

// due takes up what was left before, some groups at a time.
func (q *Queue) due() error {
	for {
		if err := q.drain(); err != nil || q.ctx.Err() != nil {
			return err
		}
		now, n := q.now(), 0
		groups, err := q.a.groups(q.ctx, q.src.Workspace, func(g *group, key string) bool {
			if g.Source != q.src.Name || g.Next > now || n == maxDue || q.had(key) {
				return false
			}
			n++
			return true
		})
		if err != nil || len(groups) == 0 {
			return err
		}
		q.mu.Lock()
		for _, g := range groups {
			q.add(g, false)
		}
		q.mu.Unlock()
	}
}

// had reports whether a group was added before.
func (q *Queue) had(key string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.batches[key]
}

// Stop ends the queue at once, and returns the error that ended it before, if one did.
func (q *Queue) Stop() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cancel()
	q.done.Wait()
	return q.err
}

// settle tries what can be tried of groups, at all times or what is due, and records what became of it.
func (a *Archive) settle(ctx context.Context, src Source, groups []standing, now parlance.Time, all bool) (Report, error) {
	q := a.newQueue(ctx, src, func() parlance.Time { return now })
	q.mu.Lock()
	for _, g := range groups {
		q.add(g, all)
	}
	q.mu.Unlock()
	err := q.drain()
	if e := q.Stop(); err == nil {
		err = e
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return q.sum, err
}
