// Package demoshop is what `parlance demo` shows: the platforms' own examples and the chats of
// a small shop, in five languages, of the last three weeks.
//
// Everything follows from the time at which it is made. The people are made up, and nothing is
// behind the addresses.
package demoshop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// The record that says whether a store is a demo, and whether it is whole.
const (
	collection = "demo"
	stateKey   = "state"
)

type state struct {
	Now    parlance.Time `json:"now"`    // when it was made
	Filled bool          `json:"filled"` // nothing is missing
}

// Known reports whether s holds a demo, or part of one.
func Known(ctx context.Context, s *store.Store) (bool, error) {
	_, err := s.Record(ctx, collection, stateKey)
	if errors.Is(err, parlance.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Mark makes s a demo, still empty. It comes before anything else, so that a demo that was
// cut short is known for one.
func Mark(ctx context.Context, s *store.Store) error {
	b, err := json.Marshal(state{Now: s.Now()})
	if err != nil {
		return err
	}
	return s.SwapRecord(ctx, collection, stateKey, nil, b)
}

// Fill stores the demo's contents in workspace w of s, which was marked. What was cut short
// earlier is done to its end; what is whole stays as it is, with all that was written to it since.
func Fill(ctx context.Context, s *store.Store, w access.Workspace) error {
	old, err := s.Record(ctx, collection, stateKey)
	if err != nil {
		return fmt.Errorf("read the demo's state: %w", err)
	}
	var st state
	if err := json.Unmarshal(old, &st); err != nil {
		return parlance.Wrap(parlance.Corrupt, err, "the demo's state can't be read")
	}
	if st.Filled {
		return nil
	}
	f := &filler{store: s, workspace: w, composer: newComposer(st.Now)}
	if err := f.fill(ctx); err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	st.Filled = true
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return s.SwapRecord(ctx, collection, stateKey, old, b)
}

// A filler stores the demo's contents.
type filler struct {
	*composer
	store     *store.Store
	workspace access.Workspace
}

func (f *filler) fill(ctx context.Context) error {
	for _, step := range []func(context.Context) error{f.accounts, f.examples, f.backOffice, f.shop} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// accounts stores who takes part.
func (f *filler) accounts(ctx context.Context) error {
	begin := f.now - 2*span
	all := []parlance.Account{
		{
			ID: "sss", Name: "Elsa", Description: "description la la #1583637224106", LastLogin: 1_588_744_338_369,
			Avatar: "https://lumiere-a.akamaihd.net/v1/images/f_frozen2_header_mobile_18432_d258f93f.jpeg",
		},
		{ID: shopBot.id, Name: shopBot.name, Bot: true},
		{ID: f.workspace.Merchant, Name: "Demo shop"},
		{ID: f.workspace.Seller, Name: "Demo shop"},
		{ID: f.workspace.Staff, Name: "Elsa"},
		{ID: shopCustomer, Name: "王小明"},
		{ID: orderCustomer, Name: "Anya"},
		{ID: exampleBuyer, Name: "Liam Chen"},
	}
	for _, p := range staff[1:] {
		all = append(all, parlance.Account{ID: p.id, Name: p.name, Avatar: "https://shop.example/avatars/" + string(p.id) + ".png"})
	}
	for _, c := range clienteles {
		for _, p := range c.people {
			all = append(all, parlance.Account{ID: p.id, Name: p.name})
		}
	}
	for _, a := range all {
		a.Created, a.Updated = begin, begin
		_, err := f.store.UpdateAccount(ctx, f.workspace.ID, a.ID, func(old *parlance.Account) error {
			*old = a
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// backOffice stores the room of the staff.
func (f *filler) backOffice(ctx context.Context) error {
	begin := f.now - span/2
	var t thread
	at := begin
	for _, l := range backOffice {
		at += f.pause() * 4
		who := staff[l.by]
		l.line.text = l.text
		f.add(&t, l.line, parlance.Message{Sender: who.id, SenderName: who.name, Role: roleOf(l.by)}, staff[(l.by+1)%len(staff)],
			func(s string) string { return s }, at, 0)
	}
	var members []parlance.Member
	for i, p := range staff {
		members = append(members, parlance.Member{Account: p.id, Name: p.name, Role: roleOf(i)})
	}
	return f.conversation(ctx, parlance.Conversation{
		ID: "back-office", Kind: parlance.Room, Title: "Back office", Platform: parlance.IMKit, Owner: staff[0].id, Created: begin,
		Description: "Only us",
	}, t, members...)
}

func roleOf(i int) parlance.Role {
	if i == 0 {
		return parlance.Owner
	}
	return parlance.MemberRole
}

// shop stores the chats with customers: two dialogues with each, and one about an order with some.
func (f *filler) shop(ctx context.Context) error {
	for _, g := range clienteles {
		for i, p := range g.people {
			if err := f.chats(ctx, g, i, p); err != nil {
				return err
			}
			if n := len(g.language.orders); i < 2*n {
				if err := f.order(ctx, g, g.language.orders[i%n], p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// chats stores the chat with customer number i of g.
func (f *filler) chats(ctx context.Context, g clientele, i int, p person) error {
	shop, agent := f.workspace.Merchant, staff[i%len(staff)]
	ds := g.language.dialogues
	first := f.begin(f.now-span, 20)
	second := f.begin(first+10*hour, 10)
	c := parlance.Conversation{ID: parlance.ConversationID(f.id(first)), Kind: parlance.Shop, Platform: g.platform, Customer: p.id, Created: first, Title: p.name}
	if g.platform == parlance.IMetaStore {
		c.ID, shop = f.chat(p.id), f.workspace.Seller
	}
	var t thread
	for j, at := range []parlance.Time{first, second} {
		f.play(&t, ds[(i+j)%len(ds)], cast{p, agent, g.language.products[(i+2*j)%len(g.language.products)], f.orderNumber(at)}, at)
	}
	agents := []person{staff[0]}
	if agent.id != staff[0].id {
		agents = append(agents, agent)
	}
	members := append(f.counter(shop, p.id, agents...), parlance.Member{Account: shopBot.id, Name: shopBot.name, Role: parlance.Bot})
	return f.conversation(ctx, c, t, members...)
}

// order stores what was said about an order of the customer p.
func (f *filler) order(ctx context.Context, g clientele, d dialogue, p person) error {
	at := f.begin(f.now-span, 8)
	number := f.orderNumber(at - 2*day)
	var t thread
	f.play(&t, d, cast{p, staff[1], g.language.products[0], number}, at)
	shop := f.workspace.Merchant
	if g.platform == parlance.IMetaStore {
		shop = f.workspace.Seller
	}
	return f.conversation(ctx, parlance.Conversation{
		ID: parlance.ConversationID(f.id(at)), Kind: parlance.Order, Platform: g.platform, Customer: p.id, Created: at,
		Title: number, OrderID: f.id(at - 2*day), OrderNumber: number,
	}, t, f.counter(shop, p.id, staff[0], staff[1])...)
}
