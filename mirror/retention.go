package mirror

import (
	"time"

	"parlance"
)

// retention returns how long the upstream's platform keeps messages: as it was told, else as its documentation says; 0: for ever, as far as
// is known.
func (c *Config) retention() time.Duration {
	if c.Retention > 0 {
		return c.Retention
	}
	return traits(c.Platform).Retention
}

// never is later than all times.
const never = parlance.MaxTime

// loses returns when the first message that isn't here may vanish from a platform that keeps messages for so long; 0 if that may be now, and
// never if it keeps them for ever.
func (l *Ledger) loses(retention time.Duration) parlance.Time {
	switch {
	case retention <= 0 || l.Gone != 0:
		return never
	case len(l.Spans) == 0 || l.Beginning == "":
		return 0 // nobody knows how old what lies below is
	}
	// What is not here came after the lowest span, which has a hole above it; or, if there is no hole, after the head was last read.
	from := l.Spans[len(l.Spans)-1].High
	if len(l.Spans) == 1 {
		from = max(from, l.Checked)
	}
	return from + parlance.Time(retention.Milliseconds())
}
