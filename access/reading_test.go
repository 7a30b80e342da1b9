package access_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"parlance"
	"parlance/access"
)

// A read token grants its bounds and nothing else, through a rotation too, until it is revoked or expires.
func TestReadTokens(t *testing.T) {
	w := newWorld(t, access.Options{})
	acme, s := w.create(t, "acme")
	ctx := t.Context()
	bounds := access.Reading{
		Conversations: []parlance.ConversationID{"one", "two"}, Kinds: []parlance.Kind{parlance.Room, parlance.Shop},
		From: 1000, To: 2000, Private: true, History: true,
	}
	for _, reading := range []*access.Reading{nil, {}, &bounds} {
		c, secret, err := w.AddKey(ctx, "acme", access.Credential{Kind: access.ReadToken, Reading: reading})
		ok(t, "add", err)
		wanted := access.Reading{}
		if reading != nil {
			wanted = *reading
		}
		granted := func(what, secret string) {
			t.Helper()
			for range 2 { // the second time from memory
				g, err := w.ReadToken(ctx, secret)
				ok(t, what, err)
				if g.Workspace != acme || g.Admin || g.Account != "" || g.Reading == nil || !reflect.DeepEqual(*g.Reading, wanted) {
					t.Fatalf("%s grants %+v, want %+v", what, g, wanted)
				}
			}
		}
		granted("the token", secret)
		next, rotated, err := w.Rotate(ctx, "acme", c.ID, access.Rotation{Grace: time.Hour})
		ok(t, "rotate", err)
		granted("the old one within its grace", secret)
		granted("the new one", rotated)
		for listed, err := range w.Credentials(ctx, "acme") {
			ok(t, "list", err)
			if listed.ID == next.ID && (listed.Reading == nil || !reflect.DeepEqual(*listed.Reading, wanted)) {
				t.Errorf("the list shows %+v, want %+v", listed.Reading, wanted)
			}
		}
		w.clock.add(3601)
		_, err = w.ReadToken(ctx, secret)
		want(t, "the old one after its grace", err, parlance.Unauthenticated)
		_, err = w.APIKey(ctx, rotated)
		want(t, "a read token as an API key", err, parlance.Unauthenticated)
		_, err = w.Bearer(ctx, rotated)
		want(t, "a read token as a SHOPLINE token", err, parlance.Unauthenticated)
		ok(t, "revoke", w.Revoke(ctx, "acme", next.ID))
		_, err = w.ReadToken(ctx, rotated)
		want(t, "a revoked one", err, parlance.Unauthenticated)
	}
	for _, other := range []string{"", s.APIKey, s.ShoplineToken, s.ClientKey} {
		_, err := w.ReadToken(ctx, other)
		want(t, "another kind's", err, parlance.Unauthenticated)
	}
}

func TestReadTokensAreChecked(t *testing.T) {
	w := newWorld(t, access.Options{})
	w.create(t, "acme")
	var many []parlance.ConversationID
	for i := range parlance.MaxTokenConversations + 1 {
		many = append(many, parlance.ConversationID(fmt.Sprint("c", i)))
	}
	for what, c := range map[string]access.Credential{
		"too many":          {Kind: access.ReadToken, Reading: &access.Reading{Conversations: many}},
		"no id":             {Kind: access.ReadToken, Reading: &access.Reading{Conversations: []parlance.ConversationID{""}}},
		"no kind":           {Kind: access.ReadToken, Reading: &access.Reading{Kinds: []parlance.Kind{"shops"}}},
		"twice":             {Kind: access.ReadToken, Reading: &access.Reading{Kinds: []parlance.Kind{parlance.Shop, parlance.Shop}}},
		"an empty stretch":  {Kind: access.ReadToken, Reading: &access.Reading{From: 5, To: 5}},
		"bounds of another": {Kind: access.APIKey, Reading: &access.Reading{}},
	} {
		_, _, err := w.AddKey(t.Context(), "acme", c)
		want(t, what, err, parlance.Invalid)
	}
	_, _, err := w.AddKey(t.Context(), "acme", access.Credential{Kind: access.ReadToken, Reading: &access.Reading{Conversations: many[1:]}})
	ok(t, "as many as may be", err)
}
