package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// Created says what became of one conversation given to [Store.Create].
type Created struct {
	Conversation parlance.Conversation // as it stands now
	New          bool                  // whether this call made it
}

// Taken is the error of [Store.Create] where ids are those of other conversations.
type Taken struct {
	Conversations []parlance.ConversationID // in the order given
	First         error                     // why the first of them is another one, of kind [parlance.Conflict]
}

// Error returns why the first conversation is another one.
func (t *Taken) Error() string { return t.First.Error() }

// Unwrap returns why the first conversation is another one.
func (t *Taken) Unwrap() error { return t.First }

// Create makes those of the conversations that don't exist yet, in this order, and
// returns all of them in the order given. One that exists stays as it is, but for a customer that it lacks. A zero
// Created becomes now. Two of one id in one call are one.
//
// If one that exists doesn't admit the one given ([parlance.Conversation.Admits]), the error is a [*Taken]. All others
// exist then.
func (s *Store) Create(ctx context.Context, ws parlance.WorkspaceID, cs ...parlance.Conversation) (_ []Created, err error) {
	for i := range cs {
		if err := parlance.CheckID("conversation id", cs[i].ID); err != nil {
			return nil, err
		}
		switch cs[i].Kind {
		case parlance.Room, parlance.Direct, parlance.Shop, parlance.Order:
		default:
			return nil, parlance.Errorf(parlance.Invalid, "conversation kind %q: want room, direct, shop or order", cs[i].Kind)
		}
	}
	if err := s.beginWrite(ctx); err != nil {
		return nil, err
	}
	defer func() { err = s.endWrite(ctx, err) }()
	out := make([]Created, len(cs))
	index := map[parlance.ConversationID]int{}
	byPartition := map[driver.Partition][]int{}
	for i, c := range cs {
		if _, twice := index[c.ID]; twice {
			continue
		}
		index[c.ID] = i
		p := s.layout.ConversationPartition(parlance.Ref{Workspace: ws, Conversation: c.ID})
		byPartition[p] = append(byPartition[p], i)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for p, at := range byPartition {
		g.Go(func() error { return s.createIn(gctx, p, cs, at, out) })
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("create conversations: %w", err)
	}
	var fresh []Created
	var taken *Taken
	for i := range cs {
		if at := index[cs[i].ID]; at != i {
			out[i] = Created{Conversation: out[at].Conversation}
		} else if err := s.unregistered(ctx, ws, &out[i], &fresh); err != nil {
			return nil, err
		}
		if taken, err = s.admit(ctx, ws, &out[i], &cs[i], taken); err != nil {
			return nil, err
		}
	}
	if err := s.register(ctx, ws, fresh); err != nil {
		return nil, fmt.Errorf("create conversations: %w", err)
	}
	if len(fresh) > 0 {
		s.changed(ws)
	}
	if taken != nil {
		return nil, taken
	}
	return out, nil
}

// admit adds to taken if the conversation that stands isn't the one given, and else names the customer that it lacks.
func (s *Store) admit(ctx context.Context, ws parlance.WorkspaceID, stands *Created, given *parlance.Conversation, taken *Taken) (*Taken, error) {
	why := stands.Conversation.Admits(given)
	if why == nil && given.Customer != "" && stands.Conversation.Customer == "" {
		c, err := s.UpdateConversation(ctx, parlance.Ref{Workspace: ws, Conversation: given.ID}, func(c *parlance.Conversation) error {
			if why = c.Admits(given); why == nil {
				c.Customer = given.Customer
			}
			return why
		})
		if err != nil && why == nil {
			return nil, fmt.Errorf("name the customer of a conversation: %w", err)
		}
		stands.Conversation = c
	}
	if why == nil {
		return taken, nil
	}
	if taken == nil {
		taken = &Taken{First: why}
	}
	taken.Conversations = append(taken.Conversations, given.ID)
	return taken, nil
}

// createIn claims the records of those conversations, by index into cs, that share a partition.
func (s *Store) createIn(ctx context.Context, p driver.Partition, cs []parlance.Conversation, at []int, out []Created) error {
	keys := make([][]byte, len(at))
	for i, j := range at {
		keys[i] = []byte(cs[j].ID)
	}
	standing, err := s.engine.Get(ctx, p, keys)
	for try := 0; err == nil; try++ {
		var claims []driver.Claim
		for i, j := range at {
			if standing[i] != nil {
				c, err := format.DecodeConversation(standing[i])
				if err != nil {
					return s.corrupt(err, "the record of conversation %q", cs[j].ID)
				}
				out[j] = Created{Conversation: c}
				continue
			}
			c := cs[j]
			if c.Created == 0 {
				c.Created = s.now()
			}
			out[j] = Created{Conversation: c, New: true}
			claims = append(claims, driver.Claim{Key: keys[i], Value: format.EncodeConversation(&c)})
		}
		if len(claims) == 0 {
			return nil
		}
		err = s.claim(ctx, p, claims, nil, 1)
		if driver.AsRefused(err) == nil {
			return err
		}
		wait(try)
		standing, err = s.engine.Get(ctx, p, keys)
	}
	return err
}

// Conversation returns a conversation's record, [parlance.NotFound] if there is none.
func (s *Store) Conversation(ctx context.Context, ref parlance.Ref) (parlance.Conversation, error) {
	return cached(s, conversationName(ref), func() (parlance.Conversation, error) {
		v, err := s.get(ctx, s.layout.ConversationPartition(ref), []byte(ref.Conversation))
		if err != nil {
			return parlance.Conversation{}, fmt.Errorf("read conversation %s: %w", ref, err)
		}
		if v == nil {
			return parlance.Conversation{}, parlance.Errorf(parlance.NotFound, "there is no conversation %q", ref.Conversation)
		}
		c, err := format.DecodeConversation(v)
		if err != nil {
			return c, s.corrupt(err, "the record of conversation %s", ref)
		}
		return c, nil
	})
}

func conversationName(ref parlance.Ref) string {
	return "c" + string(ref.Workspace) + "\x00" + string(ref.Conversation)
}

// UpdateConversation changes a conversation's record and returns the new one. change may
// run more than once. ID, Kind, Created and OrderID stay as they are, and so do Platform and Customer once they are known: what
// a conversation is, and whose, never changes.
func (s *Store) UpdateConversation(ctx context.Context, ref parlance.Ref, change func(*parlance.Conversation) error) (parlance.Conversation, error) {
	var c parlance.Conversation
	err := s.update(ctx, s.layout.ConversationPartition(ref), []byte(ref.Conversation), func(old []byte) ([]byte, error) {
		if old == nil {
			return nil, parlance.Errorf(parlance.NotFound, "there is no conversation %q", ref.Conversation)
		}
		before, err := format.DecodeConversation(old)
		if err != nil {
			return nil, s.corrupt(err, "the record of conversation %s", ref)
		}
		c = before
		c.Tags = slices.Clone(before.Tags)
		c.Native.JSON = bytes.Clone(before.Native.JSON)
		if err := change(&c); err != nil {
			return nil, err
		}
		c.ID, c.Kind, c.Created, c.OrderID = before.ID, before.Kind, before.Created, before.OrderID
		if before.Platform != "" {
			c.Platform = before.Platform
		}
		if before.Customer != "" {
			c.Customer = before.Customer
		}
		return format.EncodeConversation(&c), nil
	})
	s.changed(ref.Workspace, conversationName(ref))
	return c, err
}

// ConversationOfOrder returns the conversation about an order, [parlance.NotFound] if there is none.
func (s *Store) ConversationOfOrder(ctx context.Context, ws parlance.WorkspaceID, order string) (parlance.ConversationID, error) {
	if err := parlance.CheckID("order id", order); err != nil {
		return "", err
	}
	v, err := s.get(ctx, format.OrderPartition(ws, order), nil)
	if err == nil && v == nil {
		err = parlance.Errorf(parlance.NotFound, "there is no order %q", order)
	}
	return parlance.ConversationID(v), err
}

// Conversations returns all conversations of a workspace in the order in which they were created here.
func (s *Store) Conversations(ctx context.Context, ws parlance.WorkspaceID) iter.Seq2[parlance.Conversation, error] {
	return func(yield func(parlance.Conversation, error) bool) {
		for c, err := range s.ConversationsFrom(ctx, ws, 1) {
			if !yield(c.Conversation, err) || err != nil {
				return
			}
		}
	}
}

// A NumberedConversation is one with its place in the order in which conversations were created here, from 1.
type NumberedConversation struct {
	parlance.Conversation
	Number uint64
}

// ConversationsFrom returns the conversations of a workspace from a place on, in the order in which they were created here.
func (s *Store) ConversationsFrom(ctx context.Context, ws parlance.WorkspaceID, number uint64) iter.Seq2[NumberedConversation, error] {
	return func(yield func(NumberedConversation, error) bool) {
		for r, err := range s.registered(ctx, ws, max(number, 1)) {
			c := NumberedConversation{Number: r.Number}
			if err == nil {
				c.Conversation, err = s.Conversation(ctx, parlance.Ref{Workspace: ws, Conversation: r.ID})
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
