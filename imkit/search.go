package imkit

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"parlance"
	"parlance/internal/inflight"
	"parlance/search"
	"parlance/search/query"
	"parlance/store"
)

// searchTypes are what can be searched for. Preferences aren't kept, so nothing is found by them: IMKit Search.
var searchTypes = []string{"messages", "files", "roomName", "roomMember", "roomTags", "roomPrefTags", "roomPrefFolder"}

// How many rooms or messages of one type are answered.
const (
	searchLimit = 20  // without limit
	searchMost  = 100 // at most
)

// maxKeyword is how many bytes a keyword has at most.
const maxKeyword = 2000

var errKeyword = badParameter("keyword must be at most 60 words and 2,000 bytes, and each word must hold a sign that can be searched for")

// A searchRequest is the body of a search.
type searchRequest struct {
	Type     []string `json:"type"`
	Keyword  string   `json:"keyword"`
	Room     string   `json:"room"`
	RoomTags []string `json:"roomTags"`
	Limit    *int     `json:"limit"`
}

// A FoundMessages is a room with the messages in it that were found.
type FoundMessages struct {
	Room      Room     `json:"room"`
	Messages  []string `json:"messages"`            // ids, oldest first
	MessageID string   `json:"messageID,omitempty"` // of files: the newest one
}

func (q *searchRequest) check() error {
	if len(q.Type) == 0 {
		return errSearchType
	}
	for _, t := range q.Type {
		if !slices.Contains(searchTypes, t) {
			return errSearchType
		}
	}
	switch {
	case len(searchWords(q.Keyword)) == 0:
		return missing("keyword")
	case len(q.Keyword) > maxKeyword:
		return errKeyword
	case q.Limit != nil && (*q.Limit < 1 || *q.Limit > searchMost):
		return badParameter("limit must be a whole number from 1 to 100")
	}
	return nil
}

// searchWords returns the words of a keyword.
func searchWords(keyword string) []string {
	return strings.FieldsFunc(keyword, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// searchQuery returns the query of a keyword's words, none of which means anything but itself.
func searchQuery(words []string, files bool) (*query.Query, error) {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `＂`, `\＂`).Replace(w) + `" `)
	}
	if files {
		b.WriteString("has:file")
	}
	q, err := query.Parse(b.String(), nil)
	if parlance.KindOf(err) == parlance.Invalid {
		return nil, errKeyword
	}
	return q, err
}

// A searching is a search at work.
type searching struct {
	s      *Server
	caller caller
	words  []string
	limit  int
	rooms  map[parlance.ConversationID]*Room // those that were shown already
	bytes  int
}

// search answers POST /search.
func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	if s.index == nil {
		s.fail(w, r, s.noCall(r))
		return nil
	}
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	var q searchRequest
	if err := readInto(r, &q); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return err
	}
	f := &searching{s: s, caller: c, words: searchWords(q.Keyword), limit: searchLimit, rooms: map[parlance.ConversationID]*Room{}}
	if q.Limit != nil {
		f.limit = *q.Limit
	}
	in, err := f.readable(ctx, &q)
	if err != nil {
		return err
	}
	result := map[string]any{}
	for _, t := range q.Type {
		if _, done := result[t]; done {
			continue
		}
		if t == "messages" || t == "files" {
			result[t], err = f.messages(ctx, in, t == "files")
		} else {
			result[t], err = f.named(ctx, in, t)
		}
		if err != nil {
			return err
		}
	}
	return succeed(w, result)
}

// noCall is the refusal of a call that there isn't, for who has a credential.
func (s *Server) noCall(r *http.Request) error {
	if _, err := s.caller(r); err != nil {
		return err
	}
	return errNotFound
}

// readable returns the rooms that q is about and that the caller may read, the last active ones first, at most
// [parlance.MaxRoomIDs].
func (f *searching) readable(ctx context.Context, q *searchRequest) ([]parlance.Conversation, error) {
	tagged := func(c *parlance.Conversation) bool {
		return !slices.ContainsFunc(q.RoomTags, func(tag string) bool { return !slices.Contains(c.Tags, tag) })
	}
	in := []parlance.Conversation{}
	if q.Room != "" {
		m, err := f.s.room(ctx, f.caller, q.Room)
		if err == nil && tagged(&m.conversation) {
			in = append(in, m.conversation)
		}
		return in, err
	}
	lists := []store.List{{Account: f.caller.account}}
	if f.caller.account == "" {
		lists = nil
		for _, k := range roomKinds {
			lists = append(lists, store.List{Kind: k})
		}
	}
	for _, list := range lists {
		for summary, err := range f.s.store.Recent(ctx, f.caller.workspace, list) {
			if err != nil {
				return nil, err
			}
			if len(in) == parlance.MaxRoomIDs {
				return in, nil
			}
			if c := &summary.Conversation; !c.Frozen && tagged(c) {
				in = append(in, *c)
			}
		}
	}
	return in, nil
}

// messages finds messages in rooms: of each room that has some, those, the room of the newest one first.
func (f *searching) messages(ctx context.Context, in []parlance.Conversation, files bool) ([]FoundMessages, error) {
	found := []FoundMessages{}
	q, err := searchQuery(f.words, files)
	if err != nil || len(in) == 0 {
		return found, err
	}
	only := make([]parlance.ConversationID, len(in))
	for i := range in {
		only[i] = in[i].ID
	}
	result, err := f.s.index.Search(ctx, f.caller.workspace, search.Request{
		Query: q, Limit: f.limit, Scope: search.Scope{Conversations: only, Public: true, Hides: f.hides},
	})
	if err != nil {
		return nil, err
	}
	at := map[parlance.ConversationID]int{}
	for _, h := range result.Hits {
		i, known := at[h.Conversation]
		if !known {
			o, err := f.room(ctx, h.Conversation)
			if err != nil {
				return nil, err
			}
			i = -1
			if o != nil {
				i = len(found)
				found = append(found, FoundMessages{Room: *o})
			}
			at[h.Conversation] = i
		}
		if i >= 0 {
			found[i].Messages = append(found[i].Messages, string(h.Entry.Message.ID))
		}
	}
	for i := range found {
		if files {
			found[i].MessageID = found[i].Messages[0]
		}
		slices.Reverse(found[i].Messages)
	}
	return found, nil
}

// hides tells what of a room the caller doesn't see: what they hid, and all if they may not read it any more.
func (f *searching) hides(ctx context.Context, id parlance.ConversationID) (func(*store.Entry) bool, error) {
	m, err := f.s.room(ctx, f.caller, string(id))
	if isGone(err) {
		return func(*store.Entry) bool { return true }, nil
	}
	if err != nil || m.account == "" {
		return nil, err
	}
	hidden, err := f.s.store.Hidden(ctx, m.ref, m.account)
	return func(e *store.Entry) bool {
		_, is := hidden[e.Message.ID]
		return is || e.Message.State != parlance.Live
	}, err
}

// named finds rooms by their name, their members' or their tags.
func (f *searching) named(ctx context.Context, in []parlance.Conversation, by string) ([]Room, error) {
	found := []Room{}
	for i := range in {
		if len(found) == f.limit {
			break
		}
		var names []string
		switch c := &in[i]; by {
		case "roomName":
			names = []string{c.Title}
		case "roomTags":
			names = c.Tags
		case "roomMember":
			m, err := f.s.room(ctx, f.caller, string(c.ID))
			if isGone(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			members, err := f.s.store.Members(ctx, m.ref)
			if err != nil {
				return nil, err
			}
			for _, member := range m.shownMembers(members) {
				u, err := f.s.userOf(ctx, m.workspace, member.Account, member.Name)
				if err != nil {
					return nil, err
				}
				names = append(names, u.Nickname)
			}
		}
		if !slices.ContainsFunc(names, f.matches) {
			continue
		}
		o, err := f.room(ctx, in[i].ID)
		if err != nil {
			return nil, err
		}
		if o != nil {
			found = append(found, *o)
		}
	}
	return found, nil
}

// matches reports whether a name has all words.
func (f *searching) matches(name string) bool {
	name = strings.ToLower(name)
	return !slices.ContainsFunc(f.words, func(w string) bool { return !strings.Contains(name, strings.ToLower(w)) })
}

// room returns a room as it is shown, or nil if it is gone or the answer is full.
func (f *searching) room(ctx context.Context, id parlance.ConversationID) (*Room, error) {
	o, known := f.rooms[id]
	if !known {
		m, err := f.s.room(ctx, f.caller, string(id))
		if isGone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		m.inList, m.brief = true, f.bytes > parlance.MaxPage/2
		made, err := f.s.roomObject(ctx, &m)
		if err != nil {
			return nil, err
		}
		o = &made
		f.rooms[id] = o
	}
	size := o.size()
	if f.bytes > 0 && f.bytes+size > parlance.MaxPage {
		return nil, nil
	}
	f.bytes += size
	return o, inflight.Take(ctx, perByte*int64(size))
}
