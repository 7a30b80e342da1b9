package files

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

// Bounds of one fetch, unless [FetcherOptions] say otherwise.
const (
	DefaultMaxBytes = parlance.MaxFile
	DefaultTimeout  = 5 * time.Minute

	maxRedirects = 10
	maxAfter     = time.Hour // the longest wait that a host may ask for
)

// FetcherOptions are a Fetcher's settings. The zero value asks public addresses only, without credentials.
type FetcherOptions struct {
	// Origin is the address of the platform whose messages mention the files; nil: there is none. Addresses that begin with a
	// slash are below it. Its host, with its port, may be on a private network. What its API answers is never taken for a file: nothing
	// is redirected to it, and neither JSON nor a page of its own is kept.
	Origin *url.URL

	// Authorize adds the platform's credentials to a request if that is its file call: messages name any address, and whoever may
	// write one could have the credentials read anything else for him. It is called for the address that the message names,
	// if that is on Origin's host by Origin's scheme, and never after a redirect. nil: there are none.
	Authorize func(*http.Request)

	// AllowHosts may be on private networks: "host" for all its ports, or "host:port".
	AllowHosts []string
	// AllowPrivate lets every address be asked.
	AllowPrivate bool

	// Accept says which media types are kept, such as "image/png"; nil: [Acceptable].
	Accept func(mediaType string) bool

	MaxBytes  int64         // the largest file, decompressed; 0: DefaultMaxBytes
	Timeout   time.Duration // of all of a fetch; 0: DefaultTimeout, at most half an hour
	UserAgent string        // empty: "parlance"

	// Transport makes the requests. nil: one that checks each address that it connects to, when it does, and uses no proxy. Another
	// one must do that itself, where names lead to private addresses: the Fetcher then only sees addresses that are written as numbers.
	Transport http.RoundTripper
}

// A Fetcher reads files from where messages say that they are. It may be used by many goroutines. A process
// that makes many closes those it doesn't need any more.
type Fetcher struct {
	o      FetcherOptions
	client *http.Client
}

// NewFetcher returns a Fetcher.
func NewFetcher(o FetcherOptions) *Fetcher {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	o.Timeout = min(o.Timeout, abandoned/2)
	if o.Accept == nil {
		o.Accept = Acceptable
	}
	if o.UserAgent == "" {
		o.UserAgent = "parlance"
	}
	f := &Fetcher{o: o}
	if o.Transport == nil {
		f.o.Transport = f.transport()
	}
	f.client = &http.Client{
		Transport: f.o.Transport,
		// Redirects are followed by hand, so that each request is a new one: nothing of the first one goes on.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f
}

// Close closes connections that nothing comes through.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// errPrivate is why a connection isn't made.
var errPrivate = refused("the address is on a private or reserved network")

// transport returns one that connects to public addresses, and to those that are allowed.
func (f *Fetcher) transport() *http.Transport {
	var open, guarded net.Dialer
	open.Timeout, guarded.Timeout = 30*time.Second, 30*time.Second
	// Here the name has become a number, and it is the one that is connected to: what a name leads to later doesn't matter.
	guarded.Control = func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil || !public(a.Addr()) {
			return errPrivate
		}
		return nil
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if f.allowed(address) {
				return open.DialContext(ctx, network, address)
			}
			return guarded.DialContext(ctx, network, address)
		},
		Proxy:                  nil, // a proxy would look up names itself
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    30 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// allowed reports whether address, host:port, may be on a private network.
func (f *Fetcher) allowed(address string) bool {
	if f.o.AllowPrivate || f.o.Origin != nil && strings.EqualFold(address, hostPort(f.o.Origin)) {
		return true
	}
	host, _, _ := net.SplitHostPort(address)
	for _, h := range f.o.AllowHosts {
		if strings.EqualFold(h, address) || strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// hostPort returns u's host and port, the scheme's if it names none.
func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), portOf(u))
}

// A Fetched is a file that was read whole.
type Fetched struct {
	Sum  Sum
	Size int64  // bytes
	Type string // media type, without parameters
	Name string // as the server calls it; may be empty

	fresh bool // the folder didn't have it
}

// Fetch reads the file that m mentions into the folder. Errors are of these kinds, but for what went wrong on disk, which
// is Internal, and ctx's own:
//
//	NotFound     it is gone for good
//	Forbidden    it is refused here: the address, the file's type, its size
//	Limited      try again; parlance.RetryAfter says when, if the host did
//	Unavailable  try again, as above: no answer, or a part of one, or one that says so
//	Broken       something else in its place, such as a page that asks for a login; try again
//	Unauthenticated  the host wants a credential, or another one; it may be there at the next try
func (f *Fetcher) Fetch(ctx context.Context, to *Folder, m Mention, now parlance.Time) (Fetched, error) {
	return f.fetchInto(ctx, to, m, now, func(int) error { return nil })
}

// fetchInto is Fetch for whoever wants to know of each piece of the file before it is written, and may end it.
func (f *Fetcher) fetchInto(ctx context.Context, to *Folder, m Mention, now parlance.Time, take func(int) error) (Fetched, error) {
	u, err := f.address(m.Address)
	if err != nil {
		return Fetched{}, err
	}
	within, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	got, err := f.fetch(within, to, u, m, now, take)
	switch {
	case err == nil:
		return got, nil
	case ctx.Err() != nil:
		return Fetched{}, fmt.Errorf("fetch a file: %w", context.Cause(ctx))
	case within.Err() != nil:
		return Fetched{}, parlance.Errorf(parlance.Unavailable, "not read whole within %s", f.o.Timeout)
	}
	return Fetched{}, err
}

func (f *Fetcher) fetch(ctx context.Context, to *Folder, u *url.URL, m Mention, now parlance.Time, take func(int) error) (Fetched, error) {
	resp, err := f.follow(ctx, u)
	if err != nil {
		return Fetched{}, err
	}
	defer resp.Body.Close()
	if err := failure(resp, now); err != nil {
		return Fetched{}, err
	}
	if resp.ContentLength > f.o.MaxBytes {
		return Fetched{}, f.tooLarge()
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return Fetched{}, parlance.Errorf(parlance.Broken, "the answer is encoded as %s, which nobody asked for", shown(e))
	}
	body := bufio.NewReaderSize(&bounded{r: resp.Body, left: f.o.MaxBytes, err: f.tooLarge()}, sniffed)
	head, err := body.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return Fetched{}, lost(err)
	}
	name := serverName(resp)
	media := mediaType(resp.Header.Get("Content-Type"), head)
	if err := plausible(m, resp.Request.URL, media, len(head)); err != nil {
		return Fetched{}, err
	}
	if f.isOwnHost(resp.Request.URL) && isAnswer(resp.Header.Get("Content-Type"), media, head) {
		if want := expected(m, resp.Request.URL); want != "" && !isAPIType(want) {
			return Fetched{}, parlance.Errorf(parlance.Broken, "an answer of the platform's API in the place of %s", want)
		}
		return Fetched{}, refused("%s of the platform's own is an answer of its API, and no file", shown(media))
	}
	if !f.o.Accept(media) {
		return Fetched{}, refused("files of type %s are not kept", shown(media))
	}
	sum, size, fresh, err := to.store(&metered{body, take})
	var noRoom *NoRoom
	var read *ReadError
	switch {
	case errors.As(err, &noRoom):
		return Fetched{}, noRoom
	case errors.As(err, &read):
		return Fetched{}, lost(read.Err)
	case err != nil:
		return Fetched{}, full(err)
	}
	return Fetched{sum, size, media, name, fresh}, nil
}

// follow makes the request, and those that it is redirected to. Only the first may bear the credentials.
func (f *Fetcher) follow(ctx context.Context, u *url.URL) (*http.Response, error) {
	for n := range maxRedirects + 1 {
		resp, err := f.get(ctx, u, n == 0)
		if err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return resp, nil
		}
		resp.Body.Close()
		to := resp.Header.Get("Location")
		if to == "" {
			return nil, parlance.Errorf(parlance.Broken, "a redirect to nowhere")
		}
		next, err := u.Parse(to)
		if err != nil {
			return nil, parlance.Errorf(parlance.Broken, "a redirect to an address that can't be read")
		}
		if err := f.checkRedirect(next); err != nil {
			return nil, err
		}
		u = next
	}
	return nil, parlance.Errorf(parlance.Broken, "more than %d redirects", maxRedirects)
}

// get makes one request. The credentials go to the platform's file call and nowhere else.
func (f *Fetcher) get(ctx context.Context, u *url.URL, first bool) (*http.Response, error) {
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) && !f.allowed(hostPort(u)) {
		return nil, errPrivate
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, refused("the address can't be asked")
	}
	r.Header.Set("User-Agent", f.o.UserAgent)
	r.Header.Set("Accept", "*/*")
	// Otherwise the transport would ask for gzip and unpack it: a file comes as it is, byte by byte.
	r.Header.Set("Accept-Encoding", "identity")
	if first && f.o.Authorize != nil && f.owns(u) {
		f.o.Authorize(r)
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return nil, lost(err)
	}
	return resp, nil
}

// lost is the error of a request that got no whole answer. It doesn't show the address, which may hold a signature.
func lost(err error) error {
	var known *parlance.Error
	if errors.As(err, &known) {
		return known
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return parlance.Errorf(parlance.Unavailable, "the host's name is not found or can't be looked up now")
	}
	return parlance.Wrap(parlance.Unavailable, errors.New(shown(err.Error())), "no whole answer")
}

// failure returns what a status other than 200 means.
func failure(resp *http.Response, now parlance.Time) error {
	status := resp.StatusCode
	kind := parlance.Broken
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		kind = parlance.NotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		kind = parlance.Unauthenticated
	case status == http.StatusTooManyRequests:
		kind = parlance.Limited
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		kind = parlance.Unavailable
	}
	return &parlance.Error{Kind: kind, Text: "status " + strconv.Itoa(status), After: retryAfter(resp.Header, now)}
}

// retryAfter returns for how long the host asks to wait, 0 if it doesn't say.
func retryAfter(h http.Header, now parlance.Time) time.Duration {
	a := upstream.Answer{Header: h}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		a.Clock = parlance.TimeOf(t)
	}
	return min(a.RetryAfter(now), maxAfter)
}

// shown is a text of the host's that an error may show.
func shown(s string) string { return upstream.Shown(s) }

func (f *Fetcher) tooLarge() error {
	return refused("the file is larger than %d bytes", f.o.MaxBytes)
}

// A metered reader tells of each piece that it gives.
type metered struct {
	r    io.Reader
	take func(int) error
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		if err := m.take(n); err != nil {
			return 0, err
		}
	}
	return n, err
}

// A bounded reader fails with err at the first byte too many.
type bounded struct {
	r    io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.err
	}
	return n, err
}

// serverName returns the file's name as its server tells it, without folders; empty if it doesn't.
func serverName(resp *http.Response) string {
	name := dispositionName(resp.Header.Get("Content-Disposition"))
	name = path.Base("/" + strings.ReplaceAll(name, `\`, "/"))
	if name == "/" || name == "." || name == ".." {
		return ""
	}
	return shown(name)
}
