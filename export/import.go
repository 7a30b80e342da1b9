package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"parlance"
	"parlance/store"
)

// ImportOptions are an import's settings. The zero value is good.
type ImportOptions struct {
	// Workers is how many conversations are written at once; 0 means as many as suit the store's engine
	// ([store.Store.WritersAtOnce]).
	Workers int
	// Merchant becomes a member of every shop's and order's conversation that the
	// file names; empty means nobody does.
	Merchant parlance.AccountID
	// Overwrite takes what the file says of what an import brought, whatever became of it here
	// and whatever other files said: what was deleted comes back, what was edited becomes what it
	// was. Without it what was changed here, or is newer, wins.
	Overwrite bool
	// Progress, if set, is called every some thousand lines, never twice at once.
	Progress func(Progress)
	// Bad, if set, is called for each line that could not be imported, as soon as
	// that is known, never twice at once.
	Bad func(LineError)
}

// Progress is how far an import or export has come.
type Progress struct {
	Messages      int   // stored or known already; or written
	Bad           int   // lines that could not be imported
	Conversations int   // made by the import so far; or begun by the export
	Bytes         int64 // read from the file as it is, compressed or not; or written
}

// Report is what an import did.
type Report struct {
	Messages int // lines whose messages are in the store now: New, Changed, Same and Kept together
	New      int // messages that were not known
	Changed  int // messages that were known with other content
	Same     int // lines that brought nothing new
	Kept     int // lines that say something else than what is here, which won: it was changed here, or is newer
	Bad      int // lines that could not be imported

	Conversations int         // that were not known
	Errors        []LineError // of the first 100 bad lines
}

// maxErrors is how many bad lines a Report keeps.
const maxErrors = 100

// A LineError says why one line was not imported. It is no reason to stop.
type LineError struct {
	File   string
	Line   int // from 1
	Reason string
}

// Error returns "file:line: reason".
func (e LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason) }

// Import reads the lines of r, gzipped or not, into workspace ws; name is what
// reports call the file. Conversations that are not known are made, in the order of
// the file, with the title and kind of their first line; senders become members.
// Messages keep their ids, times and places. Of several versions of a message the last edited one is kept, so files
// may come in any order, and the same files again store nothing. Nothing undoes what was changed in the store since,
// unless o asks for it.
//
// A bad line is reported and left out. An error ends the import: r could not be read to
// its end (all whole lines before are imported), the store failed, or ctx is done.
// The Report holds what was done until then; the same import again does the rest.
// After ctx is done Import still waits for a Read of r that is under way.
//
// A file whose conversations are mixed, as in an export of a whole platform by time, is written by windows of several
// chunks, in which each conversation is written once.
//
// Memory is bounded, whatever the file: two dozen chunks of 4096 lines and some 2 MiB of text at most, one line of up to
// [parlance.MaxLine], and 32 MiB of what is remembered of conversations and their members.
func Import(ctx context.Context, s *store.Store, ws parlance.WorkspaceID, name string, r io.Reader, o ImportOptions) (Report, error) {
	if err := parlance.CheckWorkspace(ws); err != nil {
		return Report{}, err
	}
	if o.Merchant != "" {
		if err := parlance.CheckID("merchant", o.Merchant); err != nil {
			return Report{}, err
		}
	}
	if o.Workers <= 0 {
		o.Workers = s.WritersAtOnce()
	}
	counted := &countedReader{r: r}
	lines, err := newSplitter(name, counted)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	im := &importer{store: s, workspace: ws, file: name, o: o, known: map[parlance.ConversationID]*known{}}

	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	parsers := runtime.GOMAXPROCS(0)
	free := make(chan *chunk, parsers+1+windowChunks)
	for range cap(free) {
		free <- newChunk()
	}
	read := make(chan *chunk, cap(free))    // for any parser
	ordered := make(chan *chunk, cap(free)) // the same, for the writer
	wg.Go(func() {
		defer close(ordered)
		defer close(read)
		for more := true; more; {
			select {
			case c := <-free:
				more = lines.fill(ctx, c)
				read <- c
				ordered <- c
			case <-ctx.Done():
				return
			}
		}
	})
	for range parsers {
		wg.Go(func() {
			for c := range read {
				c.parse(name)
			}
		})
	}

	for {
		w := nextWindow(ordered)
		if len(w.chunks) == 0 {
			break
		}
		if err := im.write(ctx, w); err != nil {
			return im.report, err
		}
		im.progress(counted.n.Load())
		for _, c := range w.chunks {
			if c.err != nil {
				return im.report, errors.Join(c.err, im.name(ctx))
			}
			c.reset()
			free <- c
		}
	}
	if err := ctx.Err(); err != nil {
		return im.report, fmt.Errorf("import %s: %w", name, err)
	}
	return im.report, im.name(ctx)
}

// countedReader counts what is read from r.
type countedReader struct {
	r io.Reader
	n atomic.Int64
}

// Read reads from r.
func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
