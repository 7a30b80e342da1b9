package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"parlance"
	"parlance/internal/upstream"
)

// A HistoryQuery asks for a page of a room's history. The zero value is the newest 20 messages.
type HistoryQuery struct {
	Limit int // rows at most; 0 leaves it to the server, which is documented to give 20

	// BeforeMessage and AfterMessage are ids of messages. Whether they are part of the page themselves,
	// servers disagree: IMKit Paging, anchors.
	BeforeMessage, AfterMessage string

	AfterTime parlance.Time // only what is later; zero: no bound

	// TimeRangeField is updatedAt, createdAt or messageTime; empty leaves it to the server.
	TimeRangeField string

	// SortOrder is asc or desc; empty leaves it to the server. It is not documented by the platform.
	SortOrder string
}

func (q *HistoryQuery) values() url.Values {
	v := url.Values{}
	put := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	put("beforeMessage", q.BeforeMessage)
	put("afterMessage", q.AfterMessage)
	if !q.AfterTime.IsZero() {
		v.Set("afterTime", strconv.FormatInt(int64(q.AfterTime), 10))
	}
	put("timeRangeField", q.TimeRangeField)
	put("sortOrder", q.SortOrder)
	return v
}

// A historyPage is a page of a room's history with its rows unread.
type historyPage struct {
	rows    []json.RawMessage
	total   *int // nil: not told
	hidden  []string
	inspect json.RawMessage // may be nil
	size    int             // bytes of the result
	clock   parlance.Time
	who     Credentials
}

// history makes GET /rooms/{id}/messages/v3.
func (c *Client) history(ctx context.Context, room string, q HistoryQuery) (historyPage, error) {
	path := historyPath(room)
	r, err := c.call(ctx, http.MethodGet, path, q.values(), nil)
	if err != nil {
		return historyPage{}, err
	}
	o, err := parseForeign(r.result)
	if err != nil {
		return historyPage{}, broken(http.MethodGet, path, err)
	}
	p := historyPage{inspect: o.get("inspect"), clock: r.clock, who: r.who, size: len(r.result)}
	// A result without rows is no empty page, which would be taken for the end.
	if !isArray(o.get("data")) {
		return p, broken(http.MethodGet, path, errors.New("no list of messages"))
	}
	readList(o.get("data"), &p.rows)
	if total, ok := count(o); ok {
		p.total = &total
	}
	if err := checkPage(o, len(p.rows)); err != nil {
		return p, broken(http.MethodGet, path, err)
	}
	p.hidden = readIDs(o.get("userDeletedIDs"))
	return p, nil
}

// count returns how many rows a list says that there are in all.
func count(o object) (int, bool) {
	n, ok := wholeNumber(o.get("totalCount"))
	return int(n), ok && n >= 0 && n < 1<<31
}

// checkPage returns an error if the result of a list isn't what such a call always has: one that tells of an error, or one without rows that
// doesn't count them either, is no answer, which would be taken for the end.
func checkPage(o object, rows int) error {
	if said := upstream.Complaint(o.append(nil)); said != "" {
		return fmt.Errorf("it tells of an error: %s", upstream.Shown(said))
	}
	if _, ok := count(o); !ok && (rows == 0 || o.has("totalCount")) {
		return errors.New("a list that doesn't count")
	}
	return nil
}

func historyPath(room string) string { return pathTo("rooms", room, "messages", "v3") }

// Messages returns a page of a room's history, in the order in which the server gave it. A row that is no message at all
// makes the whole page an error of kind Broken.
func (c *Client) Messages(ctx context.Context, room string, q HistoryQuery) (MessagePage, error) {
	h, err := c.history(ctx, room, q)
	if err != nil {
		return MessagePage{}, err
	}
	p := MessagePage{Data: []Message{}, UserDeletedIDs: h.hidden, Inspect: readInspect(h.inspect)}
	if h.total != nil {
		p.TotalCount = *h.total
	}
	for _, raw := range h.rows {
		m, err := readMessage(raw)
		if err != nil {
			return MessagePage{}, broken(http.MethodGet, historyPath(room), err)
		}
		p.Data = append(p.Data, m)
	}
	return p, nil
}

func readInspect(v json.RawMessage) Inspect {
	o, err := parseForeign(v)
	if err != nil {
		return Inspect{}
	}
	took, _ := wholeNumber(o.get("tookMS"))
	return Inspect{Query: o.get("query"), TookMS: took}
}

// A Draft is a message to be sent, or what an edit changes. Empty fields aren't sent.
type Draft struct {
	MessageType string   `json:"messageType,omitempty"` // empty is text
	Message     string   `json:"message,omitempty"`
	Mentions    []string `json:"mentions,omitempty"` // user ids
	Reply       string   `json:"reply,omitempty"`    // a message's id
	Sender      string   `json:"sender,omitempty"`   // user id; only with an API key
	Images      []Image  `json:"images,omitempty"`
	OriginalURL string   `json:"originalUrl,omitempty"`
	Sticker     string   `json:"sticker,omitempty"`
	Extra       any      `json:"extra,omitempty"`
}

// Send sends a message to a room and returns it as it was stored.
func (c *Client) Send(ctx context.Context, room string, d Draft) (Message, error) {
	return c.postMessage(ctx, room, d)
}

// Edit changes a message of the caller's own: the fields that d has.
func (c *Client) Edit(ctx context.Context, room, id string, d Draft) (Message, error) {
	return c.postMessage(ctx, room, struct {
		ID string `json:"_id"`
		Draft
	}{id, d})
}

// Recall takes a message of the caller's own back for everyone. It keeps its place and loses its content.
func (c *Client) Recall(ctx context.Context, room, id string) (Message, error) {
	return c.postMessage(ctx, room, map[string]string{"_id": id, "messageType": "recall"})
}

func (c *Client) postMessage(ctx context.Context, room string, body any) (Message, error) {
	return read(ctx, c, http.MethodPost, pathTo("rooms", room, "message"), nil, body, readMessage)
}

// Post sends a message as the administrator, in the name of d.Sender.
func (c *Client) Post(ctx context.Context, room string, d Draft) (Message, error) {
	return read(ctx, c, http.MethodPost, "/messages", nil, struct {
		Room string `json:"room"`
		Draft
	}{room, d}, readMessage)
}

// Delete deletes a message for everyone. It takes the room's owner, a manager or an API key.
func (c *Client) Delete(ctx context.Context, room, id string) (DeleteResult, error) {
	return get[DeleteResult](ctx, c, http.MethodDelete, pathTo("rooms", room, "messages", id), nil, nil)
}

// Hide hides messages from the caller alone.
func (c *Client) Hide(ctx context.Context, room string, ids ...string) (HideResult, error) {
	return get[HideResult](ctx, c, http.MethodPost, "/messages/user-delete", nil, map[string]any{"room": room, "messages": ids})
}

// React gives the caller's reaction, such as 👍, to a message and returns the message.
func (c *Client) React(ctx context.Context, id, reaction string) (Message, error) {
	return read(ctx, c, http.MethodPost, pathTo("messages", id, "reaction"), nil, map[string]string{"reaction": reaction}, readMessage)
}

// Unreact takes the caller's reaction back and returns the message.
func (c *Client) Unreact(ctx context.Context, id, reaction string) (Message, error) {
	return read(ctx, c, http.MethodDelete, pathTo("messages", id, "reaction"), url.Values{"reaction": {reaction}}, nil, readMessage)
}
