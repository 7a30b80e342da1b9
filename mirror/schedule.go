package mirror

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"parlance"
)

// look is how often the schedule is looked at.
const look = 15 * time.Second

// Serve runs upstreams when their time has come, those first whose platform forgets first, until ctx ends. Several processes may
// serve the same store: who takes an upstream first runs it.
func (m *Mirror) Serve(ctx context.Context) {
	var runs sync.WaitGroup
	defer runs.Wait()
	var begun sync.Map // names of runs that this schedule began and that haven't ended
	m.lookAtAll(ctx)
	for {
		due, err := m.due(ctx, &begun)
		if err != nil && ctx.Err() == nil {
			m.o.Logger.Error("look for upstreams that are to be read", "error", err)
		}
		for _, c := range due {
			begun.Store(c.Name, true)
			runs.Go(func() {
				defer begun.Delete(c.Name)
				m.runScheduled(ctx, c.Name)
			})
		}
		if m.o.Wait(ctx, look) != nil || ctx.Err() != nil {
			return
		}
	}
}

// lookAtAll lets the metrics tell of upstreams that weren't run yet.
func (m *Mirror) lookAtAll(ctx context.Context) {
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return // whoever looks for work says it
		}
		s, err := m.Status(ctx, c.Name)
		if err != nil {
			continue
		}
		m.mu.Lock()
		m.tally(c.Name).status = s
		m.mu.Unlock()
	}
}

// due returns the upstreams whose time has come and that aren't being run here, nor have begun to be.
func (m *Mirror) due(ctx context.Context, begun *sync.Map) ([]Config, error) {
	var due []Config
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return due, err
		}
		m.mu.Lock()
		running := m.running[c.Name]
		m.mu.Unlock()
		if _, is := begun.Load(c.Name); is || running || c.Every <= 0 || c.Next() > m.o.Now() {
			continue
		}
		due = append(due, c)
	}
	slices.SortStableFunc(due, func(a, b Config) int { return cmp.Compare(a.loses(), b.loses()) })
	return due, nil
}

// loses returns when the first message that isn't here may vanish, as the last run left it; 0, which is now, if there was none.
func (c *Config) loses() parlance.Time {
	if c.Last == nil {
		return 0
	}
	return c.Last.Loses
}

func (m *Mirror) runScheduled(ctx context.Context, n Name) {
	r, err := m.Run(ctx, n, RunOptions{})
	log := m.o.Logger.With("source", n, "state", r.State, "read", r.Read, "new", r.New, "changed", r.Changed, "calls", r.Calls, "gaps", len(r.Gaps))
	switch {
	case errors.Is(err, parlance.Conflict) && r.Source == "", ctx.Err() != nil:
	case err != nil:
		log.Error("mirror", "error", err)
	case r.State != Complete:
		log.Warn("mirror")
	default:
		log.Info("mirror")
	}
}
