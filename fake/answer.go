package fake

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"parlance"
)

// An answer is what a request gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool // the connection ends after half of the body

	items []item // the messages in it
}

// An item is a message as an answer holds it.
type item struct {
	message *message
	raw     []byte
}

// A call is a request that was read.
type call struct {
	*http.Request
	body []byte
	rest string // of the path, behind what names the endpoint
}

// An endpoint is one kind of call.
type endpoint struct {
	name   string // "GET /rooms/{id}"
	open   bool   // asks for no credentials
	answer func(*call) answer
}

// ServeHTTP answers r.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := u.answer(r)
	if err != nil {
		http.Error(w, "the request's body can't be read", http.StatusBadRequest)
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	body := a.body
	if a.cut {
		body = body[:len(body)/2] // less than the length says, so the server closes the connection
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // nobody is left to tell
	}
}

// maxBody is how much of a request's body is read, in bytes.
const maxBody = 1 << 20

// answer answers r, and counts it.
func (u *Upstream) answer(r *http.Request) (answer, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
			return answer{}, err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pass()
	host, scheme := r.Host, "http"
	if host == "" {
		host = r.URL.Host
	}
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	u.base = scheme + "://" + host

	c := &call{Request: r, body: body}
	a := u.route(c)
	if a.header == nil {
		a.header = http.Header{}
	}
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	a.header.Set("Date", u.now().Std().Format(http.TimeFormat))
	if !a.cut {
		for _, it := range a.items {
			it.message.served = it.raw
		}
	}
	return a, nil
}

// route finds c's endpoint and lets it answer, unless a passing fault or the credentials stand before it.
func (u *Upstream) route(c *call) answer {
	e, ok := u.endpoint(c)
	if !ok {
		u.calls["unknown"]++
		return u.refuse(http.StatusNotFound, "not found")
	}
	u.calls[e.name]++
	fault := u.strike(c)
	if fault != "" && fault != Cut {
		return u.trouble(fault)
	}
	if !e.open && !u.authorize(c.Request) {
		return u.refuse(http.StatusUnauthorized, "the token is invalid or has expired")
	}
	a := e.answer(c)
	a.cut = fault == Cut
	return a
}

func (u *Upstream) endpoint(c *call) (endpoint, bool) {
	switch u.platform {
	case parlance.IMKit:
		return u.imkitEndpoint(c)
	case parlance.Shopline:
		return u.shoplineEndpoint(c)
	default:
		return u.imetastoreEndpoint(c)
	}
}

// inARow is how often the same request fails at most before it gets through.
const inARow = 2

// strike returns the passing fault that hits c, if one does.
func (u *Upstream) strike(c *call) Fault {
	var on Faults
	for _, x := range []Fault{Limited, LimitedBare, ErrorIn200, HTML, ServerError, Cut} {
		if u.faults.Has(x) {
			on = append(on, x)
		}
	}
	if len(on) == 0 || u.calm {
		return ""
	}
	key := c.Method + " " + c.URL.RequestURI() + "\n" + string(c.body)
	if u.random.IntN(u.every) != 0 || u.failed[key] >= inARow {
		delete(u.failed, key)
		return ""
	}
	u.failed[key]++
	return anyOf(u.random, on)
}

// trouble is the answer of a passing fault.
func (u *Upstream) trouble(x Fault) answer {
	switch x {
	case Limited:
		a := u.refuse(http.StatusTooManyRequests, "too many requests")
		a.header = http.Header{"Retry-After": {"1"}}
		return a
	case LimitedBare:
		return u.refuse(http.StatusTooManyRequests, "too many requests")
	case ErrorIn200:
		a := u.refuse(http.StatusInternalServerError, "the database is not available")
		a.status = http.StatusOK
		return a
	case HTML:
		status := http.StatusOK
		if u.random.IntN(2) == 0 {
			status = http.StatusBadGateway
		}
		return answer{
			status: status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
			body: []byte("<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n"),
		}
	default:
		status := http.StatusInternalServerError
		if u.random.IntN(2) == 0 {
			status = http.StatusServiceUnavailable
		}
		return u.refuse(status, "something went wrong")
	}
}

// refuse is an error in the platform's form.
func (u *Upstream) refuse(status int, text string) answer {
	switch u.platform {
	case parlance.IMKit:
		return imkitError(status, map[int]string{401: "INVALID_TOKEN", 404: "NOT_FOUND", 429: "RATE_LIMIT_EXCEEDED"}[status], text)
	case parlance.Shopline:
		return shoplineError(status, text)
	default:
		return u.imetastoreError(status, map[int]string{401: "401", 404: "10001", 429: "429"}[status], text)
	}
}

// reply is v as JSON.
func reply(status int, v any) answer { return answer{status: status, body: encode(v)} }

// encode returns v as JSON without what makes it fit for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of structs, maps and texts, which can be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

// shorten returns how many of n messages a page of at most limit holds.
func (u *Upstream) shorten(n, limit int) int {
	n = min(n, limit)
	if !u.faults.Has(ShortPages) || n <= 2 {
		return n
	}
	least := max(2, (n+1)/2)
	return least + u.random.IntN(n-least+1)
}

// off returns a count, wrong if that is asked for.
func (u *Upstream) off(n int) int { return max(0, n+u.totalOff) }

// A transport is the way to an upstream without a network.
type transport struct{ upstream *Upstream }

// Transport returns a way to u without a network: whatever the address, u answers.
func (u *Upstream) Transport() http.RoundTripper { return transport{u} }

// RoundTrip answers r.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a, err := t.upstream.answer(r)
	if err != nil {
		return nil, err
	}
	resp := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, ContentLength: int64(len(a.body)), Request: r,
	}
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	switch {
	case r.Method == http.MethodHead:
		resp.Body = http.NoBody
	case a.cut:
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(a.body[:len(a.body)/2]), cutReader{}))
	default:
		resp.Body = io.NopCloser(bytes.NewReader(a.body))
	}
	return resp, nil
}

// A cutReader is a connection that has ended too early.
type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
