package shopline

import (
	"net/url"
	"strconv"

	"parlance"
)

// Sizes of pages.
const (
	defaultLimit = 24
	maxLimit     = 250
)

// maxSkip is how many messages a page number may skip. Whoever goes further back
// moves the end of the range down, which costs the same at any depth.
const maxSkip = 10_000

// values reads the parameters of a request. It keeps the first error.
type values struct {
	q   url.Values
	err error
}

// get returns the parameter's value and whether it is there. One that is given twice
// is refused, since either value could be meant.
func (v *values) get(name string) (string, bool) {
	got := v.q[name]
	if len(got) == 0 {
		return "", false
	}
	if len(got) > 1 {
		v.fail(parlance.Errorf(parlance.Invalid, "%s is given more than once", name))
	}
	return got[0], true
}

func (v *values) fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

// platform returns the platform, which is required everywhere.
func (v *values) platform() Platform {
	s, _ := v.get("platform")
	switch p := Platform(s); p {
	case ShopMessages, OrderMessages, ReturnOrderMessages:
		return p
	case "":
		v.fail(parlance.Errorf(parlance.Invalid, "platform is required: %s, %s, %s", ShopMessages, OrderMessages, ReturnOrderMessages))
	default:
		v.fail(parlance.Errorf(parlance.Invalid, "platform is invalid: want %s, %s or %s", ShopMessages, OrderMessages, ReturnOrderMessages))
	}
	return ""
}

// integer returns a decimal integer, or def if it is absent. One that does not fit is
// a very large or very small one.
func (v *values) integer(name string, def int) int {
	s, ok := v.get(name)
	if !ok {
		return def
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil && err.(*strconv.NumError).Err != strconv.ErrRange {
		v.fail(parlance.Errorf(parlance.Invalid, "%s is invalid: want an integer", name))
	}
	return int(n)
}

// positive is integer for numbers from 1.
func (v *values) positive(name string, def int) int {
	n := v.integer(name, def)
	if n < 1 {
		v.fail(parlance.Errorf(parlance.Invalid, "%s is invalid: want an integer of at least 1", name))
	}
	return n
}

// bound returns a time bound of a range, or nil if it is absent. A range holds what
// lies at its start and not what lies at its end.
func (v *values) bound(name string) *parlance.Position {
	s, ok := v.get(name)
	if !ok {
		return nil
	}
	t, err := parseTime(name, s)
	if err != nil {
		v.fail(err)
	}
	return parlance.At(t)
}

// A messageQuery says which messages of a conversation to answer with.
type messageQuery struct {
	limit    int                // 1 to maxLimit
	skip     int                // messages to leave out first, at most 2^39
	from, to *parlance.Position // from <= position < to; nil is open
	numbered bool               // a page's number was given
}

// messageQuery reads everything but the platform.
func (v *values) messageQuery() (messageQuery, error) {
	var m messageQuery
	m.from = v.bound("start") // SHOPLINE messages, start: inclusive.
	m.to = v.bound("end")     // SHOPLINE messages, end: exclusive.

	// SHOPLINE messages, page: tolerated, with per_page in the place of an absent limit.
	perPage := v.positive("per_page", defaultLimit)
	limit := v.positive("limit", perPage)
	page := v.positive("page", 1)
	m.limit = min(limit, maxLimit) // SHOPLINE messages, limit: clamped and echoed.
	m.skip = (page - 1) * m.limit
	_, m.numbered = v.q["page"]
	return m, v.err
}

// A conversationQuery says which page of which conversations to answer with.
type conversationQuery struct {
	platform Platform
	customer parlance.AccountID // empty: of all customers
	page     int                // from 1
	perPage  int                // 1 to maxLimit
}

func (v *values) conversationQuery() (conversationQuery, error) {
	c := conversationQuery{platform: v.platform()}
	if s, ok := v.get("customer_id"); ok {
		c.customer = parlance.AccountID(s)
		if err := parlance.CheckID("customer_id", c.customer); err != nil {
			v.fail(err)
		}
	}
	c.page = v.positive("page", 1)
	// SHOPLINE conversations, per_page: clamped and echoed.
	c.perPage = min(max(v.integer("per_page", defaultLimit), 1), maxLimit)
	return c, v.err
}
