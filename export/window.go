package export

import "parlance"

// Bounds of a window.
const (
	// windowChunks is how many chunks are written together at most.
	windowChunks = 16
	// manyItems is how many items of each of its conversations a window has that needs no more.
	manyItems = 32
)

// A window is the chunks that are written together. Each conversation costs a write, whether one of its messages is
// written or a thousand: the more a file's conversations are mixed, the more chunks are gathered.
type window struct {
	chunks []*chunk
	groups []*group // by conversation, in the order in which these first appear
	items  int

	byID map[parlance.ConversationID]*group
}

// nextWindow takes the next chunks, in their order; none if there are no more.
func nextWindow(ordered <-chan *chunk) *window {
	w := &window{byID: map[parlance.ConversationID]*group{}}
	for len(w.chunks) < windowChunks && (len(w.chunks) == 0 || w.items < manyItems*len(w.groups)) {
		c, ok := <-ordered
		if !ok {
			break
		}
		<-c.parsed
		w.add(c)
		if c.long != nil || c.err != nil {
			break // nothing more comes before the long line is written; or at all
		}
	}
	return w
}

// add sorts c's items by conversation.
func (w *window) add(c *chunk) {
	w.chunks = append(w.chunks, c)
	w.items += len(c.items)
	for i := range c.items {
		it := &c.items[i]
		g := w.byID[it.conversation]
		if g == nil {
			g = &group{}
			w.byID[it.conversation] = g
			w.groups = append(w.groups, g)
		}
		g.items = append(g.items, it)
	}
}
