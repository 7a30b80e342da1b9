package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"parlance/store/pebblestore"
)

// memoryGoal bounds how much more memory serves a hundred times the messages.
var memoryGoal = goal{Must: 1.5, Lower: true}

// memoryCache is a size of the engine's block cache that both stores fill, so that what is
// left to differ is what grows with the store.
const memoryCache = 4 << 20

// memoryPages is how many pages are read before memory is measured: enough to fill
// every cache of answers.
const memoryPages = 30_000

// A usage is how much memory a process has, in bytes.
type usage struct {
	Heap     uint64 // in use after a collection
	Resident uint64 // of the whole process, as the system counts it
}

// memory measures a process of its own that serves pages at random places of the large
// store, and one that serves the small one.
func (m *reading) memory(ctx context.Context) (rows []row, err error) {
	// Only one process may have a store open.
	if err := errors.Join(m.large.close(), m.small.close()); err != nil {
		return nil, err
	}
	for _, cache := range []int64{memoryCache, 0} {
		large, err := m.memoryOf(ctx, m.large, cache)
		if err != nil {
			return rows, fmt.Errorf("measure memory: %w", err)
		}
		small, err := m.memoryOf(ctx, m.small, cache)
		if err != nil {
			return rows, fmt.Errorf("measure memory: %w", err)
		}
		rows = append(rows, m.memoryRows(large, small, cache)...)
	}
	return rows, nil
}

// memoryRows compares what the large and the small store took. Only with the small cache
// is there a goal: the usual one is not filled by the small store.
func (m *reading) memoryRows(large, small usage, cache int64) []row {
	setting := "block cache of 4 MiB"
	if cache == 0 {
		setting = "usual settings"
	}
	const mib = 1 << 20
	compare := func(what string, large, small uint64) row {
		r := float64(large) / float64(small)
		x := row{
			Group: "Memory", Unit: "MiB", Ours: float64(large) / mib, Rival: float64(small) / mib,
			Scenario: fmt.Sprintf("%s, %s messages in one conversation and over %s, %s", what, number(float64(m.large.long.size)), number(float64(len(m.large.many))), setting),
			Against:  number(float64(m.small.long.size)) + " messages", Ratio: r, Low: r, High: r,
		}
		if cache != 0 {
			x = x.judge(memoryGoal)
		}
		return x
	}
	return []row{compare("heap in use", large.Heap, small.Heap), compare("resident", large.Resident, small.Resident)}
}

// memoryOf starts a process that serves l, reads pages from it, and asks what it uses.
func (m *reading) memoryOf(ctx context.Context, l *library, cache int64) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "-serve", l.dir, "-cache", strconv.FormatInt(cache, 10))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return usage{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return usage{}, err
	}
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	u, err := m.load(ctx, l, in, bufio.NewReader(out))
	return u, errors.Join(err, in.Close(), cmd.Wait())
}

// load reads pages from the process behind in and out.
func (m *reading) load(ctx context.Context, l *library, in io.Writer, out *bufio.Reader) (usage, error) {
	var u usage
	line, err := out.ReadString('\n')
	if err != nil {
		return u, fmt.Errorf("wait for the server: %w", err)
	}
	host := strings.TrimSpace(line)
	rng := rand.New(rand.NewPCG(3, 0))
	for i := range m.n(memoryPages, 300) {
		d := l.calls[i%len(l.calls)]
		c := d.before(l.long, l.long.place(rng.IntN(l.long.size-20)), 20, m.fresh())
		if i%2 == 0 {
			c = d.newest(l.many[rng.IntN(len(l.many))], 20, m.fresh())
		}
		if err := m.client.do(ctx, host, c, nil); err != nil {
			return u, err
		}
	}
	m.client.http.CloseIdleConnections()
	if _, err := io.WriteString(in, "usage\n"); err != nil {
		return u, fmt.Errorf("ask for the memory: %w", err)
	}
	if line, err = out.ReadString('\n'); err != nil {
		return u, fmt.Errorf("ask for the memory: %w", err)
	}
	return u, json.Unmarshal([]byte(line), &u)
}

// serveForMemory is the process whose memory is measured: it serves the store in dir, prints its
// address, and prints its usage for each line it reads, until there are no more.
func serveForMemory(ctx context.Context, dir string, cache int64) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	w, err := openWorld(ctx, dir, pebblestore.Options{CacheBytes: cache, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	v, err := w.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	fmt.Println(v.hosts[pageSizes[0]])
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		u, err := use()
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(u); err != nil {
			return fmt.Errorf("tell the memory: %w", err)
		}
	}
	return lines.Err()
}

// use returns this process's memory.
func use() (usage, error) {
	resident, err := residentBytes() // before the collection, which gives some of it back
	if err != nil {
		return usage{}, err
	}
	runtime.GC()
	time.Sleep(100 * time.Millisecond) // finalizers free what the engine holds outside of the heap
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return usage{Heap: s.HeapInuse, Resident: resident}, nil
}

// residentBytes returns what the system counts as this process's memory; Linux only, else 0.
func residentBytes() (uint64, error) {
	if runtime.GOOS != "linux" {
		return 0, nil
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read the process's memory: %w", err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, errors.New("the system tells no resident memory")
	}
	kib, err := strconv.ParseUint(fields[0], 10, 64)
	return kib << 10, err
}
