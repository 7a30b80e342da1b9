package mirror

import (
	"context"

	"parlance"
)

// hold takes an upstream for one run, so that its cursors have one writer.
func (m *Mirror) hold(_ context.Context, n Name) (release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running[n] {
		return nil, parlance.Errorf(parlance.Conflict, "%s is being run already", n)
	}
	m.running[n] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.running, n)
	}, nil
}
