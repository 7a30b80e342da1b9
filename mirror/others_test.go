package mirror_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// conversationID returns the id under which the archive has a conversation of the upstream.
func conversationID(w *world, c *fake.Conversation) parlance.ConversationID {
	if w.up.Platform() == parlance.IMetaStore {
		from, to := c.Messages[0].Identity.From, c.Messages[0].Identity.To
		if from == c.ID {
			from = to
		}
		return parlance.ConversationID(from + ":" + c.ID)
	}
	return parlance.ConversationID(c.ID)
}

// TestAnotherConversationUnderTheID mirrors a conversation under whose id another one stands here: nothing comes into that one, and
// the state is partial, with a gap that says why. All others are read.
func TestAnotherConversationUnderTheID(t *testing.T) {
	t.Parallel()
	for _, platform := range []parlance.Dialect{parlance.IMKit, parlance.Shopline, parlance.IMetaStore} {
		for what, other := range map[string]parlance.Conversation{
			"room of a user":         {Kind: parlance.Room, Platform: parlance.IMKit, Owner: "mallory", Maker: "mallory"},
			"direct room of users":   {Kind: parlance.Direct, Platform: parlance.IMKit, Owner: "mallory", Maker: "mallory"},
			"import of another kind": {Kind: parlance.Order, OrderID: "o", Customer: "mallory"},
			"another customer's":     {Kind: parlance.Shop, Platform: parlance.Shopline, Customer: "mallory"},
			"another platform's":     {Kind: parlance.Shop, Platform: parlance.IMetaStore, Customer: "mallory"},
		} {
			for _, full := range []bool{false, true} {
				other := other // each changes its own
				t.Run(string(platform)+"/"+what, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, fake.Options{Platform: platform, Seed: 7})
					defer w.close()
					truth := w.up.Truth()
					at := slices.IndexFunc(truth.Conversations, func(c fake.Conversation) bool { return len(c.Messages) > 0 })
					victim := &truth.Conversations[at]
					other.ID = conversationID(w, victim)
					ref := parlance.Ref{Workspace: workspace, Conversation: other.ID}
					ctx := context.Background()
					if _, err := w.store.Create(ctx, workspace, other); err != nil {
						t.Fatal(err)
					}
					if err := w.store.AddMembers(ctx, ref, parlance.Member{Account: "mallory", Role: parlance.Owner}); err != nil {
						t.Fatal(err)
					}
					dry, err := w.run(mirror.RunOptions{DryRun: true}, 0)
					if err != nil {
						t.Fatal(err)
					}
					if n := len(truthMessages(truth)) - len(victim.Messages); dry.New != n {
						t.Errorf("a dry run tells of %d new messages, want %d", dry.New, n)
					}
					r, err := w.run(mirror.RunOptions{Full: full}, 0)
					if err != nil {
						t.Fatal(err)
					}
					if r.State != mirror.Partial {
						t.Errorf("the state is %s", r.State)
					}
					if !slices.ContainsFunc(r.Gaps, func(g mirror.Gap) bool {
						return g.Conversation == other.ID && strings.Contains(g.Reason, "another conversation")
					}) {
						t.Errorf("no gap tells of %s: %+v", other.ID, r.Gaps)
					}
					if n, err := w.store.Count(ctx, ref, parlance.ByCreated, nil, nil, true); err != nil || n != 0 {
						t.Errorf("%d messages were brought into another conversation, %v", n, err)
					}
					stands, err := w.store.Conversation(ctx, ref)
					members, err2 := w.store.Members(ctx, ref)
					if err != nil || err2 != nil || stands.Title != "" || stands.Kind != other.Kind || stands.Customer != other.Customer || len(members) != 1 {
						t.Errorf("the other conversation is now %+v with %d members, %v, %v", stands, len(members), err, err2)
					}
					if want := len(truthMessages(truth)) - len(victim.Messages); r.Messages != want || len(w.archive()) != want {
						t.Errorf("%d messages are said to be here and %d are, want %d", r.Messages, len(w.archive()), want)
					}
				})
			}
		}
	}
}

func truthMessages(t fake.Truth) []fake.Message {
	var all []fake.Message
	for i := range t.Conversations {
		all = append(all, t.Conversations[i].Messages...)
	}
	return all
}

// TestTheSameConversationUnderTheID mirrors conversations that stand here already, imported or made by those whose they are on the platform, and
// once more after the administrator gave a room that stood in the way to its owner.
func TestTheSameConversationUnderTheID(t *testing.T) {
	t.Parallel()
	for _, platform := range []parlance.Dialect{parlance.IMKit, parlance.Shopline, parlance.IMetaStore} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			// What the upstream has is learned from an archive that was empty.
			first := newWorld(t, fake.Options{Platform: platform, Seed: 7})
			defer first.close()
			if r, err := first.run(mirror.RunOptions{}, 0); err != nil || r.State != mirror.Complete {
				t.Fatalf("%+v, %v", r, err)
			}
			w := newWorld(t, fake.Options{Platform: platform, Seed: 7})
			defer w.close()
			ctx := context.Background()
			var waits []parlance.Ref
			n := 0
			for c, err := range first.store.Conversations(ctx, workspace) {
				if err != nil {
					t.Fatal(err)
				}
				was := parlance.Conversation{ID: c.ID, Kind: c.Kind, Title: "imported"}
				ref := parlance.Ref{Workspace: workspace, Conversation: c.ID}
				switch n++; {
				case n%3 == 1:
					was.Customer, was.OrderID = c.Customer, string(c.ID)
				case c.Kind == parlance.Room:
					was.Platform, was.Maker, was.Owner = platform, c.Owner, c.Owner
					if n%3 == 2 || c.Owner == "" {
						was.Maker = "mallory"
						waits = append(waits, ref)
					}
				case c.Kind == parlance.Direct:
					members, err := first.store.Members(ctx, ref)
					if err != nil || len(members) == 0 {
						t.Fatal(members, err)
					}
					was.Platform, was.Maker = platform, members[n%len(members)].Account
				}
				if _, err := w.store.Create(ctx, workspace, was); err != nil {
					t.Fatal(err)
				}
			}
			r, err := w.run(mirror.RunOptions{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(waits) > 0 && r.State != mirror.Partial {
				t.Errorf("the state is %s, and %d rooms are mallory's", r.State, len(waits))
			}
			for _, ref := range waits {
				if _, err := w.store.UpdateConversation(ctx, ref, func(c *parlance.Conversation) error { c.Maker = ""; return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if r, err = w.run(mirror.RunOptions{}, 0); err != nil || r.State != mirror.Complete {
				t.Errorf("%s, gaps %+v, %v", r.State, r.Gaps, err)
			}
			if wrong := w.compare(&r, nil); len(wrong) > 0 {
				t.Errorf("%d differences, the first: %s", len(wrong), wrong[0])
			}
			for c, err := range first.store.Conversations(ctx, workspace) {
				ref := parlance.Ref{Workspace: workspace, Conversation: c.ID}
				now, err2 := w.store.Conversation(ctx, ref)
				if err != nil || err2 != nil || now.Platform != platform || now.Customer != c.Customer || now.Kind != c.Kind || now.Maker != "" {
					t.Errorf("%+v is here as %+v, %v, %v", c, now, err, err2)
				}
			}
		})
	}
}
