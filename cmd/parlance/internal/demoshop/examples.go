package demoshop

import (
	"context"
	"strings"

	"parlance"
	"parlance/access"
	"parlance/imetastore"
	"parlance/store"
)

// The platforms' own examples, so that the requests of their documentation can be tried.
const (
	exampleRoom   parlance.ConversationID = "demo-room"
	exampleShop   parlance.ConversationID = "622090c66775a37b9fa60799"
	exampleOrder  parlance.ConversationID = "6009020017690700468512e0"
	exampleBuyer  parlance.AccountID      = "1907369850568257537"
	shopCustomer  parlance.AccountID      = "600d71329888be544e4f27fb"
	orderCustomer parlance.AccountID      = "5ff6d89e36b0092881082d70"
)

// Workspace returns how the platforms' examples name the shop.
func Workspace() access.Workspace {
	return access.Workspace{
		ID:       "demo",
		Merchant: "5e6b6e242c389a0016d21048",
		Staff:    "58ef246969702d5afd040000",
		Seller:   "seller_001",
	}
}

// examples stores the examples.
func (f *filler) examples(ctx context.Context) error {
	for _, put := range []func(context.Context) error{f.exampleRoom, f.exampleShop, f.exampleOrder, f.exampleBuyer} {
		if err := put(ctx); err != nil {
			return err
		}
	}
	return nil
}

// exampleRoom stores the message of IMKit's page on listing messages, which its writer hid.
func (f *filler) exampleRoom(ctx context.Context) error {
	const id parlance.MessageID = "5f890cf37d980e06f6aaf349"
	err := f.conversation(ctx, parlance.Conversation{
		ID: exampleRoom, Kind: parlance.Room, Title: "Demo room", Platform: parlance.IMKit, Owner: "sss", Created: 1_588_744_338_369,
	}, thread{messages: []parlance.Message{{
		ID: id, Sender: "sss", Role: parlance.Owner, Type: parlance.TypeText,
		Text: "Helloこんにちは SIKTMLNP 11:01:07",
		Sent: 1_602_817_267_923, Created: 1_602_817_267_925, Updated: 1_602_817_267_925,
	}}},
		parlance.Member{Account: "sss", Role: parlance.Owner},
		parlance.Member{Account: "mei-ling", Role: parlance.MemberRole})
	if err != nil {
		return err
	}
	return f.store.Hide(ctx, f.ref(exampleRoom), "sss", id)
}

// exampleShop stores the messages of SHOPLINE's page, and two before them: it says that there
// are four.
func (f *filler) exampleShop(ctx context.Context) error {
	said := func(id parlance.MessageID, at parlance.Time, text string) parlance.Message {
		return parlance.Message{ID: id, Sender: shopCustomer, Role: parlance.Customer, Type: parlance.TypeText, Text: text, Created: at}
	}
	shop := func(id parlance.MessageID, at parlance.Time) parlance.Message {
		return parlance.Message{ID: id, Sender: f.workspace.Merchant, Acting: f.workspace.Staff, Role: parlance.Merchant, Type: parlance.TypeText, Created: at}
	}
	text := shop("600d714ab98742004640e532", 1_611_493_706_416)
	text.Text = strings.TrimSuffix(strings.Repeat("[email protected]\n", 11), "\n")
	picture := shop("600d7164b98742004640e533", 1_611_493_732_613)
	picture.Type = parlance.TypeImage
	picture.Attachments = []parlance.Attachment{{
		Type: parlance.TypeImage,
		URL:  "https://img-shoplineapp-com.s3.amazonaws.com/media/image_clips/600d7162e598300047ef0526/original.png?1611493730",
	}}
	return f.conversation(ctx, parlance.Conversation{
		ID: exampleShop, Kind: parlance.Shop, Platform: parlance.Shopline, Customer: shopCustomer, Created: 1_611_493_663_000,
	}, thread{messages: []parlance.Message{
		said("600d711fb98742004640e530", 1_611_493_663_000, "Hello"),
		said("600d7120b98742004640e531", 1_611_493_664_002, "Could you send me the addresses, please?"),
		text, picture,
	}}, f.counter(f.workspace.Merchant, shopCustomer, staff[0])...)
}

// exampleOrder stores the message about an order of SHOPLINE's page.
func (f *filler) exampleOrder(ctx context.Context) error {
	return f.conversation(ctx, parlance.Conversation{
		ID: exampleOrder, Kind: parlance.Order, Platform: parlance.Shopline, Customer: orderCustomer,
		OrderID: "5d8c8b3be388095d25acbc89", OrderNumber: "2019052707260498", Created: 1_611_203_322_000,
	}, thread{messages: []parlance.Message{{
		ID: "6009030217690700468512ec", Sender: orderCustomer, Role: parlance.Customer, Type: parlance.TypeImage, Text: "YA",
		Created: 1_611_203_330_656,
		Attachments: []parlance.Attachment{{
			Type: parlance.TypeImage,
			URL:  "https://img-shoplineapp-com.s3.amazonaws.com/media/image_clips/600902fb17690700468512eb/original.?1611203323",
		}},
	}}}, f.counter(f.workspace.Merchant, orderCustomer, staff[0])...)
}

// buyerItem is the message of iMetaStore's page, with the date and time of its timestamp: those on
// the page are another day's.
const buyerItem = `{"fromAccount":"seller_001","toAccount":"1907369850568257537","msgTimestamp":1734443056,` +
	`"msgDateTime":"2024-12-17 13:44:16","msgSeq":1,"msgRandom":123456789,` +
	`"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"Hello! Your order has been delivered.\"}"}]}`

// exampleBuyer stores the message of iMetaStore's page as it was sent there.
func (f *filler) exampleBuyer(ctx context.Context) error {
	m, err := imetastore.MessageOf([]byte(buyerItem))
	if err != nil {
		return err
	}
	return f.conversation(ctx, parlance.Conversation{
		ID: f.chat(exampleBuyer), Kind: parlance.Shop, Platform: parlance.IMetaStore, Customer: exampleBuyer, Created: m.Sent,
	}, thread{messages: []parlance.Message{m}}, f.counter(f.workspace.Seller, exampleBuyer, staff[0])...)
}

// chat returns the id of the conversation with a buyer of iMetaStore, whose platform has none.
func (f *filler) chat(buyer parlance.AccountID) parlance.ConversationID {
	return parlance.ConversationID(string(f.workspace.Seller) + ":" + string(buyer))
}

// counter returns the members of a shop's or order's conversation.
func (f *filler) counter(shop, customer parlance.AccountID, agents ...person) []parlance.Member {
	all := []parlance.Member{{Account: shop, Role: parlance.Merchant}, {Account: customer, Role: parlance.Customer}}
	for _, a := range agents {
		all = append(all, parlance.Member{Account: a.id, Name: a.name, Role: parlance.Agent})
	}
	return all
}

// ref returns the demo's conversation of that id.
func (f *filler) ref(id parlance.ConversationID) parlance.Ref {
	return parlance.Ref{Workspace: f.workspace.ID, Conversation: id}
}

// conversation stores a conversation with its members and messages. Times that a message or member
// lacks follow from the others. Doing it again changes nothing.
func (f *filler) conversation(ctx context.Context, c parlance.Conversation, t thread, members ...parlance.Member) error {
	if _, err := f.store.Create(ctx, f.workspace.ID, c); err != nil {
		return err
	}
	for i := range members {
		members[i].Joined = c.Created
	}
	ref := f.ref(c.ID)
	if err := f.store.AddMembers(ctx, ref, members...); err != nil {
		return err
	}
	for _, ms := range [][]parlance.Message{t.messages, t.changes} {
		for i := range ms {
			m := &ms[i]
			m.Created = max(m.Created, m.Sent)
			if m.Sent == 0 {
				m.Sent = m.Created
			}
			m.Updated = max(m.Updated, m.Created)
		}
		if len(ms) == 0 {
			continue
		}
		if _, err := f.store.Put(ctx, ref, store.Mirror, ms...); err != nil {
			return err
		}
	}
	return nil
}
