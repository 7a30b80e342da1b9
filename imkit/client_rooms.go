package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"parlance"
)

// A RoomsQuery asks for a page of the caller's rooms. The zero value is all of them.
type RoomsQuery struct {
	Skip, Limit int // rooms; a limit of 0 leaves it to the server, which is documented to give all

	Sort         string        // fields with a space between, a minus sign for descending: "-lastMessage"
	Filter       string        // q: conditions as JSON, such as {"roomTags":"vip"}
	UpdatedAfter parlance.Time // zero: no bound
}

func (q *RoomsQuery) values() url.Values {
	v := url.Values{"skip": {strconv.Itoa(q.Skip)}}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Sort != "" {
		v.Set("sort", q.Sort)
	}
	if q.Filter != "" {
		v.Set("q", q.Filter)
	}
	if !q.UpdatedAfter.IsZero() {
		v.Set("updatedAfter", strconv.FormatInt(int64(q.UpdatedAfter), 10))
	}
	return v
}

// Rooms returns a page of the caller's rooms. Its TotalCount is -1 if the server told none. A row that is no room at all
// makes the whole page an error of kind Broken.
func (c *Client) Rooms(ctx context.Context, q RoomsQuery) (RoomPage, error) {
	return read(ctx, c, http.MethodGet, "/rooms", q.values(), nil, readRoomPage)
}

// A roomRows is a page of the list of rooms with its rows unread.
type roomRows struct {
	rows    []json.RawMessage
	total   int // that the list claims; -1: it doesn't
	inspect json.RawMessage
	size    int // bytes of the result
}

// roomRows makes GET /rooms.
func (c *Client) roomRows(ctx context.Context, q RoomsQuery) (roomRows, error) {
	return read(ctx, c, http.MethodGet, "/rooms", q.values(), nil, readRoomRows)
}

func readRoomRows(raw json.RawMessage) (roomRows, error) {
	p := roomRows{total: -1, size: len(raw)}
	o, err := parseForeign(raw)
	if err != nil {
		return p, err
	}
	if !isArray(o.get("data")) {
		return p, errors.New("no list of rooms")
	}
	readList(o.get("data"), &p.rows)
	if n, ok := count(o); ok {
		p.total = n
	}
	p.inspect = o.get("inspect")
	return p, checkPage(o, len(p.rows))
}

func readRoomPage(raw json.RawMessage) (RoomPage, error) {
	read, err := readRoomRows(raw)
	p := RoomPage{TotalCount: read.total, Data: []Room{}}
	if err != nil {
		return p, err
	}
	for _, row := range read.rows {
		room, err := readRoom(row)
		if err != nil {
			return p, err
		}
		p.Data = append(p.Data, room)
	}
	p.Inspect = readInspect(read.inspect)
	return p, nil
}

// Room returns a room.
func (c *Client) Room(ctx context.Context, id string) (Room, error) {
	return read(ctx, c, http.MethodGet, pathTo("rooms", id), nil, nil, readRoom)
}

// A RoomDraft is a room to be made. Empty fields aren't sent.
type RoomDraft struct {
	ID          string   `json:"_id,omitempty"` // empty: the server's choice
	Name        string   `json:"name,omitempty"`
	Cover       string   `json:"cover,omitempty"`
	Description string   `json:"description,omitempty"`
	RoomType    string   `json:"roomType,omitempty"` // group, direct or custom
	RoomTags    []string `json:"roomTags,omitempty"`
	Members     []string `json:"members,omitempty"` // user ids
	Owner       string   `json:"owner,omitempty"`   // user id
}

// CreateRoom makes a room. It takes an API key.
func (c *Client) CreateRoom(ctx context.Context, d RoomDraft) (Room, error) {
	return read(ctx, c, http.MethodPost, "/rooms", nil, d, readRoom)
}

// AddMembers adds users to a room; with announce, a system message says so.
func (c *Client) AddMembers(ctx context.Context, room string, announce bool, users ...string) (Room, error) {
	body := map[string]any{"invitees": users, "systemMessage": announce}
	return read(ctx, c, http.MethodPost, pathTo("rooms", room, "members"), nil, body, readRoom)
}

// RemoveMembers takes users out of a room; with announce, a system message says so.
func (c *Client) RemoveMembers(ctx context.Context, room string, announce bool, users ...string) (Room, error) {
	body := map[string]any{"members": users, "systemMessage": announce}
	return read(ctx, c, http.MethodPost, pathTo("rooms", room, "delete", "members"), nil, body, readRoom)
}

// SetLastRead marks all messages of a room up to this one as read by the caller.
func (c *Client) SetLastRead(ctx context.Context, room, message string) (LastReadResult, error) {
	return get[LastReadResult](ctx, c, http.MethodPut, pathTo("rooms", room, "lastRead"), nil, map[string]string{"message": message})
}
