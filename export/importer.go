package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store"
)

// An importer writes a file's windows into the store, one after the other.
type importer struct {
	store     *store.Store
	workspace parlance.WorkspaceID
	file      string
	o         ImportOptions

	known map[parlance.ConversationID]*known
	size  int // of known, in bytes, roughly

	mu     sync.Mutex // guards report, and lets callbacks run one at a time
	report Report
}

// known is what is remembered of a conversation between two windows. Losing it costs
// reads and nothing else.
type known struct {
	stands   parlance.Conversation // what it is, and whose; see check
	first    first
	named    naming
	moved    bool // named isn't stored yet
	foreign  bool // no import made it
	made     bool // by this import
	customer bool // is known, or there is none to know
	members  map[parlance.AccountID]struct{}
}

// maxKnown is how many bytes of known are kept, roughly; then it is begun anew.
const maxKnown = 32 << 20

// first is what the first line of a conversation said of it, which its messages' lines say too unless they are kept as
// they are: a title that changes later, in a file or in the store, changes no line.
type first struct {
	Kind  parlance.Kind `json:"conversation_kind"`
	Title string        `json:"title"`
}

// A naming is the title that the conversation's newest message in any file gave it, so that it doesn't matter
// in which order they come.
type naming struct {
	Title string        `json:"title"`
	Sent  parlance.Time `json:"sent"` // of that message
}

// above reports whether n wins over o.
func (n naming) above(o naming) bool {
	return cmp.Or(cmp.Compare(n.Sent, o.Sent), cmp.Compare(len(n.Title), len(o.Title)), cmp.Compare(n.Title, o.Title)) > 0
}

// origin is the native form of a conversation that was imported.
type origin struct {
	first
	Named *naming `json:"named,omitempty"`
}

// originOf reads what imports said of a conversation, and reports whether one made it.
func originOf(c *parlance.Conversation) (o origin, imported bool, err error) {
	o.first = first{c.Kind, c.Title}
	if c.Native.Dialect == Lines {
		imported = true
		if err := json.Unmarshal(c.Native.JSON, &o); err != nil {
			return o, true, parlance.Wrap(parlance.Corrupt, err, "read the native form of conversation %q", c.ID)
		}
	}
	if o.Named == nil {
		o.Named = &naming{Title: o.Title}
	}
	return o, imported, nil
}

// A group is the messages that one window has for one conversation, in their order.
type group struct {
	ref   parlance.Ref
	known *known
	items []*item
}

// write stores a window's messages: its conversations one beside the other, each in
// the order of the file.
func (im *importer) write(ctx context.Context, w *window) error {
	for _, c := range w.chunks {
		for _, e := range c.bad {
			im.bad(e)
		}
	}
	groups := w.groups
	for _, g := range groups {
		g.ref = parlance.Ref{Workspace: im.workspace, Conversation: g.items[0].conversation}
	}
	if err := im.create(ctx, groups); err != nil {
		return fmt.Errorf("import %s: %w", im.file, err)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *group)
	var wg sync.WaitGroup
	for range min(im.o.Workers, len(groups)) {
		wg.Go(func() {
			for g := range next {
				if err := im.writeGroup(ctx, g); err != nil {
					cancel(fmt.Errorf("import %s, line %d: %w", im.file, g.items[0].line, err))
				}
			}
		})
	}
feed:
	for _, g := range groups {
		select {
		case next <- g:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// create makes the conversations that don't exist yet, in one call, and sets what is
// known of each.
func (im *importer) create(ctx context.Context, groups []*group) error {
	if im.size > maxKnown {
		if err := im.name(ctx); err != nil {
			return err
		}
		im.known, im.size = map[parlance.ConversationID]*known{}, 0
	}
	var unknown []*group
	var cs []parlance.Conversation
	for _, g := range groups {
		if g.known = im.known[g.ref.Conversation]; g.known != nil {
			continue
		}
		c, err := g.conversation()
		if err != nil {
			return err
		}
		unknown, cs = append(unknown, g), append(cs, c)
	}
	if len(cs) == 0 {
		return nil
	}
	made, err := im.make(ctx, cs)
	if err != nil {
		return fmt.Errorf("create conversations: %w", err)
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	for i, m := range made {
		c := &m.Conversation
		o, imported, err := originOf(c)
		if err != nil {
			return err
		}
		k := &known{
			stands:   parlance.Conversation{ID: c.ID, Kind: c.Kind, Platform: c.Platform, Customer: c.Customer, Maker: c.Maker},
			first:    o.first,
			named:    *o.Named,
			foreign:  !imported,
			made:     m.New,
			customer: c.Customer != "" || !hasCustomer(c.Kind),
			members:  map[parlance.AccountID]struct{}{},
		}
		if imported && im.o.Overwrite {
			k.named = unknown[i].naming() // what the file says holds, whatever others said
			k.moved = c.Title != k.named.Title
		}
		unknown[i].known = k
		im.known[c.ID] = k
		im.size += 200 + 2*len(c.ID) + len(k.first.Title)
		if m.New {
			im.report.Conversations++
		}
	}
	return nil
}

// make makes those of the conversations that don't exist. What stands is returned as it is, be it another conversation
// than the lines say.
func (im *importer) make(ctx context.Context, cs []parlance.Conversation) ([]store.Created, error) {
	made, err := im.store.Create(ctx, im.workspace, cs...)
	var taken *store.Taken
	if !errors.As(err, &taken) {
		return made, err
	}
	isTaken := map[parlance.ConversationID]bool{}
	for _, id := range taken.Conversations {
		isTaken[id] = true
	}
	free := slices.DeleteFunc(slices.Clone(cs), func(c parlance.Conversation) bool { return isTaken[c.ID] })
	rest, err := im.store.Create(ctx, im.workspace, free...)
	if err != nil {
		return nil, err
	}
	all := make([]store.Created, len(cs))
	for i := range cs {
		if !isTaken[cs[i].ID] {
			all[i], rest = rest[0], rest[1:]
			continue
		}
		ref := parlance.Ref{Workspace: im.workspace, Conversation: cs[i].ID}
		if all[i].Conversation, err = im.store.Conversation(ctx, ref); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// conversation returns g's conversation as it is when its first item is the first that
// is heard of it.
func (g *group) conversation() (parlance.Conversation, error) {
	it := g.items[0]
	named := g.naming()
	native, err := json.Marshal(origin{it.first, &named})
	if err != nil {
		return parlance.Conversation{}, fmt.Errorf("write what line %d says of its conversation: %w", it.line, err)
	}
	c := parlance.Conversation{
		ID:      it.conversation,
		Kind:    it.first.Kind,
		Title:   named.Title,
		Created: it.message.Sent,
		Native:  parlance.Native{Dialect: Lines, JSON: native},
	}
	if hasCustomer(c.Kind) {
		c.Customer = g.customer()
	}
	if c.Kind == parlance.Order {
		c.OrderID, c.OrderNumber = string(c.ID), string(c.ID)
	}
	return c, nil
}

// naming returns the title that g's newest message gives its conversation.
func (g *group) naming() naming {
	var n naming
	for i, it := range g.items {
		if next := (naming{it.first.Title, it.message.Sent}); i == 0 || next.above(n) {
			n = next
		}
	}
	return n
}

// name stores the titles that the file's newest messages give. One that was changed here stays, unless overwritten.
func (im *importer) name(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(im.o.Workers)
	for id, k := range im.known {
		if !k.moved {
			continue
		}
		ref := parlance.Ref{Workspace: im.workspace, Conversation: id}
		g.Go(func() error {
			_, err := im.store.UpdateConversation(ctx, ref, func(c *parlance.Conversation) error { return k.rename(c, im.o.Overwrite) })
			if err != nil {
				return fmt.Errorf("import %s: name conversation %s: %w", im.file, ref, err)
			}
			k.moved = false
			return nil
		})
	}
	return g.Wait()
}

// rename gives c the title of k.
func (k *known) rename(c *parlance.Conversation, overwrite bool) error {
	o, imported, err := originOf(c)
	if err != nil || !imported || !overwrite && !k.named.above(*o.Named) {
		return err
	}
	if overwrite || c.Title == o.Named.Title {
		c.Title = k.named.Title
	}
	o.Named = &k.named
	c.Native.JSON, err = json.Marshal(o)
	return err
}

// hasCustomer reports whether a conversation of kind k is with one customer.
func hasCustomer(k parlance.Kind) bool { return k == parlance.Shop || k == parlance.Order }

// customer returns the first sender of g that is a customer, or "".
func (g *group) customer() parlance.AccountID {
	for _, it := range g.items {
		if it.message.Role == parlance.Customer {
			return it.message.Sender
		}
	}
	return ""
}

// writeGroup stores g's messages and members.
func (im *importer) writeGroup(ctx context.Context, g *group) error {
	if err := im.leaveOut(ctx, g); err != nil || len(g.items) == 0 {
		return err
	}
	if who := g.customer(); who != "" && !g.known.customer {
		_, err := im.store.UpdateConversation(ctx, g.ref, func(c *parlance.Conversation) error {
			if c.Customer == "" {
				c.Customer = who
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("name the customer of %s: %w", g.ref, err)
		}
		g.known.customer = true
	}
	if n := g.naming(); !g.known.foreign && n.above(g.known.named) {
		g.known.named, g.known.moved = n, true
	}
	for _, it := range g.items {
		if it.message.Native.JSON == nil && it.first != g.known.first {
			c := parlance.Conversation{ID: it.conversation, Kind: it.first.Kind, Title: it.first.Title}
			line := AppendRecord(nil, RecordOf(&c, &it.message))
			if len(line)+len(it.message.Text) <= parlance.MaxMessage-slack {
				it.message.Native = parlance.Native{Dialect: Lines, JSON: line}
			}
		}
	}
	for part := range slices.Chunk(g.items, 1000) {
		if err := im.put(ctx, g.ref, part); err != nil {
			return err
		}
	}
	// Members come after, so that their lists show the conversation at once where its
	// messages put it.
	return im.addMembers(ctx, g)
}

// addMembers makes members of g's senders that are not known to be.
func (im *importer) addMembers(ctx context.Context, g *group) error {
	var ms []parlance.Member
	size := 0
	add := func(m parlance.Member) {
		if _, ok := g.known.members[m.Account]; ok || m.Account == "" {
			return
		}
		g.known.members[m.Account] = struct{}{}
		ms = append(ms, m)
		size += 50 + len(m.Account)
	}
	for _, it := range g.items {
		m := &it.message
		add(parlance.Member{Account: m.Sender, Name: m.SenderName, Role: m.Role, Joined: m.Sent})
	}
	if hasCustomer(g.known.first.Kind) {
		add(parlance.Member{Account: im.o.Merchant, Role: parlance.Merchant, Joined: g.items[0].message.Sent})
	}
	ms, err := im.stayed(ctx, g, ms)
	if err != nil || len(ms) == 0 {
		return err
	}
	if err := im.store.AddMembers(ctx, g.ref, ms...); err != nil {
		return fmt.Errorf("add members to %s: %w", g.ref, err)
	}
	im.mu.Lock()
	im.size += size
	im.mu.Unlock()
	return nil
}

// stayed returns those of ms that didn't leave the conversation here: an import brings nobody back unless it overwrites.
func (im *importer) stayed(ctx context.Context, g *group, ms []parlance.Member) ([]parlance.Member, error) {
	if g.known.made || im.o.Overwrite || len(ms) == 0 {
		return ms, nil
	}
	ids := make([]parlance.AccountID, len(ms))
	for i, m := range ms {
		ids[i] = m.Account
	}
	left, err := im.store.Left(ctx, g.ref, ids...)
	if err != nil {
		return nil, fmt.Errorf("look for who left %s: %w", g.ref, err)
	}
	return slices.DeleteFunc(ms, func(m parlance.Member) bool { return slices.Contains(left, m.Account) }), nil
}

// put stores items of one conversation. If the store takes offence at one of them, the
// others are stored all the same.
func (im *importer) put(ctx context.Context, ref parlance.Ref, items []*item) error {
	if len(items) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ms := make([]parlance.Message, len(items))
	for i, it := range items {
		ms[i] = it.message
	}
	rule := store.ImportRule{Compare: compareVersions, Overwrite: im.o.Overwrite}
	outcomes, err := im.store.Import(ctx, ref, rule, ms...)
	im.count(outcomes)
	if err == nil {
		return nil
	}
	if !errors.Is(err, parlance.Invalid) {
		return fmt.Errorf("store messages of %s: %w", ref, err)
	}
	rest := items[len(outcomes):]
	if len(rest) == 1 {
		im.bad(LineError{File: im.file, Line: rest[0].line, Reason: strings.Map(printable, err.Error())})
		return nil
	}
	// Which one it was is found by halves.
	if err := im.put(ctx, ref, rest[:len(rest)/2]); err != nil {
		return err
	}
	return im.put(ctx, ref, rest[len(rest)/2:])
}

// count counts what became of lines.
func (im *importer) count(outcomes []store.Outcome) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.report.Messages += len(outcomes)
	for _, o := range outcomes {
		switch o.Result {
		case store.New:
			im.report.New++
		case store.Changed:
			im.report.Changed++
		case store.Same:
			im.report.Same++
		case store.Kept:
			im.report.Kept++
		}
	}
}

// bad reports a line that is left out.
func (im *importer) bad(e LineError) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.report.Bad++
	if len(im.report.Errors) < maxErrors {
		im.report.Errors = append(im.report.Errors, e)
	}
	if im.o.Bad != nil {
		im.o.Bad(e)
	}
}

// progress tells how far the import has come, bytes of the file having been read.
func (im *importer) progress(bytes int64) {
	if im.o.Progress == nil {
		return
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.o.Progress(Progress{
		Messages:      im.report.Messages,
		Bad:           im.report.Bad,
		Conversations: im.report.Conversations,
		Bytes:         bytes,
	})
}
