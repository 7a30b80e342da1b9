// Package progress shows how far a long job has come, in messages: as a bar on a
// terminal, else as a line now and then.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Options are a meter's settings.
type Options struct {
	What     string        // what is being done, such as "import"
	Bytes    int64         // how much there is to read; 0 = not known
	Terminal bool          // a bar instead of lines
	Quiet    bool          // nothing at all
	Every    time.Duration // between two lines; 0 = 5 s
	Note     func() string // says what else is to be told; nil = nothing
}

// A Meter shows the progress of one job. Its methods may be called from many goroutines.
type Meter struct {
	o        Options
	start    time.Time
	messages atomic.Int64
	bytes    atomic.Int64
	total    atomic.Int64 // of bytes
	out      io.Writer

	bars *mpb.Progress
	bar  *mpb.Bar

	stop    chan struct{}
	stopped sync.WaitGroup
}

// Start starts to show progress on w.
func Start(w io.Writer, o Options) *Meter {
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	m := &Meter{o: o, start: time.Now(), out: w, stop: make(chan struct{})}
	m.total.Store(o.Bytes)
	switch {
	case o.Quiet:
	case o.Terminal:
		if u, ok := w.(interface{ Unwrap() io.Writer }); ok {
			w = u.Unwrap() // a bar is made of control signs
		}
		m.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(64), mpb.WithAutoRefresh())
		m.bar = m.bars.AddBar(o.Bytes,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return m.String() })),
			mpb.AppendDecorators(decor.Percentage()))
		m.out = m.bars
	default:
		m.stopped.Go(m.beat)
	}
	return m
}

// beat writes a line now and then.
func (m *Meter) beat() {
	t := time.NewTicker(m.o.Every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fmt.Fprintln(m.out, m)
		case <-m.stop:
			return
		}
	}
}

// Set says how far the job has come, in all.
func (m *Meter) Set(messages int, bytes int64) {
	m.messages.Store(int64(messages))
	m.bytes.Store(bytes)
	if m.bar != nil {
		m.bar.SetCurrent(bytes)
	}
}

// SetTotal says how much there is to read, where that becomes known on the way. It is in the unit of Set's bytes, whatever that is.
func (m *Meter) SetTotal(bytes int64) {
	if m.total.Swap(bytes) != bytes && m.bar != nil {
		m.bar.SetTotal(bytes, false)
	}
}

// String returns "import: 120,000 messages, 43,000 a second, 35 % read, 5s left".
func (m *Meter) String() string { return m.text(time.Since(m.start)) }

// text says how far the job has come after some time.
func (m *Meter) text(took time.Duration) string {
	var b strings.Builder
	n, read := m.messages.Load(), m.bytes.Load()
	fmt.Fprintf(&b, "%s: %s messages", m.o.What, Number(n))
	if took > 0 {
		fmt.Fprintf(&b, ", %s a second", Number(int64(float64(n)/took.Seconds())))
	}
	total := m.total.Load()
	if total > 0 && m.bar == nil {
		fmt.Fprintf(&b, ", %d %% read", min(100*read/total, 100))
	}
	if read > 0 && read < total {
		left := time.Duration(float64(took) * float64(total-read) / float64(read))
		fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
	}
	if m.o.Note != nil {
		b.WriteString("; " + m.o.Note())
	}
	return b.String()
}

// Writer is where anything else goes that is said while progress is shown.
func (m *Meter) Writer() io.Writer { return m.out }

// Stop ends it. It must be called once; what was shown stays.
func (m *Meter) Stop() {
	close(m.stop)
	m.stopped.Wait()
	if m.bars != nil {
		m.bar.Abort(false)
		m.bars.Wait()
	}
}

// Number returns n with commas between the thousands.
func Number[N ~int | ~int64](n N) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
