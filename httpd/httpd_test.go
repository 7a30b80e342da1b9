package httpd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parlance/store"
	"parlance/store/pebblestore"
)

// named is a dialect whose handler answers with its name, or panics if asked to.
func named(name string) Dialect {
	return Dialect{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Query().Get("do") {
			case "panic":
				panic("secret text of a message")
			case "panic late":
				io.WriteString(w, "half")
				panic(errors.New("secret text of a message"))
			}
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, name)
		}),
		OpenAPI: []byte("title: " + name + "\n"),
		Failure: func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, name+" failed")
		},
	}
}

// newServer returns a server of dialects that answer with their names, over a store in
// memory, and its log.
func newServer(t testing.TB) (*Server, *bytes.Buffer) {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	log := new(bytes.Buffer)
	return New(Options{
		Store: st, IMKit: named("imkit"), Shopline: named("shopline"), IMetaStore: named("imetastore"),
		Sizes:   func() Sizes { return Sizes{Disk: 4096} },
		Version: "v1.2.3",
		Logger:  slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}), log
}

func get(t testing.TB, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	return w
}

func TestMounts(t *testing.T) {
	s, _ := newServer(t)
	for path, want := range map[string]string{
		"/":                                 "imkit",
		"/rooms/x/messages/v3":              "imkit",
		"/v10/x":                            "imkit",
		"/api/else":                         "imkit",
		"/v1/conversations":                 "shopline",
		"//v1/conversations":                "shopline",
		"/seller/im/msg":                    "imetastore",
		"/merchant-api/seller/im/msg":       "imetastore",
		"/api/merchant-api/seller/im/msg":   "imetastore",
		"//api/merchant-api/seller/im/msg":  "imetastore",
		"/openapi/imkit.yaml":               "title: imkit\n",
		"/openapi/shopline.yaml":            "title: shopline\n",
		"/openapi/imetastore.yaml":          "title: imetastore\n",
		"/healthz":                          `{"status":"ok"}`,
		"/readyz":                           `{"status":"ok"}`,
		"/rooms/x?do=nothing&path=/v1/room": "imkit",
	} {
		if got := get(t, s, path).Body.String(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
	if w := get(t, s, "/openapi/other.yaml"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown description: status %d", w.Code)
	}
}

// TestPanic checks that each dialect's clients get an answer that they can read, and that the
// log says where it happened without what the handler had in hand.
func TestPanic(t *testing.T) {
	for path, want := range map[string]string{
		"/rooms/r":          "imkit failed",
		"/v1/conversations": "shopline failed",
		"/seller/im/msg":    "imetastore failed",
	} {
		s, log := newServer(t)
		w := get(t, s, path+"?do=panic&token=hunter2")
		id := w.Header().Get("X-Request-Id")
		if w.Code != http.StatusInternalServerError || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
		}
		if id == "" || !strings.Contains(log.String(), id) {
			t.Errorf("%s: the log doesn't tell of request %q:\n%s", path, id, log)
		}
		for _, secret := range []string{"hunter2", "secret text"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%s: the log tells %q:\n%s", path, secret, log)
			}
		}
		if m := get(t, s, "/metrics").Body.String(); !strings.Contains(m, "parlance_http_panics_total 1\n") {
			t.Errorf("%s: the panic isn't counted", path)
		}
	}
}

// TestLatePanic checks that half an answer doesn't pass for a whole one.
func TestLatePanic(t *testing.T) {
	s, _ := newServer(t)
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	srv.Start()
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL + "/rooms?do=panic+late")
	if err != nil {
		return // cut off before anything went out
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the answer looks whole: %q", b)
	}
}

func TestMetrics(t *testing.T) {
	s, _ := newServer(t)
	get(t, s, "/rooms/some-room-id")
	get(t, s, "/v1/x")
	r := httptest.NewRequest("BREW", "/v1/x", nil)
	s.ServeHTTP(httptest.NewRecorder(), r)
	m := get(t, s, "/metrics").Body.String()
	for _, want := range []string{
		`parlance_http_requests_total{dialect="imkit",method="GET",status="4xx"} 1`,
		`parlance_http_requests_total{dialect="shopline",method="GET",status="4xx"} 1`,
		`parlance_http_requests_total{dialect="shopline",method="other",status="4xx"} 1`,
		`parlance_http_request_duration_seconds_count{dialect="shopline"} 2`,
		`parlance_store_disk_bytes 4096`,
		`version="v1.2.3"`,
	} {
		if !strings.Contains(m, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(m, "some-room-id") || strings.Contains(m, "BREW") {
		t.Error("the metrics hold what a client sent")
	}
}

// TestDebugLog checks that requests are logged by pattern, without the query.
func TestDebugLog(t *testing.T) {
	s, log := newServer(t)
	get(t, s, "/healthz?token=hunter2")
	if !strings.Contains(log.String(), `pattern="GET /healthz"`) || strings.Contains(log.String(), "hunter2") {
		t.Errorf("log:\n%s", log)
	}
}

func TestNoAllocations(t *testing.T) {
	s, _ := newServer(t)
	s.log = slog.New(slog.DiscardHandler)
	s.mounts[imkit] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/rooms/x/messages/v3?limit=20", nil)
	w := httptest.NewRecorder()
	if n := testing.AllocsPerRun(200, func() { s.ServeHTTP(w, r) }); n >= 1 {
		t.Errorf("a request costs %v allocations", n)
	}
}

// serve starts s and returns its address, and what Serve returned once it has.
func serve(t *testing.T, ctx context.Context, s *Server) (url string, done <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := make(chan error, 1)
	go func() { c <- s.Serve(ctx, l, nil) }()
	return "http://" + l.Addr().String(), c
}

// TestStop checks that a request under way is finished, and that no new one is taken.
func TestStop(t *testing.T) {
	s, _ := newServer(t)
	started, finish := make(chan struct{}), make(chan struct{})
	s.mounts[imkit] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-finish
		io.WriteString(w, "whole")
	})
	ctx, stop := context.WithCancel(t.Context())
	url, done := serve(t, ctx, s)
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Get(url + "/rooms")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- string(b)
	}()
	<-started
	stop()
	for !s.stopping.Load() {
		time.Sleep(time.Millisecond)
	}
	if w := get(t, s, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz while stopping: status %d", w.Code)
	}
	select {
	case err := <-done:
		t.Fatalf("Serve returned with a request under way: %v", err)
	default:
	}
	close(finish)
	if got := <-answer; got != "whole" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("a request was answered after the stop")
	}
}

// TestStopBounded checks that a stuck request can't keep the server from stopping.
func TestStopBounded(t *testing.T) {
	s, _ := newServer(t)
	s.grace = time.Millisecond
	started := make(chan struct{})
	s.mounts[imkit] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	url, done := serve(t, ctx, s)
	go http.Get(url + "/rooms")
	<-started
	stop()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Serve = %v", err)
	}
}
