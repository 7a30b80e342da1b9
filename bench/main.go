// Command bench measures what Parlance promises about its speed, its size on disk and its
// memory, and prints the table of docs/performance.md.
//
// Absolute rates say much about the machine and little about the program. So nearly
// everything is measured against a rival in the same run, turn by turn: pages against a
// bare net/http server that returns the same bytes, durable writes against a bare loop
// that commits Pebble batches of the same size.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// A config is what the command line says.
type config struct {
	scale    float64
	block    time.Duration
	rounds   int
	only     *regexp.Regexp
	profiles string
	dir      string // empty: the system's
	data     string
	log      *slog.Logger

	clusterMessages int // of the long conversation on Cassandra
	interleaved     int // messages of an import that is sorted by time
	searched        int // messages of the store that is searched
}

// n returns a number of messages or conversations at the run's scale, at least min.
func (c *config) n(full, min int) int { return max(min, int(float64(full)*c.scale)) }

// wants reports whether a group of scenarios was asked for.
func (c *config) wants(group string) bool { return c.only.MatchString(group) }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	scale := flag.Float64("scale", 1, "size of the stores; 1 is what docs/performance.md tells of")
	block := flag.Duration("block", 150*time.Millisecond, "length of one turn")
	rounds := flag.Int("rounds", 12, "turns of each rival")
	only := flag.String("only", "", "measure the groups that match this `regexp`: newest, anew, deep, growth, walk, ingest, import, import-interleaved, search, memory, and cluster1-PART, cluster3-PART with the parts pages, trips, growth, ingest, import, edits, list")
	jsonFile := flag.String("json", "", "write the rows to this `file` too")
	check := flag.Bool("check", false, "fail if a must is missed")
	profiles := flag.String("profile", "", "write a CPU profile of each page scenario to this `folder`")
	serve := flag.String("serve", "", "serve the store in this `folder` and tell its memory; used by bench itself")
	cache := flag.Int64("cache", 0, "size of the block cache in bytes with -serve; 0 is the usual")
	dir := flag.String("dir", "", "make the stores in this `folder`; the default is the system's for temporary files")
	clusterMessages := flag.Int("cluster-messages", 100_000, "size of the long conversation on Cassandra; the short one has a tenth of it")
	interleaved := flag.Int("interleaved", 1_000_000, "messages that are imported mixed, 20 of each conversation")
	searched := flag.Int("searched", 1_000_000, "messages of the store that is searched, against one of a twentieth")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *serve != "" {
		return serveForMemory(ctx, *serve, *cache)
	}
	groups, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("read -only: %w", err)
	}
	c := &config{
		scale: *scale, block: *block, rounds: *rounds, only: groups, profiles: *profiles, dir: *dir,
		data: os.Getenv("PARLANCE_DATA"), log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		clusterMessages: *clusterMessages, interleaved: *interleaved, searched: *searched,
	}
	start := time.Now()
	rows, err := measureAll(ctx, c)
	if err != nil {
		return err
	}
	r := report{
		Machine: fmt.Sprintf("%d cores, %s, %s/%s", runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Scale:   *scale, Rows: rows, Seconds: time.Since(start).Seconds(),
	}
	r.print(os.Stdout)
	if *jsonFile != "" {
		if err := r.writeJSON(*jsonFile); err != nil {
			return err
		}
	}
	if missed := r.missed(); *check && missed > 0 {
		return fmt.Errorf("%d musts are missed", missed)
	}
	return nil
}

// measureAll runs the groups that were asked for, in a folder that goes away afterwards.
func measureAll(ctx context.Context, c *config) (rows []row, err error) {
	dir, err := os.MkdirTemp(c.dir, "parlance-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the stores: %w", err)
	}
	defer os.RemoveAll(dir)
	ts, err := readTexts(c.data)
	if err != nil {
		return nil, err
	}
	for i, g := range []struct {
		names   []string
		measure func(context.Context, *config, string, texts) ([]row, error)
	}{
		{[]string{"newest", "anew", "deep", "growth", "walk", "memory"}, measureReading},
		{[]string{"ingest"}, measureIngest},
		{[]string{"import"}, measureImport},
		{[]string{"import-interleaved"}, measureInterleaved},
		{[]string{"search"}, measureSearch},
		{clusterGroups(), measureCluster},
	} {
		if !slices.ContainsFunc(g.names, c.wants) {
			continue
		}
		more, err := g.measure(ctx, c, filepath.Join(dir, strconv.Itoa(i)), ts)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}
