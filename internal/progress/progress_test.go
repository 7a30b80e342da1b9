package progress

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// lines hands over each line that is written to it.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestLines(t *testing.T) {
	l := make(lines)
	m := Start(l, Options{What: "import", Bytes: 1000, Every: time.Millisecond})
	m.Set(1234567, 350)
	line := <-l
	if !strings.HasPrefix(line, "import: 1,234,567 messages, ") || !strings.Contains(line, " a second, 35 % read, ") {
		t.Errorf("line %q", line)
	}
	go func() {
		for range l { // what may come until Stop
		}
	}()
	m.Stop()
	close(l)
}

func TestText(t *testing.T) {
	m := Start(io.Discard, Options{What: "import", Bytes: 1000, Quiet: true})
	defer m.Stop()
	for _, c := range []struct {
		messages int
		bytes    int64
		want     string
	}{
		{0, 0, "import: 0 messages, 0 a second, 0 % read"},
		{90000, 250, "import: 90,000 messages, 9,000 a second, 25 % read, 30s left"},
		{90000, 1000, "import: 90,000 messages, 9,000 a second, 100 % read"},
	} {
		m.Set(c.messages, c.bytes)
		if got := m.text(10 * time.Second); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	m := Start(&b, Options{What: "import", Quiet: true, Every: time.Nanosecond})
	m.Set(1, 1)
	m.Stop()
	if b.Len() > 0 {
		t.Errorf("wrote %q", b.String())
	}
}

// TestTerminal checks that a job can end before its bar is full, and that other words come through.
func TestTerminal(t *testing.T) {
	var b bytes.Buffer
	m := Start(&b, Options{What: "import", Bytes: 100, Terminal: true})
	m.Set(10, 50)
	fmt.Fprintln(m.Writer(), "file:1: bad")
	m.Stop()
	if !strings.Contains(b.String(), "file:1: bad\n") {
		t.Errorf("wrote %q", b.String())
	}
	m = Start(io.Discard, Options{Terminal: true}) // nothing known, nothing done
	m.Stop()
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", -100: "-100"} {
		if got := Number(n); got != want {
			t.Errorf("Number(%d) = %s, want %s", n, got, want)
		}
	}
}
