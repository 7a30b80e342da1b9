package imkit

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"parlance"
	"parlance/internal/answers"
	"parlance/internal/reply"
	"parlance/store"
)

// The bounds of a page: IMKit Paging, limit.
const (
	defaultLimit = 20
	maxLimit     = 1000
)

// A pageQuery is what a request asks of a room's history.
type pageQuery struct {
	limit         int // 1 to maxLimit
	before, after parlance.MessageID
	afterTime     *parlance.Time // exclusive
	timeline      parlance.Timeline
	ascending     bool // how data is ordered
	inclusive     bool // anchors are part of the page
	web           bool // asked by the web SDK, which ignores marks on hidden rows
}

// parsePageQuery reads a request's parameters. web tells that an x-timezone header
// came with it: IMKit Order.
func parsePageQuery(raw string, web bool) (pageQuery, error) {
	q := pageQuery{limit: defaultLimit, timeline: parlance.ByUpdated, web: web}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, badParameter("The query is not well-formed")
	}
	get := func(name string) (string, bool, error) {
		v, ok := values[name]
		switch {
		case len(v) > 1:
			return "", false, badParameter(name + " is given more than once")
		case ok && v[0] == "":
			return "", false, badParameter(name + " is empty")
		case ok:
			return v[0], true, nil
		}
		return "", false, nil
	}
	v, given, err := get("limit")
	if err != nil {
		return q, err
	}
	if given {
		if q.limit, err = strconv.Atoi(v); err != nil || q.limit < 1 || q.limit > maxLimit {
			return q, badParameter(fmt.Sprintf("limit must be a whole number from 1 to %d", maxLimit))
		}
	}
	for name, anchor := range map[string]*parlance.MessageID{"beforeMessage": &q.before, "afterMessage": &q.after} {
		if v, _, err = get(name); err != nil {
			return q, err
		}
		*anchor = parlance.MessageID(v)
	}
	if v, given, err = get("afterTime"); err != nil {
		return q, err
	}
	if given {
		t, ok := parseTime(v)
		if !ok {
			return q, badParameter("afterTime must be an ISO-8601 time or Unix milliseconds")
		}
		q.afterTime = &t
	}
	if v, given, err = get("sortOrder"); err != nil {
		return q, err
	}
	switch {
	case v == "asc":
		q.ascending = true
	case given && v != "desc":
		return q, badParameter("sortOrder must be asc or desc")
	}
	if given || web && q.afterTime == nil {
		q.timeline = parlance.ByCreated // IMKit Order, the web SDK
	}
	q.inclusive = given // IMKit Paging, anchors
	q.web = web || given
	if v, given, err = get("timeRangeField"); err != nil {
		return q, err
	}
	switch {
	case v == "updatedAt":
		q.timeline = parlance.ByUpdated
	case v == "createdAt":
		q.timeline = parlance.ByCreated
	case v == "messageTime":
		q.timeline = parlance.BySent
	case given:
		return q, badParameter("timeRangeField must be updatedAt, createdAt or messageTime")
	}
	return q, nil
}

// timeFields are the names of the timelines' times on this wire.
var timeFields = [...]string{parlance.ByCreated: "createdAt", parlance.BySent: "messageTime", parlance.ByUpdated: "updatedAt"}

// listMessages answers GET /rooms/{id}/messages/v3: IMKit Paging.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	q, err := parsePageQuery(r.URL.RawQuery, !s.ignoreTimezone && r.Header.Get("X-Timezone") != "")
	if err != nil {
		return err
	}
	m, err := s.room(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	epoch := s.store.Epoch(c.workspace)
	var page []byte
	kept := func(state store.State) (ok bool) {
		page, ok = s.pages.Get(pageKey(&m, &q, epoch, state.Number))
		return ok
	}
	state, known := s.store.Glance(m.ref)
	if !known || !kept(state) {
		made, number, err := s.messagePage(ctx, &m, &q, kept)
		if err != nil {
			return err
		}
		if page == nil {
			page = made
			if number != 0 && len(page) <= answers.Largest {
				s.pages.Put(pageKey(&m, &q, epoch, number), page)
			}
		}
	}
	writePage(w, page, time.Since(start))
	return nil
}

// pageKey holds everything that a page depends on.
func pageKey(m *room, q *pageQuery, epoch, number uint64) string {
	b := make([]byte, 0, 192)
	b = appendString(b, m.ref.Workspace)
	b = appendString(b, m.ref.Conversation)
	b = appendString(b, m.account)
	b = appendString(b, q.before)
	b = appendString(b, q.after)
	if q.afterTime != nil {
		b = binary.AppendVarint(append(b, 't'), int64(*q.afterTime))
	}
	flags := byte(q.timeline)
	for i, set := range []bool{m.private, q.ascending, q.inclusive, q.web} {
		if set {
			flags |= 4 << i
		}
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(q.limit))
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = binary.BigEndian.AppendUint64(b, number)
	return string(b)
}

// A page is kept as the length of what comes before tookMS, in four bytes, and then
// everything but tookMS, which is measured anew for each answer.
const pageHead = 4

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func writePage(w http.ResponseWriter, page []byte, took time.Duration) {
	split := pageHead + int(binary.BigEndian.Uint32(page))
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b := append((*buffer)[:0], page[pageHead:split]...)
	b = strconv.AppendInt(b, took.Milliseconds(), 10)
	b = append(b, page[split:]...)
	if cap(b) <= answers.Largest {
		*buffer = b
	}
	reply.JSON(w, http.StatusOK, b)
}
