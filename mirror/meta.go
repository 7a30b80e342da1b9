package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/store"
)

// unchanged reports whether v is what was last compared with the store under this key in this run, and remembers it.
func (r *run) unchanged(key string, v any) bool {
	raw, err := json.Marshal(v)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(raw)
	old, known := r.known.Swap(key, sum)
	return known && old == sum
}

// meta stores what the platform told of a conversation besides its messages. What is the same already isn't written.
func (r *run) meta(ctx context.Context, st *history.Stream) error {
	for i := range st.Accounts {
		if err := r.account(ctx, &st.Accounts[i]); err != nil {
			return err
		}
	}
	c := st.Conversation
	if c.ID == "" || c.Platform == "" || r.unchanged("conversation "+string(c.ID), st) {
		return nil
	}
	ref := parlance.Ref{Workspace: r.c.Workspace, Conversation: c.ID}
	made, err := r.admitted(ctx, ref, st)
	var taken *store.Taken
	if errors.As(err, &taken) {
		r.others.Store(c.ID, taken.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("make conversation %q: %w", c.ID, err)
	}
	r.others.Store(c.ID, "")
	if r.o.DryRun {
		return nil
	}
	if old := made.Conversation; !made.New && !reflect.DeepEqual(told(old, c), old) {
		if _, err := r.m.store.UpdateConversation(ctx, ref, func(old *parlance.Conversation) error {
			*old = told(*old, c)
			return nil
		}); err != nil {
			return fmt.Errorf("update conversation %q: %w", c.ID, err)
		}
	}
	if err := r.members(ctx, ref, st.Members); err != nil {
		return fmt.Errorf("update the members of %q: %w", c.ID, err)
	}
	return nil
}

// told returns old with what the platform tells of it now. What it doesn't tell stays.
func told(old, now parlance.Conversation) parlance.Conversation {
	c := now
	c.ID, c.Kind, c.Created, c.OrderID = old.ID, old.Kind, old.Created, old.OrderID
	if old.Customer != "" {
		c.Customer = old.Customer
	}
	if c.OrderNumber == "" {
		c.OrderNumber = old.OrderNumber
	}
	if c.Owner == "" {
		c.Owner = old.Owner
	}
	if len(c.Native.JSON) == 0 {
		c.Native = old.Native
	}
	if len(c.Tags) == 0 {
		c.Tags = old.Tags
	}
	return c
}

// members makes the conversation's members those that the platform names. Who it named before and doesn't any more may not read
// there any more, so they aren't members here either; who became one here stays.
func (r *run) members(ctx context.Context, ref parlance.Ref, named []parlance.Member) error {
	if len(named) == 0 {
		return nil
	}
	here, err := r.m.store.Members(ctx, ref)
	if err != nil {
		return err
	}
	var add []parlance.Member
	for _, m := range named {
		i := slices.IndexFunc(here, func(h parlance.Member) bool { return h.Account == m.Account })
		if i < 0 {
			add = append(add, m)
			continue
		}
		if h := here[i]; m.Role != "" && h.Role != m.Role || m.Name != "" && h.Name != m.Name {
			if _, err := r.m.store.UpdateMember(ctx, ref, m.Account, func(old *parlance.Member) error {
				if m.Role != "" {
					old.Role = m.Role
				}
				if m.Name != "" {
					old.Name = m.Name
				}
				return nil
			}); err != nil {
				return err
			}
		}
	}
	if len(add) > 0 {
		if err := r.m.store.AddMembers(ctx, ref, add...); err != nil {
			return err
		}
	}
	return nil
}

// left takes those out of a conversation whom the platform named before and doesn't any more. The book then has who it names now.
func (r *run) left(ctx context.Context, b *book, named []parlance.Member) error {
	if len(named) == 0 || b.Conversation == "" || r.o.DryRun {
		return nil
	}
	ids := make([]parlance.AccountID, len(named))
	for i, m := range named {
		ids[i] = m.Account
	}
	slices.Sort(ids)
	ref := parlance.Ref{Workspace: r.c.Workspace, Conversation: b.Conversation}
	for _, id := range b.Members {
		if _, still := slices.BinarySearch(ids, id); still {
			continue
		}
		if err := r.m.store.RemoveMember(ctx, ref, id); err != nil && !errors.Is(err, parlance.NotFound) {
			return fmt.Errorf("take a member out of %q: %w", b.Conversation, err)
		}
	}
	if len(ids) > maxMembers {
		ids = nil // too many to remember: who leaves then stays
	}
	b.Members = ids
	return nil
}

// maxMembers is how many members a ledger remembers.
const maxMembers = 500

// account stores what the platform told of an account.
func (r *run) account(ctx context.Context, a *parlance.Account) error {
	if r.o.DryRun || a.ID == "" || r.unchanged("account "+string(a.ID), a) {
		return nil
	}
	old, err := r.m.store.Account(ctx, r.c.Workspace, a.ID)
	if err != nil && !errors.Is(err, parlance.NotFound) {
		return fmt.Errorf("read an account: %w", err)
	}
	if err == nil && reflect.DeepEqual(toldOf(old, a), old) {
		return nil
	}
	_, err = r.m.store.UpdateAccount(ctx, r.c.Workspace, a.ID, func(old *parlance.Account) error {
		*old = toldOf(*old, a)
		return nil
	})
	if err != nil {
		return fmt.Errorf("update an account: %w", err)
	}
	return nil
}

// toldOf returns old with what the platform tells of the account now.
func toldOf(old parlance.Account, now *parlance.Account) parlance.Account {
	old.ID = now.ID
	set := func(field *string, v string) {
		if v != "" {
			*field = v
		}
	}
	set(&old.Name, now.Name)
	set(&old.Avatar, now.Avatar)
	set(&old.Description, now.Description)
	old.Bot = old.Bot || now.Bot
	old.LastLogin = max(old.LastLogin, now.LastLogin)
	if len(now.Native.JSON) > 0 {
		old.Native = now.Native
	}
	return old
}

// partOf notes that a conversation is read with the stream of all.
func (r *run) partOf(ctx context.Context, id parlance.ConversationID, stream history.StreamID) error {
	if r.o.DryRun || stream != history.Everything || r.unchanged("part "+string(id), id) {
		return nil
	}
	b, err := r.m.open(ctx, r.c.Name, history.StreamID("="+id))
	if err != nil || b.raw != nil {
		return err
	}
	b.Conversation, b.Part = id, stream
	return r.m.save(ctx, r.c.Name, b)
}
