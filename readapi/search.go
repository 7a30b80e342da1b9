package readapi

import (
	"context"
	"net/http"
	"time"

	"parlance"
	"parlance/internal/inflight"
	"parlance/mirror"
	"parlance/search"
	"parlance/search/query"
)

// The bounds of an answer to a search.
const (
	usualHits    = 20
	maxHits      = 200
	snippetBytes = 240
)

// A hit is a message that was found.
type hit struct {
	Message  message          `json:"message"`
	Kind     parlance.Kind    `json:"kind"`
	Platform parlance.Dialect `json:"platform"`
	Current  bool             `json:"current"` // false: an earlier version
	Snippet  string           `json:"snippet"`
	Marks    [][2]int         `json:"marks"` // half-open spans of bytes of snippet
}

// A finding is the answer to a search.
type finding struct {
	Hits         []hit            `json:"hits"`
	Total        int              `json:"total"` // of those up to here
	Exact        bool             `json:"exact"` // there are no more
	Cursor       string           `json:"cursor"`
	IndexedUntil *string          `json:"indexed_until"`
	Pending      int              `json:"pending"`
	Coverage     mirror.Coverages `json:"coverage"`
}

// find answers GET /archive/v1/search.
func (s *Server) find(ctx context.Context, who asker, r *http.Request) (any, error) {
	p, err := parse(r.URL.RawQuery, "q", "zone", "limit", "cursor", "native")
	if err != nil {
		return nil, err
	}
	limit, err := p.limit(usualHits, maxHits)
	if err != nil {
		return nil, err
	}
	native, err := p.oneOf("native", "true", "false")
	if err != nil {
		return nil, err
	}
	zone := time.UTC
	if name := p.get("zone"); name != "" {
		if zone, err = time.LoadLocation(name); err != nil || name == "Local" {
			return nil, parlance.Errorf(parlance.Invalid, "there is no time zone %q: name one such as Asia/Taipei", name)
		}
	}
	if p.get("q") == "" {
		return nil, parlance.Errorf(parlance.Invalid, "say what to search for: ?q=QUERY")
	}
	q, err := query.Parse(p.get("q"), zone)
	if err != nil {
		return nil, err
	}
	cursor, err := search.DecodeCursor(p.get("cursor"), q.String())
	if err != nil {
		return nil, err
	}
	request := search.Request{Query: q, Scope: who.scope(), After: cursor.Position, Limit: limit}
	found, err := s.search.Search(ctx, who.ws, request)
	if err != nil {
		return nil, err
	}
	held := 0
	for i := range found.Hits {
		held += found.Hits[i].Entry.Size()
	}
	if err := inflight.Take(ctx, int64(perByte*held)); err != nil {
		return nil, err
	}
	out := finding{Hits: make([]hit, len(found.Hits)), Total: cursor.Seen + len(found.Hits), Exact: !found.More, Pending: found.Pending}
	for i := range found.Hits {
		h := &found.Hits[i]
		m := messageOf(h.Conversation, &h.Entry, who, native == "true")
		m.Text = valid(h.Text(q))
		snippet := q.Snippet(m.Text, snippetBytes)
		out.Hits[i] = hit{m, h.Kind, h.Platform, h.Current, snippet.Text, append([][2]int{}, snippet.Marks...)}
	}
	if found.Indexed != 0 {
		until := found.Indexed.String()
		out.IndexedUntil = &until
	}
	if found.More {
		out.Cursor = search.Cursor{Position: found.Next, Seen: out.Total}.Encode(q.String())
	}
	k, err := s.known(ctx, who.ws)
	if err != nil {
		return nil, err
	}
	out.Coverage = k.count(&request)
	return out, nil
}
