package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"parlance"
)

// A call is a request but for its host.
type call struct {
	method, path, query string
	header              http.Header // shared
	body                []byte
}

// A dialect asks for pages in the words of one platform.
//
// A salt above 0 adds a lower bound far below every message, which makes a request that
// was never made before: no answer to it can be remembered.
type dialect interface {
	name() string
	// newest asks for the newest messages of a room.
	newest(r *room, limit int, salt int64) call
	// before asks for the messages before a place.
	before(r *room, p place, limit int, salt int64) call
	// next asks for the page after the one whose answer is given, by the dialect's
	// own cursor, in pages of walkLimit. It tells how many messages the answer holds. The
	// walk ends at an answer without messages.
	next(r *room, answer []byte, salt int64) (call, int, error)
}

// walkLimit is the size of the pages of a walk, the largest that all three dialects have.
const walkLimit = 100

// between returns what stands in b between two words, searching from the left or the right.
func between(b []byte, before, after string, last bool) ([]byte, error) {
	at := bytes.Index(b, []byte(before))
	if last {
		at = bytes.LastIndex(b, []byte(before))
	}
	if at >= 0 {
		b = b[at+len(before):]
		if end := bytes.Index(b, []byte(after)); end >= 0 {
			return b[:end], nil
		}
	}
	return nil, fmt.Errorf("no cursor in the answer: %.200q", b)
}

// imkitCalls asks with an IMKit user token.
type imkitCalls struct{ header http.Header }

func (imkitCalls) name() string { return "IMKit" }

func (d imkitCalls) newest(r *room, limit int, salt int64) call {
	return d.page(r, "", limit, salt)
}

func (d imkitCalls) before(r *room, p place, limit int, salt int64) call {
	return d.page(r, string(p.id), limit, salt)
}

func (d imkitCalls) page(r *room, before string, limit int, salt int64) call {
	q := "limit=" + strconv.Itoa(limit)
	if before != "" {
		q += "&beforeMessage=" + before
	}
	if salt > 0 {
		q += "&afterTime=" + strconv.FormatInt(salt, 10)
	}
	return call{http.MethodGet, "/rooms/" + string(r.ref.Conversation) + "/messages/v3", q, d.header, nil}
}

// next takes the id of the page's last row, which is its oldest.
func (d imkitCalls) next(r *room, answer []byte, salt int64) (call, int, error) {
	n := bytes.Count(answer, []byte(`,"_id":"`))
	if n == 0 {
		return call{}, 0, nil
	}
	id, err := between(answer, `,"_id":"`, `"`, true)
	return d.page(r, string(id), walkLimit, salt), n, err
}

// shoplineCalls asks with a SHOPLINE token.
type shoplineCalls struct{ header http.Header }

func (shoplineCalls) name() string { return "SHOPLINE" }

func (d shoplineCalls) newest(r *room, limit int, salt int64) call {
	return d.page(r, "", limit, salt)
}

func (d shoplineCalls) before(r *room, p place, limit int, salt int64) call {
	return d.page(r, p.at.String(), limit, salt)
}

func (d shoplineCalls) page(r *room, end string, limit int, salt int64) call {
	q := "platform=shop_messages&limit=" + strconv.Itoa(limit)
	if end != "" {
		q += "&end=" + end
	}
	if salt > 0 {
		q += "&start=" + parlance.Time(salt).String()
	}
	return call{http.MethodGet, "/v1/conversations/" + string(r.ref.Conversation) + "/messages", q, d.header, nil}
}

// next takes the time of the page's last item, which is its oldest.
func (d shoplineCalls) next(r *room, answer []byte, salt int64) (call, int, error) {
	n := bytes.Count(answer, []byte(`"created_at":"`))
	if n == 0 {
		return call{}, 0, nil
	}
	at, err := between(answer, `"created_at":"`, `"`, true)
	return d.page(r, string(at), walkLimit, salt), n, err
}

// imetastoreCalls asks with an iMetaStore seller's token.
type imetastoreCalls struct{ header http.Header }

func (imetastoreCalls) name() string { return "iMetaStore" }

// newest asks a server whose pages are of that limit.
func (d imetastoreCalls) newest(r *room, _ int, salt int64) call {
	return d.page(r, parlance.TimeOf(time.Now()).Seconds(), salt, "")
}

func (d imetastoreCalls) before(r *room, p place, _ int, salt int64) call {
	return d.page(r, p.at.Seconds()-1, salt, "")
}

func (d imetastoreCalls) page(r *room, maxTime, minTime int64, key string) call {
	b := make([]byte, 0, 200)
	b = append(b, `{"buyerId":`...)
	b = append(b, r.buyer...)
	b = append(b, `,"minTime":`...)
	b = strconv.AppendInt(b, minTime, 10)
	b = append(b, `,"maxTime":`...)
	b = strconv.AppendInt(b, maxTime, 10)
	if key != "" {
		b = append(b, `,"lastMsgKey":"`...)
		b = append(b, key...)
		b = append(b, '"')
	}
	return call{http.MethodPost, "/merchant-api/seller/im/msg", "", d.header, append(b, '}')}
}

func (d imetastoreCalls) next(r *room, answer []byte, salt int64) (call, int, error) {
	n := bytes.Count(answer, []byte(`"fromAccount":"`))
	if n == 0 {
		return call{}, 0, nil
	}
	key, err := between(answer, `"lastMsgKey":"`, `"`, false)
	if err != nil {
		return call{}, 0, err
	}
	ms, err := between(answer, `"lastMsgTime":`, `,`, false)
	if err != nil {
		return call{}, 0, err
	}
	t, err := strconv.ParseInt(string(ms), 10, 64)
	if err != nil {
		return call{}, 0, fmt.Errorf("read lastMsgTime: %w", err)
	}
	return d.page(r, t/1000, salt, string(key)), n, nil
}
