package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/files"
)

// asks makes requests of files, without a network.
type asks func(*http.Request) (*http.Response, error)

// RoundTrip makes a request.
func (a asks) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// picture is an answer with a file of these bytes.
func picture(r *http.Request, content io.Reader) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"image/png"}}, ContentLength: -1, Body: io.NopCloser(content), Request: r,
	}
}

// through returns the world's source, whose requests answer makes.
func (w *world) through(t *testing.T, answer asks) files.Source {
	src := w.src
	src.Fetcher = files.NewFetcher(files.FetcherOptions{Transport: answer})
	t.Cleanup(src.Fetcher.Close)
	return src
}

// on are mentions of n files of a host.
func on(host string, n int) (all []files.Mention) {
	for i := range n {
		address := fmt.Sprintf("https://%s/%d.png", host, i)
		all = append(all, files.Mention{Conversation: "c", Message: parlance.MessageID(address), Address: address})
	}
	return all
}

// add wants files and queues them.
func add(t *testing.T, q *files.Queue, ms []files.Mention) {
	t.Helper()
	wanted, err := q.Want(t.Context(), ms)
	if err != nil {
		t.Fatal(err)
	}
	q.Add(wanted)
}

// However many files a host has, two of them are asked for at once, and another host's come meanwhile.
func TestQueueBoundsEachHost(t *testing.T) {
	const n = 30
	w := newWorld(t)
	var others sync.WaitGroup
	others.Add(n)
	var now, most atomic.Int64
	src := w.through(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "other.example" {
			defer others.Done()
		} else {
			for at := now.Add(1); ; {
				m := most.Load()
				if at <= m || most.CompareAndSwap(m, at) {
					break
				}
			}
			defer now.Add(-1)
			others.Wait() // it is slower than all of the other host's together
		}
		return picture(r, strings.NewReader(png+r.URL.String())), nil
	})
	q := w.NewQueue(t.Context(), src, w.clock.Now)
	add(t, q, on("slow.example", n))
	add(t, q, on("other.example", n))
	report, err := q.Finish(time.Hour)
	if err != nil || report.Fetched != 2*n || most.Load() != 2 {
		t.Errorf("%+v, %v, at most %d of the slow host at once", report, err, most.Load())
	}
	if c := w.counts(t); c.Fetched != 2*n || c.Wanted != 0 {
		t.Errorf("counts %+v", c)
	}
}

// A host that doesn't answer is left alone after a few tries, and its files are wanted still.
func TestQueueLeavesASilentHostAlone(t *testing.T) {
	const n = 30
	w := newWorld(t)
	var asked atomic.Int64
	silent := true
	src := w.through(t, func(r *http.Request) (*http.Response, error) {
		if silent && r.URL.Host == "silent.example" {
			asked.Add(1)
			return nil, io.ErrUnexpectedEOF
		}
		return picture(r, strings.NewReader(png+r.URL.String())), nil
	})
	q := w.NewQueue(t.Context(), src, w.clock.Now)
	add(t, q, on("silent.example", n))
	add(t, q, on("other.example", n))
	report, err := q.Finish(time.Hour)
	tried := int(asked.Load())
	if err != nil || report.Fetched != n || report.Failed != tried || tried < 5 || tried > 6 {
		t.Errorf("%+v, %v, the silent host was asked %d times", report, err, tried)
	}
	if c := w.counts(t); c.Fetched != n || c.Failed != tried || c.Wanted != n-tried {
		t.Errorf("counts %+v", c)
	}
	silent = false
	w.clock.Advance(time.Hour)
	if report, err := w.NewQueue(t.Context(), src, w.clock.Now).Finish(time.Hour); err != nil || report.Fetched != n {
		t.Errorf("later: %+v, %v", report, err)
	}
}

// What a queue has no time for is wanted still, and the next one's.
func TestQueueEndsInTime(t *testing.T) {
	const n = 250
	w := newWorld(t)
	hangs := true
	src := w.through(t, func(r *http.Request) (*http.Response, error) {
		if hangs {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return picture(r, strings.NewReader(png+r.URL.String())), nil
	})
	q := w.NewQueue(t.Context(), src, w.clock.Now)
	add(t, q, on("slow.example", n))
	if report, err := q.Finish(time.Millisecond); err != nil || report != (files.Report{}) {
		t.Errorf("%+v, %v", report, err)
	}
	if c := w.counts(t); c.Wanted != n {
		t.Errorf("counts %+v", c)
	}
	hangs = false
	if report, err := w.NewQueue(t.Context(), src, w.clock.Now).Finish(time.Hour); err != nil || report.Fetched != n {
		t.Errorf("later: %+v, %v", report, err)
	}
}

// The end of whoever has the queue ends it too.
func TestQueueEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	src := w.through(t, func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	q := w.NewQueue(ctx, src, w.clock.Now)
	add(t, q, on("slow.example", 20))
	if _, err := q.Finish(time.Hour); err != nil {
		t.Error(err)
	}
	if c := w.counts(t); c.Wanted != 20 {
		t.Errorf("counts %+v", c)
	}
}

// An endless file counts what is read of it.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.read.Load() == 0 {
		n := copy(p, png)
		e.read.Add(int64(n))
		return n, nil
	}
	clear(p)
	e.read.Add(int64(len(p)))
	return len(p), nil
}

// Quotas and the reserve end a file while it comes, before it takes more than there is room for. It leaves nothing behind, is wanted
// still, and comes when there is room.
func TestRoomEndsAFileWhileItComes(t *testing.T) {
	const quota = 1 << 20
	var asked int
	for _, c := range []struct {
		name   string
		limits files.Limits
		most   int64
		says   string
	}{
		{"workspace", files.Limits{Workspace: quota, Reserve: -1}, quota + 64<<10, "may take 1048576"},
		{"all", files.Limits{All: quota, Reserve: -1}, quota + 64<<10, "may hold 1048576"},
		{"reserve before", files.Limits{Reserve: 100, Free: func(string) (int64, error) { return 99, nil }}, 0, "99 bytes free"},
		{"reserve while it comes", files.Limits{Reserve: 100, Free: func(string) (int64, error) {
			asked++
			return 200 - int64(asked)*60, nil // 140, then 80
		}}, 4<<20 + 64<<10, "80 bytes free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var e endless
			src := w.through(t, func(r *http.Request) (*http.Response, error) { return picture(r, &e), nil })
			ms := on("a.example", 1)
			_, err := files.OpenWithin(w.store, w.Folder(), c.limits).Fetch(t.Context(), src, ms, start)
			var noRoom *files.NoRoom
			if !errors.As(err, &noRoom) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("ended with %v, want %q in it", err, c.says)
			}
			if n := e.read.Load(); n > c.most {
				t.Errorf("%d bytes were read, want %d at most", n, c.most)
			}
			if n := w.counts(t); n.Wanted != 1 || n.Total() != 1 {
				t.Errorf("counts %+v", n)
			}
			if left, err := os.ReadDir(filepath.Join(w.Folder().Dir(), "unfinished")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			src = w.through(t, func(r *http.Request) (*http.Response, error) { return picture(r, strings.NewReader(png)), nil })
			if report, err := w.Retry(t.Context(), src, start); err != nil || report.Fetched != 1 {
				t.Errorf("with room: %+v, %v", report, err)
			}
		})
	}
}

// A workspace's quota is of what it has itself, and what one has used up is none of another's.
func TestQuotaIsOfOneWorkspace(t *testing.T) {
	w := newWorld(t)
	const size = 700 << 10
	src := w.through(t, func(r *http.Request) (*http.Response, error) {
		return picture(r, io.MultiReader(strings.NewReader(png+r.URL.String()), io.LimitReader(&endless{}, size))), nil
	})
	limits := files.Limits{Workspace: 1 << 20, Reserve: -1}
	a := files.OpenWithin(w.store, w.Folder(), limits)
	for i, ws := range []parlance.WorkspaceID{"w", "v", "u"} {
		src := src
		src.Workspace = ws
		host := fmt.Sprintf("%d.example", i)
		if report, err := a.Fetch(t.Context(), src, on(host, 1), start); err != nil || report.Fetched != 1 {
			t.Fatalf("%s: %+v, %v", ws, report, err)
		}
	}
	var noRoom *files.NoRoom
	more := on("more.example", 1)
	if _, err := a.Fetch(t.Context(), src, more, start); !errors.As(err, &noRoom) || !strings.Contains(noRoom.Reason, "workspace w") {
		t.Errorf("more than the quota: %v", err)
	}
	// Another process counts what is there.
	if _, err := files.OpenWithin(w.store, w.Folder(), limits).Retry(t.Context(), src, start); !errors.As(err, &noRoom) {
		t.Errorf("in another process: %v", err)
	}
}

// What is there already takes no room again.
func TestOneContentTakesRoomOnce(t *testing.T) {
	w := newWorld(t)
	src := w.through(t, func(r *http.Request) (*http.Response, error) { return picture(r, strings.NewReader(png)), nil })
	a := files.OpenWithin(w.store, w.Folder(), files.Limits{Workspace: 4 * int64(len(png)), Reserve: -1})
	if report, err := a.Fetch(t.Context(), src, on("a.example", 50), start); err != nil || report.Fetched != 50 {
		t.Errorf("%+v, %v", report, err)
	}
}
