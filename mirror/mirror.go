// Package mirror keeps a copy of what platforms hold, and knows what it lacks. It hides in which order histories
// are read, how a reading that was stopped goes on, how fast a platform may be asked, and what counts as proof.
//
// An upstream is one account on one platform, under a [Name]. Its streams are walked from the newest message down (see
// package history). For each stream a [Ledger] is kept: the stretches that were read, and what is missing. Every page's messages
// are stored before the ledger says so, and the ledger is stored before the next page is asked for. Whoever is stopped in between reads one
// page again and stores nothing twice.
//
// The newest span of a ledger is its head and the lowest one its backfill: both are extended downwards, each from its own place. A run begins
// a new span at the top; where it comes down to one that is known, the two become one and the walk
// goes on below. So a head that was not read down to what is known is a hole, which the next run
// sees and fills, and never a step over one.
//
// Nothing is ever removed. What a platform doesn't show any more is marked missing, see [RunOptions.Full].
package mirror

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"parlance"
	"parlance/files"
	"parlance/internal/upstream"
	"parlance/store"
)

// A Mirror reads upstreams into a store. Its methods may be called by many goroutines.
type Mirror struct {
	store *store.Store
	o     Options

	mu      sync.Mutex
	running map[Name]bool
	budgets map[string]*budget // by what they are for, see Config.account
	tallies map[Name]*tally

	large  chan struct{} // a slot for each reading that has large answers in memory, see holding
	holder string        // this process, in leases
}

// Options are a mirror's settings.
type Options struct {
	// Secret returns the credential of an upstream as it is now. Required.
	Secret func(Config) (Secret, error)

	Files     *files.Archive    // keeps attachments; nil: they aren't kept, and that isn't held against completeness
	Transport http.RoundTripper // of the platform's calls; nil: one with a bound for headers
	FilesWait time.Duration     // how long a run that has read everything goes on fetching attachments; 0: ten minutes
	// FileTransport fetches attachments; nil: one that reaches no private network, see [files.FetcherOptions].
	FileTransport http.RoundTripper

	// Shared says that other processes may mirror into the same store: then an upstream is leased for each run.
	Shared bool

	Now    func() parlance.Time                       // nil: the store's clock
	Wait   func(context.Context, time.Duration) error // nil: by the machine's clock
	Logger *slog.Logger                               // nil: silent
}

// New returns a mirror into s.
func New(s *store.Store, o Options) *Mirror {
	if o.Transport == nil {
		o.Transport = upstream.NewTransport()
	}
	if o.Now == nil {
		o.Now = s.Now
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Mirror{store: s, o: o, running: map[Name]bool{}, budgets: map[string]*budget{}, tallies: map[Name]*tally{}, large: make(chan struct{}, parlance.MaxLargeReadings), holder: rand.Text()}
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
