package imetastore

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parlance"
	"parlance/access"
	"parlance/internal/answers"
	"parlance/internal/inflight"
	"parlance/store"
)

// A messageQuery is what a [MessagesRequest] asks for.
type messageQuery struct {
	buyer  Integer // 0: all buyers
	from   *parlance.Position
	to     *parlance.Position // by maxTime alone
	before *parlance.Position // by the key; may hold a conversation
}

// query checks the request.
func (in *MessagesRequest) query() (messageQuery, error) {
	var q messageQuery
	switch {
	case in.MinTime == nil:
		return q, missing("minTime")
	case in.MaxTime == nil:
		return q, missing("maxTime")
	}
	first, last := secondOf(*in.MinTime), secondOf(*in.MaxTime)
	if first > last {
		return q, parlance.Errorf(parlance.Invalid, "Field minTime is above maxTime.")
	}
	if in.BuyerID != nil {
		if q.buyer = *in.BuyerID; q.buyer <= 0 {
			return q, parlance.Errorf(parlance.Invalid, "Field buyerId: want an integer above 0, or null for all buyers.")
		}
	}
	// iMetaStore paging, bounds: both inclusive by whole second.
	if first > parlance.MinTime.Seconds() {
		q.from = parlance.At(parlance.TimeOfSeconds(min(first, parlance.MaxTime.Seconds()+1)))
	}
	if last < parlance.MaxTime.Seconds() {
		q.to = parlance.At(parlance.TimeOfSeconds(max(last+1, parlance.MinTime.Seconds())))
	}
	if in.LastMsgKey != nil && *in.LastMsgKey != "" {
		if p, ok := parseKey(*in.LastMsgKey); ok {
			q.before = &p
		}
	}
	return q, nil
}

// store returns the store's query for a page of n messages and one more, which tells
// whether something older remains. One is the conversation it is for, "" if there are several.
func (q *messageQuery) store(n int, one parlance.ConversationID) store.Query {
	sq := store.Query{From: q.from, To: q.to, Limit: n + 1, Bytes: parlance.MaxPage}
	if q.before == nil {
		return sq
	}
	before := *q.before
	if one != "" {
		before = inConversation(before, one)
	}
	// iMetaStore paging, key: decides, and maxTime only filters.
	if sq.To == nil || before.Compare(*sq.To) < 0 {
		sq.To = &before
	}
	return sq
}

// listMessages answers POST /seller/im/msg: the newest messages with one buyer, or with
// all, inside a range of time and older than the key, oldest first.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	var in MessagesRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	if q.buyer == 0 {
		page, err := s.store.Across(ctx, who.Workspace.ID, q.store(s.pageSize, ""))
		if err != nil {
			return fmt.Errorf("read messages of all buyers: %w", err)
		}
		return s.answerPage(ctx, w, who.Workspace, page, true)
	}

	account, err := s.buyerAccount(ctx, who.Workspace, q.buyer)
	if err != nil {
		return err
	}
	cs, err := s.conversationsOf(ctx, who.Workspace, account)
	if err != nil {
		return err
	}
	if len(cs) == 1 {
		return s.listOne(ctx, w, who.Workspace, &cs[0], &q)
	}
	// iMetaStore accounts, unknown buyer: an empty list.
	ids := make([]parlance.ConversationID, len(cs))
	for i := range cs {
		ids[i] = cs[i].ID
	}
	page, err := s.store.Merged(ctx, who.Workspace.ID, ids, q.store(s.pageSize, ""))
	if err != nil {
		return fmt.Errorf("read messages of a buyer: %w", err)
	}
	return s.answerPage(ctx, w, who.Workspace, page, false)
}

// listOne answers with a page of the only conversation that a buyer has.
func (s *Server) listOne(ctx context.Context, w http.ResponseWriter, ws access.Workspace, c *parlance.Conversation, q *messageQuery) error {
	ref := parlance.Ref{Workspace: ws.ID, Conversation: c.ID}
	sq := q.store(s.pageSize, c.ID)
	p, err := s.pairOf(ctx, ws, c)
	if err != nil {
		return err
	}
	// The answer depends on the messages and the two names alone, and every change of the messages
	// has a number.
	key := func(state store.State) string {
		q := sq
		if q.To != nil && q.To.Time > state.Newest {
			q.To = nil // who polls with "until now" gets the answer that is kept
		}
		return pageKey(ref, &p, q, state.Number)
	}
	var data []byte
	kept := func(state store.State) (ok bool) {
		data, ok = s.answers.Get(key(state))
		return ok
	}
	var page store.Page
	state, known := s.store.Glance(ref)
	if !known || !kept(state) {
		asked := sq
		asked.Unless, asked.Space = kept, store.NewSpace()
		defer asked.Space.Free() // nothing of the entries is left in the answer
		if page, err = s.store.Page(ctx, ref, asked); err != nil {
			return fmt.Errorf("read messages of a buyer: %w", err)
		}
	}
	if data != nil {
		s.succeed(w, func(b []byte) []byte { return append(b, data...) })
		return nil
	}
	bytes := 0
	for i := range page.Entries {
		bytes += page.Entries[i].Size()
	}
	if err := inflight.Take(ctx, perByte*int64(bytes)); err != nil {
		return err
	}
	s.succeed(w, func(b []byte) []byte {
		start := len(b)
		b = s.appendList(b, len(page.Entries), page.More, false, func(i int) (*store.Entry, *pair, parlance.ConversationID) {
			return &page.Entries[i], &p, c.ID
		})
		if len(b)-start <= answers.Largest {
			s.answers.Put(key(page.State), slices.Clone(b[start:]))
		}
		return b
	})
	return nil
}

// answerPage answers with a page of several conversations.
func (s *Server) answerPage(ctx context.Context, w http.ResponseWriter, ws access.Workspace, page store.AcrossPage, allBuyers bool) error {
	es, bytes := page.Entries, 0
	for i := range es {
		bytes += es[i].Size()
	}
	if err := inflight.Take(ctx, perByte*int64(bytes)); err != nil {
		return err
	}
	pairs := map[parlance.ConversationID]*pair{}
	for i := range es {
		id := es[i].Conversation
		if pairs[id] != nil {
			continue
		}
		c, err := s.store.Conversation(ctx, parlance.Ref{Workspace: ws.ID, Conversation: id})
		if err != nil {
			return fmt.Errorf("look up a message's conversation: %w", err)
		}
		p, err := s.pairOf(ctx, ws, &c)
		if err != nil {
			return err
		}
		pairs[id] = &p
	}
	s.succeed(w, func(b []byte) []byte {
		return s.appendList(b, len(es), page.More, allBuyers, func(i int) (*store.Entry, *pair, parlance.ConversationID) {
			return &es[i].Entry, pairs[es[i].Conversation], es[i].Conversation
		})
	})
	return nil
}

// perByte is what a byte of a page costs, roughly: as a row, as a message and in the answer.
const perByte = 3

// appendList appends the data of an answer. It is given n entries, newest first: those of the page
// and, if something older remains, the next older one. More says that still older ones remain: the page is as large as it may be.
//
// iMetaStore paging, order: ascending.
func (s *Server) appendList(b []byte, n int, more, allBuyers bool, at func(int) (*store.Entry, *pair, parlance.ConversationID)) []byte {
	if n == 0 {
		// iMetaStore paging, empty page: complete, with zero values.
		return append(b, `{"msgCnt":0,"complete":1,"lastMsgTime":0,"lastMsgKey":"","msgList":[]}`...)
	}
	shown, complete := n, 1
	var older *store.Entry
	switch {
	case n > s.pageSize:
		shown, complete = s.pageSize, 0
	case more:
		complete = 0
		shown = max(1, n-1)
	}
	if shown < n {
		older, _, _ = at(shown)
	}
	oldest, _, conversation := at(shown - 1)
	b = append(b, `{"msgCnt":`...)
	b = strconv.AppendInt(b, int64(shown), 10)
	b = append(b, `,"complete":`...)
	b = strconv.AppendInt(b, int64(complete), 10)
	b = append(b, `,"lastMsgTime":`...)
	b = strconv.AppendInt(b, oldest.Message.Created.Seconds()*1000, 10)
	b = append(b, `,"lastMsgKey":`...)
	b = appendString(b, keyOf(oldest, older, conversation, allBuyers))
	b = append(b, `,"msgList":[`...)
	for i := shown - 1; i >= 0; i-- {
		e, p, _ := at(i)
		b = appendItem(b, p, e)
		if i > 0 {
			b = append(b, ',')
		}
	}
	return append(b, `]}`...)
}

// keyOf returns the key of the oldest message of a page, given the next older one, which
// is nil if there is none.
func keyOf(oldest, older *store.Entry, conversation parlance.ConversationID, allBuyers bool) string {
	m := &oldest.Message
	seq, random, native := splitID(m.ID)
	if native && !allBuyers && int64(m.Created)%1000 == 0 {
		// The short key stands below all messages of this second, seq and random, so there must
		// be no other of them further down.
		twin := older != nil && older.Message.Created == m.Created &&
			strings.HasPrefix(string(older.Message.ID), string(m.ID[:prefixLen]))
		if !twin {
			return shortKey(m.Created.Seconds(), seq, random)
		}
	}
	if !native {
		seq, random = seqOf(oldest), randomOf(m.ID)
		if own, _, ok := splitOwn(&m.Native); ok {
			random = own
		}
	}
	p := m.Position(parlance.ByCreated)
	p.Conversation = conversation
	return formatKey(p, seq, random)
}

// pageKey names a page of one conversation by all that it depends on.
func pageKey(ref parlance.Ref, p *pair, q store.Query, number uint64) string {
	b := make([]byte, 0, 256)
	for _, id := range [...]string{"page", string(ref.Workspace), string(ref.Conversation), p.seller, p.buyer} {
		b = append(b, id...)
		b = append(b, 0) // no id holds one
	}
	b = strconv.AppendUint(b, number, 36)
	for _, at := range [...]*parlance.Position{q.From, q.To} {
		b = append(b, ' ')
		if at != nil {
			b = strconv.AppendInt(b, int64(at.Time), 36)
			b = append(b, '/')
			b = strconv.AppendQuote(b, string(at.ID)) // may end in the NUL of Position.Next
		}
	}
	return string(b)
}
