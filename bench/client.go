package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// A client makes all requests of a run, to ours and to bare servers alike.
type client struct {
	http    *http.Client
	buffers sync.Pool // of *bytes.Buffer
}

func newClient() *client {
	return &client{
		http: &http.Client{
			Transport: &http.Transport{
				MaxIdleConnsPerHost: 64, DisableCompression: true, IdleConnTimeout: time.Minute,
			},
			Timeout: time.Minute,
		},
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

// do makes a call and reads the whole answer, which use may look at while it runs. Any
// status but 200 is an error.
func (c *client) do(ctx context.Context, host string, q call, use func(*http.Response, []byte) error) error {
	r := (&http.Request{
		Method: q.method, Header: q.header, Host: host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{Scheme: "http", Host: host, Path: q.path, RawQuery: q.query},
	}).WithContext(ctx)
	if q.body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(q.body)), int64(len(q.body))
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	buf := c.buffers.Get().(*bytes.Buffer)
	defer c.buffers.Put(buf)
	buf.Reset()
	if _, err := buf.ReadFrom(resp.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s?%s: %s: %.300s", q.method, q.path, q.query, resp.Status, buf.Bytes())
	}
	if use != nil {
		return use(resp, buf.Bytes())
	}
	return nil
}

// An answer is a captured one.
type answer struct {
	header http.Header
	body   []byte
}

// capture makes some calls and returns their answers.
func (c *client) capture(ctx context.Context, host string, n int, next func() call) ([]answer, error) {
	as := make([]answer, n)
	for i := range as {
		err := c.do(ctx, host, next(), func(resp *http.Response, b []byte) error {
			h := resp.Header.Clone()
			h.Del("Date") // every server writes its own
			as[i] = answer{h, bytes.Clone(b)}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return as, nil
}

// A bare server does nothing but return captured answers, one after the other: what
// net/http alone can do with these bytes.
type bare struct {
	host   string
	server *http.Server
}

func newBare(as []answer) (*bare, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	var turn atomic.Uint64
	b := &bare{host: l.Addr().String(), server: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a := &as[turn.Add(1)%uint64(len(as))]
		h := w.Header()
		for name, values := range a.header {
			h[name] = values
		}
		w.Write(a.body) // an error means that the client is gone
	})}}
	go b.server.Serve(l) // ends with an error when the server is closed
	return b, nil
}

func (b *bare) close() { b.server.Close() } // an error would be of its listener, which nobody needs any more
