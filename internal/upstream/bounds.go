package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parlance"
)

// Causes of errors of kind Broken for which the same question is of no use. They are found with [errors.Is].
var (
	// ErrTooLarge: the answer is beyond a bound, in bytes, values or depth. To ask for less may help.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrRedirect: the platform sends its clients elsewhere.
	ErrRedirect = errors.New("redirects aren't followed")
)

// Lasting reports whether err's cause is one that the same question meets again.
func Lasting(err error) bool { return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrRedirect) }

// NewTransport returns what makes calls of platforms: like [http.DefaultTransport], with a bound for the header of an answer.
func NewTransport() *http.Transport {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = parlance.MaxUpstreamHeader
	return t
}

// checkBounds returns an error if a body that is JSON holds more values than allowed, or lies deeper. It is looked at
// before anything is made of it: a value of two bytes can become a structure of a thousand.
func checkBounds(c Call, body []byte) error {
	_, depth, err := measure(body, parlance.MaxUpstreamValues, parlance.MaxUpstreamDepth)
	switch {
	case err == nil:
		return nil
	case depth > parlance.MaxUpstreamDepth:
		return parlance.Wrap(parlance.Broken, err, "%s: the answer is nested deeper than %d", c.name(), parlance.MaxUpstreamDepth)
	}
	return parlance.Wrap(parlance.Broken, err, "%s: the answer holds more than %d values", c.name(), parlance.MaxUpstreamValues)
}

// measure counts the values of a JSON text from above: one, one for each array and object that begins, and one behind each comma. Texts that
// are no JSON have a number too. It stops with [ErrTooLarge] at the first value or level that is too many.
func measure(text []byte, maxValues, maxDepth int) (values, depth int, err error) {
	values = 1
	level := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			level++
			depth = max(depth, level)
			values++
		case ',':
			values++
		case '}', ']':
			level--
		}
		if values > maxValues || depth > maxDepth {
			return values, depth, ErrTooLarge
		}
	}
	return values, depth, nil
}

// redirect is the error of an answer that leads elsewhere. It names where to, less what may be secret: user, query and fragment.
func (a *Answer) redirect(c Call) error {
	target := "no address"
	if v := a.Header.Get("Location"); v != "" {
		target = "an address that can't be read"
		if u, err := url.Parse(v); err == nil {
			if a.from != nil {
				u = a.from.ResolveReference(u)
			}
			target = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
		}
	}
	return parlance.Wrap(parlance.Broken, ErrRedirect, "%s: status %d leads to %s", c.name(), a.Status, Shown(target))
}

// tooLong is the error of a body that is longer than allowed.
func tooLong(c Call, most int64) error {
	return parlance.Wrap(parlance.Broken, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most), "%s", c.name())
}
