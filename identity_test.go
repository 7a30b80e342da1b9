package parlance_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
)

func TestAdmits(t *testing.T) {
	shop := parlance.Conversation{ID: "c", Kind: parlance.Shop, Platform: parlance.Shopline, Customer: "ann"}
	order := parlance.Conversation{ID: "c", Kind: parlance.Order, Platform: parlance.Shopline, OrderID: "o1"}
	made := parlance.Conversation{ID: "c", Kind: parlance.Room, Platform: parlance.IMKit, Maker: "ann", Owner: "bob"}
	with := func(c parlance.Conversation, change func(*parlance.Conversation)) parlance.Conversation {
		change(&c)
		return c
	}
	for _, c := range []struct {
		what          string
		stands, other parlance.Conversation
		admits        bool
	}{
		{"itself", shop, shop, true},
		{"another kind", shop, with(shop, func(c *parlance.Conversation) { c.Kind = parlance.Room }), false},
		{"another platform", shop, with(shop, func(c *parlance.Conversation) { c.Platform = parlance.IMetaStore }), false},
		{"another customer", shop, with(shop, func(c *parlance.Conversation) { c.Customer = "bob" }), false},
		{"a customer that isn't known", shop, with(shop, func(c *parlance.Conversation) { c.Customer = "" }), true},
		{"an import of it", shop, with(shop, func(c *parlance.Conversation) { c.Platform = "" }), true},
		{"an import with another customer", shop, with(shop, func(c *parlance.Conversation) { c.Platform, c.Customer = "", "bob" }), false},
		{"another title and owner", shop, with(shop, func(c *parlance.Conversation) { c.Title, c.Owner, c.Frozen = "t", "o", true }), true},
		{"another order", order, with(order, func(c *parlance.Conversation) { c.OrderID = "o2" }), false},
		{"an import, which takes its own id for the order's", order, with(order, func(c *parlance.Conversation) { c.Platform, c.OrderID = "", "c" }), true},
		{"a user's room for the same user", made, with(made, func(c *parlance.Conversation) { c.Owner = "" }), true},
		{"a user's room for a platform's of the same owner", made, parlance.Conversation{Kind: parlance.Room, Platform: parlance.IMKit, Owner: "ann"}, true},
		{"a user's room for a platform's of whom it was given to", made, parlance.Conversation{Kind: parlance.Room, Platform: parlance.IMKit, Owner: "bob"}, false},
		{"a user's room for a platform's without owner", made, parlance.Conversation{Kind: parlance.Room, Platform: parlance.IMKit}, false},
		{"a user's room for an import", made, parlance.Conversation{Kind: parlance.Room}, false},
	} {
		if err := c.stands.Admits(&c.other); (err == nil) != c.admits || err != nil && !errors.Is(err, parlance.Conflict) {
			t.Errorf("%s: %v", c.what, err)
		} else if err != nil && (strings.Contains(err.Error(), "ann") || strings.Contains(err.Error(), "bob")) {
			t.Errorf("%s: the error tells whose it is: %v", c.what, err)
		}
	}
}

func TestDerivedForm(t *testing.T) {
	for _, id := range []parlance.ConversationID{
		"600d71329888be544e4f27fb", "600D71329888BE544E4F27FB", "1d9ac4c2a4f56e22e1d939891a38d764", "seller_001:1907369850568257537", "a:b:7", ":0",
	} {
		if parlance.DerivedForm(id) == "" {
			t.Errorf("%q is of no derived form", id)
		}
	}
	for _, id := range []parlance.ConversationID{
		"", "team", "demo-room", "600d71329888be544e4f27f", "600d71329888be544e4f27fg", "a:", "a:b", "a:1b", "12345", "a：1", "room:7 ", "日本",
	} {
		if form := parlance.DerivedForm(id); form != "" {
			t.Errorf("%q is said to be %s", id, form)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		seller, n := rapid.String().Draw(t, "seller"), rapid.Uint64().Draw(t, "number")
		if id := parlance.ConversationID(seller + ":" + strings.TrimLeft(rapid.StringMatching(`[0-9]{1,19}`).Draw(t, "digits"), " ")); parlance.DerivedForm(id) == "" {
			t.Errorf("%q (%d) is of no derived form", id, n)
		}
		if id := parlance.ConversationID(parlance.NewObjectIDs().At(parlance.Time(n % (1 << 42)))); parlance.DerivedForm(id) == "" {
			t.Errorf("%q, which was minted, is of no derived form", id)
		}
	})
}
