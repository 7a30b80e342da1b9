package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"parlance"
	"parlance/internal/jsonrecord"
)

// leases is the collection of who runs what, on a store that several processes share.
const leases = "mirror-lease"

// A lease says which process runs an upstream, and until when that is certain.
type lease struct {
	Holder string        `json:"holder"`
	Until  parlance.Time `json:"until_ms"`
}

const (
	leaseTime  = time.Minute
	leaseRenew = 15 * time.Second
)

// hold takes an upstream for one run, so that its cursors have one writer. The context that it returns ends when the upstream is
// lost to another process, which happens only if this one stood still for longer than the lease.
func (m *Mirror) hold(ctx context.Context, n Name) (_ context.Context, release func(), err error) {
	m.mu.Lock()
	taken := m.running[n]
	m.running[n] = true
	m.mu.Unlock()
	if taken {
		return ctx, nil, parlance.Errorf(parlance.Conflict, "%s is being run already", n)
	}
	free := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.running, n)
	}
	if !m.o.Shared {
		return ctx, free, nil
	}
	raw, err := m.takeLease(ctx, n, nil)
	if err != nil {
		free()
		return ctx, nil, err
	}
	ctx, lose := context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var renewer sync.WaitGroup
	renewer.Go(func() {
		until := m.o.Now() + parlance.Time(leaseTime.Milliseconds())
		for m.o.Wait(renewing, leaseRenew) == nil {
			renewed, err := m.takeLease(renewing, n, raw)
			switch {
			case err == nil:
				raw, until = renewed, m.o.Now()+parlance.Time(leaseTime.Milliseconds())
			case errors.Is(err, parlance.Conflict) || m.o.Now() > until:
				lose(fmt.Errorf("run %s: %w", n, err))
				return
			}
		}
	})
	return ctx, func() {
		stop()
		renewer.Wait()
		lose(nil)
		_ = m.store.SwapRecord(context.WithoutCancel(ctx), leases, string(n), raw, nil) // else it ends by itself
		free()
	}, nil
}

// takeLease takes or, with the one held, renews a lease. Conflict says that another process has it.
func (m *Mirror) takeLease(ctx context.Context, n Name, held []byte) ([]byte, error) {
	old := held
	if held == nil {
		l, raw, err := jsonrecord.Read[lease](ctx, m.store, leases, string(n))
		if err != nil {
			return nil, fmt.Errorf("look who runs %s: %w", n, err)
		}
		old = raw
		if l.Until > m.o.Now() {
			return nil, parlance.Errorf(parlance.Conflict, "%s is being run already by another process", n)
		}
	}
	raw, err := json.Marshal(lease{m.holder, m.o.Now() + parlance.Time(leaseTime.Milliseconds())})
	if err != nil {
		return nil, fmt.Errorf("encode a lease: %w", err)
	}
	err = m.store.SwapRecord(ctx, leases, string(n), old, raw)
	if errors.Is(err, parlance.Conflict) {
		// It may be our own, of a renewal whose answer was lost.
		if l, now, e := jsonrecord.Read[lease](ctx, m.store, leases, string(n)); e == nil && held != nil && l.Holder == m.holder {
			return now, nil
		}
		return nil, parlance.Errorf(parlance.Conflict, "%s is being run already by another process", n)
	}
	return raw, err
}
