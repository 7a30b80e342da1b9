package control

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

const (
	maxCalls    = 64               // at once; more wait
	partBytes   = 256 << 10        // of rows in a part of an answer, roughly
	stallTime   = 30 * time.Second // how long a client may take for a part before its scan is dropped
	requestTime = 10 * time.Second // how long it may take to send a request's header
)

// Serve answers on l until ctx ends. It closes l. What is under way then ends with an error. It neither
// closes e nor s, which are the same store.
// Run carries out commands; nil: none are.
func Serve(ctx context.Context, l net.Listener, e driver.Engine, s *store.Store, run Runner) error {
	h := &server{engine: e, store: s, run: run, calls: make(chan struct{}, maxCalls)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { answer(w, part{}) }) // the header says it
	mux.HandleFunc("GET /bounds", h.bounds)
	mux.HandleFunc("POST /get", h.get)
	mux.HandleFunc("POST /scan", h.scan)
	mux.HandleFunc("POST /sync", h.sync)
	mux.HandleFunc("POST /freeze", h.freeze)
	mux.HandleFunc("POST /thaw", h.thaw)
	mux.HandleFunc("POST /command", h.command)
	srv := &http.Server{
		Handler:           h.limit(mux),
		ReadHeaderTimeout: requestTime, // and no ReadTimeout: it would end long scans
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err := srv.Serve(l)
	if ctx.Err() != nil {
		// The engine must not be asked any more once this returns.
		for range maxCalls {
			h.calls <- struct{}{}
		}
		return nil
	}
	return err
}

type server struct {
	engine driver.Engine
	store  *store.Store
	run    Runner
	calls  chan struct{}
}

// limit bounds the calls under way and their bodies.
func (h *server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case h.calls <- struct{}{}:
			defer func() { <-h.calls }()
		case <-r.Context().Done():
			return
		}
		if r.Context().Err() != nil {
			return
		}
		w.Header().Set(versionHeader, version)
		if v := r.Header.Get(versionHeader); v != version {
			answerError(w, otherVersion("another parlance that asks it", v))
			return
		}
		if r.URL.Path != "/command" { // what it sends are frames, each with a bound of its own
			r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		}
		next.ServeHTTP(w, r)
	})
}

// answer writes the only part of an answer.
func answer(w http.ResponseWriter, p part) {
	p.Last = true
	if p.Text != "" {
		w.WriteHeader(http.StatusBadRequest)
	}
	_ = gob.NewEncoder(w).Encode(p) // a client that went away doesn't mind
}

func answerError(w http.ResponseWriter, err error) {
	if err != nil {
		answer(w, failed(err))
		return
	}
	answer(w, part{})
}

// read decodes a request.
func read[T any](r *http.Request) (v T, err error) {
	if err = json.NewDecoder(r.Body).Decode(&v); err != nil {
		err = parlance.Wrap(parlance.Invalid, err, "the request can't be read")
	}
	return v, err
}

func readQuestion(r *http.Request) (question, error) {
	q, err := read[question](r)
	if err == nil && (q.Table != driver.Claimed && q.Table != driver.Derived || len(q.Partition) == 0 || len(q.Partition) > 2048) {
		err = parlance.Errorf(parlance.Invalid, "there is no such partition")
	}
	return q, err
}

func (h *server) bounds(w http.ResponseWriter, _ *http.Request) {
	_ = gob.NewEncoder(w).Encode(h.engine.Bounds())
}

func (h *server) get(w http.ResponseWriter, r *http.Request) {
	q, err := readQuestion(r)
	var values [][]byte
	if err == nil {
		values, err = h.engine.Get(r.Context(), q.partition(), q.Keys)
	}
	if err != nil {
		answerError(w, err)
		return
	}
	p := part{Rows: make([]driver.Row, len(values))}
	for i, v := range values {
		p.Rows[i].Value = v
	}
	answer(w, p)
}

func (h *server) scan(w http.ResponseWriter, r *http.Request) {
	q, err := readQuestion(r)
	if err != nil {
		answerError(w, err)
		return
	}
	out, control := gob.NewEncoder(w), http.NewResponseController(w)
	send := func(p part) bool {
		// A client that stops reading must not hold the scan, and with it old files, for ever.
		if control.SetWriteDeadline(time.Now().Add(stallTime)) != nil || out.Encode(p) != nil {
			return false
		}
		return p.Last || control.Flush() == nil
	}
	var p part
	size := 0
	rows := driver.Range{From: unbound(q.From), To: unbound(q.To), Reverse: q.Reverse, Limit: q.Limit}
	for row, err := range h.engine.Scan(r.Context(), q.partition(), rows) {
		if err != nil {
			send(failed(err))
			return
		}
		p.Rows = append(p.Rows, driver.Row{Key: append([]byte(nil), row.Key...), Value: append([]byte(nil), row.Value...)})
		if size += len(row.Key) + len(row.Value); size >= partBytes {
			if !send(p) {
				return
			}
			p, size = part{Rows: p.Rows[:0]}, 0
		}
	}
	p.Last = true
	send(p)
}

func (h *server) sync(w http.ResponseWriter, r *http.Request) {
	answerError(w, h.engine.Write(r.Context(), nil, 0))
}

func (h *server) freeze(w http.ResponseWriter, r *http.Request) {
	f, err := read[freezing](r)
	if err == nil {
		err = h.store.Freeze(r.Context(), f.Why)
	}
	answerError(w, err)
}

func (h *server) thaw(w http.ResponseWriter, r *http.Request) {
	answerError(w, h.store.Thaw(r.Context()))
}
