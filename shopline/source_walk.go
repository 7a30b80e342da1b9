package shopline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// How many messages are asked for: walkLimit, and more of them where a page doesn't get
// below one millisecond.
const walkLimit = 50

// largerLimits come after walkLimit, one after the other.
var largerLimits = []int{100, 200, 250, 1000}

// Evidence of an end.
const (
	endEmpty      history.Evidence = "the platform has no messages of this conversation"
	endBelow      history.Evidence = "an empty page below the oldest message"
	endUnreadable history.Evidence = "only messages without a readable time below the oldest"
)

// Walk reads a conversation downwards by creation. Each page is one call, seldom two. With a floor, the platform is asked for nothing below it
// first; the place is the floor then, and who goes on gets what lies below.
//
// SHOPLINE mirror, end: only an empty page below the oldest message.
func (s *Source) Walk(ctx context.Context, id history.StreamID, window history.Window) iter.Seq2[history.Page, error] {
	return func(yield func(history.Page, error) bool) {
		platform, conversation, err := splitStreamID(id)
		if err != nil {
			yield(history.Page{}, err)
			return
		}
		told := s.told(id)
		merchant := string(s.whose())
		w := walk{
			client: s.client, platform: platform, conversation: conversation, spoken: told.spoken,
			must: claims{
				"platform": string(platform), "conversation": string(conversation), "conversationid": string(conversation),
				"customer": string(told.customer), "customerid": string(told.customer), "orderid": told.order,
				"merchant": merchant, "merchantid": merchant, "shop": merchant, "shopid": merchant,
			},
			held: !window.Below.IsZero() && window.Below.Key != floorKey,
		}
		w.begin(window)
		for {
			p, err := w.step(ctx)
			if err != nil {
				yield(history.Page{}, fmt.Errorf("read messages: %w", err))
				return
			}
			if !yield(p, nil) || p.End != "" {
				return
			}
		}
	}
}

// A depth is where the end of the asked range lies, in milliseconds above the place.
type depth parlance.Time

// The depths. A walk goes on atPlace, which shows the messages of the place's own
// millisecond again whether the end is inclusive or not. What may be the end is looked at
// from below: first underPlace if the end is exclusive, then if it is inclusive.
const (
	atPlace        depth = 1
	underPlace     depth = 0
	wellUnderPlace depth = -1
)

// A walk is one reading of a conversation's messages.
type walk struct {
	client       *Client
	platform     Platform
	conversation parlance.ConversationID
	must         claims // what items say of where they belong
	spoken       bool   // the list shows a last message

	floor parlance.Time // the asked start; zero: none
	low   parlance.Time // the place: all above was given; zero: above the newest message
	depth depth
	limit int

	atLow    map[parlance.MessageID]struct{} // those of the place's millisecond that were given
	measured bool                            // the newest page of the conversation was seen
	held     bool                            // there were messages: the place is not just the floor
	pageCut  bool                            // the last page was smaller than its limit
	ranged   bool                            // totals were seen to count the range alone

	sizes

	tally

	// Of the last page that didn't get below the place: how many items it had, whether these
	// are as many as its limit, whether it may have been cut off, whether a larger one is worth
	// asking for, and whether the platform refuses that.
	stuck    int
	full     bool
	doubt    bool
	cut      bool
	refusing bool
}

// A tally is what a walk learned on its way of how the platform pages. It goes on with the place, as
// its key, where it counts from the newest message on.
type tally struct {
	Given   int  `json:"given"`   // different messages that were given
	Total   int  `json:"total"`   // what the platform counted at the start; -1: nothing that can be compared with Given
	Largest int  `json:"largest"` // items of the largest page
	Short   bool `json:"short"`   // smaller pages than asked for were not the end
}

func (w *walk) begin(window history.Window) {
	w.limit = walkLimit
	w.depth = atPlace
	w.low = window.Below.Time
	w.floor = window.Floor
	if w.low != 0 && w.low <= w.floor {
		w.floor = 0 // it is reached
	}
	w.atLow = map[parlance.MessageID]struct{}{}
	w.tally = tally{Total: -1}
	if w.low != 0 && json.Unmarshal([]byte(window.Below.Key), &w.tally) != nil {
		w.tally = tally{Total: -1} // a place of somebody else's
	}
}

// floorKey is the key of a place that is a floor above which nothing was.
const floorKey = "floor"

// place is where the walk stands. Messages of its own millisecond will be given again, and so
// aren't counted.
//
// SHOPLINE mirror, place: a time, and what was counted.
func (w *walk) place() history.Place {
	if w.low == 0 {
		return history.Place{}
	}
	if !w.held {
		return history.Place{Time: w.low, Key: floorKey}
	}
	t := w.tally
	t.Given -= len(w.atLow)
	key, err := json.Marshal(t)
	if err != nil || t.Total < 0 || w.floor != 0 {
		return history.Place{Time: w.low}
	}
	return history.Place{Time: w.low, Key: string(key)}
}

// An answer is what one call brought.
type answer struct {
	items  []history.Item
	start  parlance.Time // that was asked for; zero: none
	end    parlance.Time // likewise
	limit  int           // that held: the asked one, or a smaller one that the platform names
	total  int
	clock  parlance.Time
	oldest parlance.Time // of the items with a time, not above end and not below start; zero: there are none
	newest parlance.Time // of the items with a time
	stray  parlance.Time // items at or below this time lie apart from the others, and move nothing; zero: none do
}

// ask makes the call that q says. A page that contradicts itself is Broken.
func (w *walk) ask(ctx context.Context, q MessagesQuery) (answer, error) {
	q.Platform = w.platform
	q.Limit = w.limitOf(&q)
	list, err := w.client.Messages(ctx, w.conversation, q)
	if err != nil {
		return answer{}, err
	}
	a := answer{start: q.Start, end: q.End, limit: q.Limit, total: list.Total, clock: list.Clock, items: make([]history.Item, len(list.Items))}
	// SHOPLINE mirror, limit: what the platform says was applied.
	if list.Limit > 0 {
		a.limit = min(a.limit, list.Limit)
	}
	for i, raw := range list.Items {
		a.items[i] = w.item(raw.JSON)
	}
	a.measure()
	whole := q.Start == 0 && q.End == 0
	if !whole && w.Total > 0 && a.total < w.Total {
		w.ranged = true
	}
	// SHOPLINE mirror, empty pages: none, if the platform counts messages of the same range.
	if len(a.items) == 0 && a.total > 0 && (whole || w.ranged) {
		return answer{}, parlance.Errorf(parlance.Broken, "a page has no items, and counts %d", a.total)
	}
	w.Largest = max(w.Largest, len(a.items))
	w.measured = w.measured || whole
	return a, nil
}

// measure finds out from when on and until when a's items are.
func (a *answer) measure() {
	a.newest, a.oldest = 0, 0
	for i := range a.items {
		t := timeOf(&a.items[i])
		a.newest = max(a.newest, t)
		if t > a.stray && t >= a.start && (a.end == 0 || t <= a.end) && (a.oldest == 0 || t < a.oldest) {
			a.oldest = t
		}
	}
}

// timeOf returns when an item was created; zero if that isn't known, and of one that belongs elsewhere.
func timeOf(it *history.Item) parlance.Time {
	if errors.Is(it.Err, errElsewhere) {
		return 0
	}
	return it.Message.Created
}

func (w *walk) item(raw []byte) history.Item {
	m, err := MessageOf(raw)
	if e := w.misplaced(raw); e != nil {
		// Its id is another conversation's, whose message it may be.
		m, err = parlance.Message{Sent: m.Sent, Created: m.Created, Updated: m.Updated}, e
	}
	it := history.Item{Conversation: w.conversation, Message: m, Err: err}
	if err != nil {
		it.Raw = bytes.Clone(raw)
	}
	return it
}

// misplaced returns an error if an item says that it is of another conversation.
func (w *walk) misplaced(raw []byte) error {
	if err := misplaced(raw, w.must); err != nil {
		return err
	}
	var it struct {
		Message jsontext.Value `json:"message"`
	}
	if json.Unmarshal(raw, &it, asSent) != nil {
		return nil
	}
	return misplaced(it.Message, w.must)
}

// step makes one call and says what it means.
func (w *walk) step(ctx context.Context) (history.Page, error) {
	q := MessagesQuery{Start: w.floor, Limit: w.limit}
	if w.low != 0 {
		q.End = w.low + parlance.Time(w.depth)
	}
	a, err := w.fit(ctx, &q)
	if err != nil {
		return history.Page{}, err
	}
	apart := a.oldest != 0 && !a.sorted()
	if apart {
		if apart, err = w.gather(ctx, &a, q); err != nil {
			return history.Page{}, err
		}
	}
	p := w.page(&q, &a)
	if apart {
		w.find(&p, "a page holds messages apart from those that were asked for")
	}
	switch {
	case len(a.items) == 0, a.oldest == 0 && a.newest != 0 && a.newest < a.start:
		err = w.nothing(ctx, &p)
	case a.oldest == 0 && a.newest != 0:
		err = parlance.Errorf(parlance.Broken, "all messages of the page are newer than the asked end")
	case a.oldest == 0:
		w.unreadable(&p, &a)
	case w.low == 0:
		w.Total = a.total
		if err = w.checkOrder(ctx, &a, &p); err == nil {
			w.move(&a)
		}
	case a.oldest < w.low:
		w.lower(&p, &a)
	default:
		err = w.same(ctx, &a)
	}
	p.Low = w.place()
	p.Gaps = append(p.Gaps, w.carried...)
	w.carried = nil
	w.pageCut = len(a.items) > 0 && len(a.items) < a.limit
	return p, err
}

// page returns what a says, without what it means. Messages of the place that were
// given before are left out.
func (w *walk) page(q *MessagesQuery, a *answer) history.Page {
	p := history.Page{Order: parlance.ByCreated, Clock: a.clock}
	for i := range a.items {
		m := &a.items[i].Message
		if _, ok := w.atLow[m.ID]; ok && m.Created == w.low && a.items[i].Err == nil {
			continue
		}
		p.Items = append(p.Items, a.items[i])
		p.Top = max(p.Top, timeOf(&a.items[i]))
	}
	p.Totals = []history.Total{{
		Conversation: w.conversation,
		Count:        a.total,
		Query:        "GET " + messagesPath(w.conversation) + "?" + q.values().Encode(),
		Whole:        q.Start == 0 && q.End == 0, // SHOPLINE mirror, total: only without a range.
	}}
	if a.total < len(a.items) {
		w.find(&p, "the total is smaller than the page")
	}
	if a.end != 0 && a.newest > a.end {
		w.find(&p, "a page holds messages above the asked end")
	}
	if a.clock != 0 && a.newest > a.clock+parlance.Time(lag.Milliseconds()) {
		w.find(&p, "a message is dated in the future")
	}
	return p
}

func (w *walk) find(p *history.Page, text string) {
	p.Findings = append(p.Findings, history.Finding{Conversation: w.conversation, Text: text})
}

// move takes the oldest message of a page for the place.
func (w *walk) move(a *answer) {
	fresh := map[parlance.MessageID]struct{}{}
	atLow := map[parlance.MessageID]struct{}{}
	for i := range a.items {
		m := &a.items[i].Message
		if timeOf(&a.items[i]) < a.oldest {
			continue
		}
		_, known := w.atLow[m.ID]
		if w.low == 0 || m.Created < w.low || m.Created == w.low && !known {
			fresh[m.ID] = struct{}{}
		}
		if m.Created == a.oldest {
			atLow[m.ID] = struct{}{}
		}
	}
	w.held = true
	w.Given += len(fresh)
	w.low, w.atLow = a.oldest, atLow
	w.depth, w.limit, w.skipped = atPlace, walkLimit, false
	w.full, w.doubt, w.cut, w.refusing = false, false, false, false
}

// lower takes in a page that holds something below the place.
//
// Asked atPlace, it begins with the messages of the place, and goes on. Found
// underPlace, the end is inclusive if messages of the place are there, and the same holds.
// Otherwise the page atPlace was cut off, though it looked like the end: it is asked for
// again in larger pages. If that doesn't help there is a gap.
//
// SHOPLINE mirror, ties: a larger page, else a gap.
func (w *walk) lower(p *history.Page, a *answer) {
	w.Short = w.Short || w.pageCut
	begins := slices.ContainsFunc(a.items, func(it history.Item) bool { return timeOf(&it) == w.low })
	switch {
	case w.skipped, w.depth == atPlace, w.depth == underPlace && begins:
		w.move(a)
	case w.grow():
		w.depth++
	default:
		w.gap(p, w.low, w.low, "more messages of one millisecond than a page holds")
		w.move(a)
	}
}

func (w *walk) gap(p *history.Page, from, to parlance.Time, reason string) {
	p.Gaps = append(p.Gaps, history.Gap{Conversation: w.conversation, From: from, To: to, Reason: reason})
}

// same takes in a page that holds nothing below the place: a part of its millisecond, or
// all and then the conversation's end.
func (w *walk) same(ctx context.Context, a *answer) error {
	for i := range a.items {
		if m := &a.items[i].Message; timeOf(&a.items[i]) == w.low {
			if _, known := w.atLow[m.ID]; !known {
				w.atLow[m.ID] = struct{}{}
				w.Given++
			}
		}
	}
	w.judge(a)
	if w.doubt && !w.measured && w.stuck < a.limit {
		if _, err := w.ask(ctx, MessagesQuery{Limit: walkLimit}); err != nil {
			return err
		}
		w.judge(a)
	}
	if w.cut && w.grow() {
		return nil
	}
	w.depth-- // not below wellUnderPlace: what is there lies above the asked end
	return nil
}

// judge remembers of a page that doesn't get below the place what a larger one could bring.
//
// A page may have been cut off if it is full. Unless all that the platform counts was given, it may
// also have been if it is of several messages and as large as the largest ever seen, or if
// pages were shorter than asked for before. It is worth asking again too if the platform counts more.
func (w *walk) judge(a *answer) {
	w.stuck = len(a.items)
	w.full = w.stuck >= a.limit
	w.doubt = w.full || !w.complete() && (w.stuck >= 2 && w.stuck >= w.Largest || w.Short)
	w.cut = w.doubt || w.floor == 0 && w.Total > w.Given
	w.refusing = w.full && a.limit < w.limit
}

// complete reports whether the platform counts as many messages as were given. A count is no proof: it
// only decides where nothing else speaks against it.
func (w *walk) complete() bool { return w.Total == w.Given }

// grow makes the next page larger and reports whether it can.
func (w *walk) grow() bool {
	if w.refusing || w.most != 0 {
		return false
	}
	for _, l := range largerLimits {
		if l > w.limit {
			w.limit = l
			return true
		}
	}
	return false
}

// unreadable takes in a page of messages without a readable time. It gives no lower place; if a
// larger one doesn't either, the walk ends above a gap.
//
// SHOPLINE mirror, times: what has no likely one moves no cursor.
func (w *walk) unreadable(p *history.Page, a *answer) {
	w.judge(a)
	if w.grow() {
		return
	}
	to := parlance.MaxTime
	switch {
	case w.low == 0:
	case w.depth == atPlace:
		to = w.low
	default:
		to = w.low - 1
	}
	w.gap(p, parlance.MinTime, to, "messages without a readable time, below which can't be read")
	p.End = endUnreadable
}

// nothing takes in an empty page: the floor, or the conversation's end.
func (w *walk) nothing(ctx context.Context, p *history.Page) error {
	if w.full || w.doubt && !w.complete() {
		w.gap(p, w.low, w.low, "perhaps more messages of one millisecond than a page holds")
	}
	switch {
	case w.floor != 0:
		learned := w.tally
		w.begin(history.Window{Below: history.Place{Time: w.floor}})
		w.Largest, w.Short = learned.Largest, learned.Short
		w.full, w.doubt, w.cut, w.refusing = false, false, false, false
	case w.low == 0 && w.spoken:
		return parlance.Errorf(parlance.Broken, "the list shows a last message of the conversation, which is said to have none")
	case w.low == 0:
		p.End = endEmpty
	case w.depth == atPlace:
		return w.endIfAlive(ctx, p)
	default:
		p.End = endBelow
		if w.Total > w.Given {
			w.find(p, "the platform counts more messages than it gave")
		}
	}
	return nil
}

// endIfAlive ends the walk if the conversation is still there, though the place's own
// messages aren't: one that was deleted may have no messages instead of being unknown, and would look
// as if it had been read to its beginning.
//
// SHOPLINE mirror, gone: an empty answer is no end where there were messages.
func (w *walk) endIfAlive(ctx context.Context, p *history.Page) error {
	a, err := w.ask(ctx, MessagesQuery{Limit: walkLimit})
	switch {
	case errors.Is(err, upstream.ErrTooLarge): // it has messages
	case err != nil:
		return err
	case len(a.items) == 0 && w.held:
		return parlance.Errorf(parlance.NotFound, "the conversation has no messages any more")
	case len(a.items) == 0:
		p.End = endEmpty
		return nil
	}
	if len(w.atLow) > 0 {
		w.find(p, "messages vanished while they were read")
	}
	p.End = endBelow
	return nil
}

// checkOrder reports, as Broken, a first page that is not the newest one. A page in another order
// may be: it is told from the oldest one by what lies above it. What arrived meanwhile
// is no evidence.
//
// SHOPLINE mirror, order: not relied on.
func (w *walk) checkOrder(ctx context.Context, a *answer, p *history.Page) error {
	if a.sorted() {
		return nil
	}
	w.find(p, "a page isn't sorted newest first")
	above, err := w.ask(ctx, MessagesQuery{Start: a.newest + 1, Limit: walkLimit})
	if err != nil && !errors.Is(err, parlance.NotFound) {
		return err
	}
	for i := range above.items {
		t := timeOf(&above.items[i])
		if t > a.newest && (a.clock == 0 || t < a.clock-parlance.Time(lag.Milliseconds())) {
			return parlance.Errorf(parlance.Broken, "the platform gives the oldest messages of a range and not the newest")
		}
	}
	return nil
}
