package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"time"
)

// A contender does one thing over and over. work is called by several goroutines at
// once, each with its own number, and returns how much was done: 1 for a request.
type contender struct {
	name string
	work func(ctx context.Context, worker int) (done int, err error)
}

// A result is what one contender did in a match.
type result struct {
	name  string
	rates []float64 // per second, one a round
	p50   float64   // microseconds, of one call of work
}

// A turn is how a match is played.
type turn struct {
	concurrency int
	block       time.Duration // 0: each worker calls work once a turn
	rounds      int
}

// match lets the contenders work in turns: one block each, and again, so that what
// disturbs the machine disturbs all of them. The first round doesn't count. The order
// is turned around in every other round.
func match(ctx context.Context, t turn, cs ...contender) ([]result, error) {
	results := make([]result, len(cs))
	took := make([][]float64, len(cs))
	for i := range cs {
		results[i].name = cs[i].name
	}
	for round := range t.rounds + 1 {
		for i := range cs {
			if round%2 == 1 {
				i = len(cs) - 1 - i
			}
			rate, times, err := play(ctx, t, cs[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cs[i].name, err)
			}
			if round > 0 {
				results[i].rates = append(results[i].rates, rate)
				took[i] = append(took[i], times...)
			}
		}
	}
	for i := range results {
		results[i].p50 = median(took[i])
	}
	return results, nil
}

// play is one block of one contender: its rate per second, and how long each call took.
func play(ctx context.Context, t turn, c contender) (float64, []float64, error) {
	var mu sync.Mutex
	var times []float64
	var failed error
	done := 0
	start := time.Now()
	var wg sync.WaitGroup
	for worker := range t.concurrency {
		wg.Go(func() {
			n := 0
			var mine []float64
			var err error
			for err == nil {
				before := time.Now()
				var did int
				did, err = c.work(ctx, worker)
				n += did
				now := time.Now()
				mine = append(mine, float64(now.Sub(before).Nanoseconds())/1e3)
				if now.Sub(start) >= t.block {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done += n
			times = append(times, mine...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return float64(done) / time.Since(start).Seconds(), times, failed
}

// against returns the row that compares a with b.
func (a result) against(b result, group, scenario, unit string) row {
	ratios := make([]float64, len(a.rates))
	for i := range ratios {
		ratios[i] = a.rates[i] / b.rates[i]
	}
	return row{
		Group: group, Scenario: scenario, Unit: unit, Against: b.name,
		Ours: median(slices.Clone(a.rates)), Rival: median(slices.Clone(b.rates)),
		OursP50: a.p50, RivalP50: b.p50,
		Ratio: median(ratios), Low: slices.Min(ratios), High: slices.Max(ratios),
	}
}

var notInFileNames = regexp.MustCompile(`[^a-z0-9]+`)

// profile lets c work alone for a while under the CPU profiler.
func profile(ctx context.Context, folder, name string, t turn, c contender) error {
	f, err := os.Create(filepath.Join(folder, notInFileNames.ReplaceAllString(strings.ToLower(name), "-")+".pprof"))
	if err != nil {
		return fmt.Errorf("profile %s: %w", name, err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("profile %s: %w", name, err)
	}
	t.block = 2 * time.Second
	_, _, err = play(ctx, t, c)
	pprof.StopCPUProfile()
	return err
}
