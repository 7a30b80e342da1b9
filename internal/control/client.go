package control

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"

	"parlance"
	"parlance/store/driver"
)

// A Client reads the store of another process on this machine. It implements
// [driver.Engine] but for writing, which is Forbidden. Every Get and Scan is of one moment, as the
// engine's own are.
type Client struct {
	http   *http.Client
	bounds driver.Bounds
}

var _ driver.Engine = (*Client)(nil)

// Dial connects to the socket at path. The error is of kind [parlance.Unavailable] if nobody listens.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{http: httpClient(path)}
	body, err := c.call(ctx, http.MethodGet, "bounds", nil)
	if err == nil {
		err = gob.NewDecoder(body).Decode(&c.bounds)
		body.Close()
	}
	if err != nil {
		c.http.CloseIdleConnections()
		if errors.Is(err, parlance.Conflict) {
			return nil, err
		}
		return nil, parlance.Wrap(parlance.Unavailable, err, "connect to the program that holds the store, at %s", path)
	}
	c.bounds.Exclusive = false
	return c, nil
}

// httpClient returns what makes requests on the socket at path.
func httpClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
		MaxIdleConnsPerHost: maxCalls,
		DisableCompression:  true,
	}}
}

// newRequest returns a request that says which version it is of.
func newRequest(ctx context.Context, method, name string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://parlance/"+name, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(versionHeader, version)
	return req, nil
}

// checkVersion refuses an answer of another version.
func checkVersion(resp *http.Response) error {
	if v := resp.Header.Get(versionHeader); v != version {
		return otherVersion("the parlance that holds the store", v)
	}
	return nil
}

// call makes a request and returns the answer's body, which the caller closes.
func (c *Client) call(ctx context.Context, method, name string, in any) (io.ReadCloser, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(in); err != nil {
		return nil, fmt.Errorf("ask the program that holds the store: %w", err)
	}
	req, err := newRequest(ctx, method, name, &b)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, lost(ctx, err)
	}
	if err := checkVersion(resp); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var p part
	if err := gob.NewDecoder(resp.Body).Decode(&p); err != nil || p.err() == nil {
		return nil, parlance.Errorf(parlance.Internal, "the program that holds the store answered %s", resp.Status)
	}
	return nil, p.err()
}

// lost is the error of an answer that didn't come, or not whole.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return parlance.Wrap(parlance.Unavailable, err, "the program that holds the store doesn't answer")
}

// one makes a request whose answer is one part.
func (c *Client) one(ctx context.Context, name string, in any) (part, error) {
	if err := ctx.Err(); err != nil {
		return part{}, err
	}
	body, err := c.call(ctx, http.MethodPost, name, in)
	if err != nil {
		return part{}, err
	}
	defer body.Close()
	var p part
	if err := gob.NewDecoder(body).Decode(&p); err != nil {
		return p, lost(ctx, err)
	}
	return p, p.err()
}

// Bounds are those of the other process's engine, but that others write to it.
func (c *Client) Bounds() driver.Bounds { return c.bounds }

// Get returns the values under keys. See [driver.Engine].
func (c *Client) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	got, err := c.one(ctx, "get", question{Table: p.Table, Partition: []byte(p.Key), Keys: keys})
	if err != nil {
		return nil, err
	}
	if len(got.Rows) != len(keys) {
		return nil, parlance.Errorf(parlance.Internal, "the program that holds the store answered %d of %d keys", len(got.Rows), len(keys))
	}
	values := make([][]byte, len(keys))
	for i := range got.Rows {
		values[i] = got.Rows[i].Value
	}
	return values, nil
}

// Scan streams the rows of r. See [driver.Engine].
func (c *Client) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(driver.Row{}, err)
			return
		}
		// Who stops early hangs up, so that the other side stops too.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		body, err := c.call(ctx, http.MethodPost, "scan", question{
			Table: p.Table, Partition: []byte(p.Key), From: bound(r.From), To: bound(r.To), Reverse: r.Reverse, Limit: r.Limit,
		})
		if err != nil {
			yield(driver.Row{}, err)
			return
		}
		defer body.Close()
		in := gob.NewDecoder(body)
		for {
			var got part
			if err := in.Decode(&got); err != nil {
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF // the last part is missing
				}
				yield(driver.Row{}, lost(ctx, err))
				return
			}
			for _, row := range got.Rows {
				if err := ctx.Err(); err != nil {
					yield(driver.Row{}, err)
					return
				}
				if !yield(row, nil) {
					return
				}
			}
			if err := got.err(); err != nil {
				yield(driver.Row{}, err)
				return
			}
			if got.Last {
				return
			}
		}
	}
}

var errReadOnly = parlance.Errorf(parlance.Forbidden, "the store of another process can only be read")

// Write makes durable what could be read, if there are no ops. See [driver.Engine].
func (c *Client) Write(ctx context.Context, ops []driver.Op, _ driver.Version) error {
	if len(ops) > 0 {
		return errReadOnly
	}
	_, err := c.one(ctx, "sync", struct{}{})
	return err
}

// Claim does nothing but fail.
func (c *Client) Claim(context.Context, driver.Partition, []driver.Claim, []driver.Op, driver.Version) error {
	return errReadOnly
}

// Freeze freezes the store of the other process. See store.Store.Freeze.
func (c *Client) Freeze(ctx context.Context, why string) error {
	_, err := c.one(ctx, "freeze", freezing{why})
	return err
}

// Thaw thaws the store of the other process. See store.Store.Thaw.
func (c *Client) Thaw(ctx context.Context) error {
	_, err := c.one(ctx, "thaw", struct{}{})
	return err
}

// Close hangs up. The other process and its store go on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}
