package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// Members returns a conversation's members by account id, bytewise. The slice is
// shared: don't change it.
func (s *Store) Members(ctx context.Context, ref parlance.Ref) ([]parlance.Member, error) {
	return cached(s, membersName(ref), func() ([]parlance.Member, error) {
		var ms []parlance.Member
		for row, err := range s.engine.Scan(ctx, format.MemberPartition(ref), driver.Range{}) {
			if err != nil {
				return nil, fmt.Errorf("read the members of %s: %w", ref, err)
			}
			m, err := format.DecodeMember(slices.Clone(row.Value))
			if err != nil {
				return nil, s.corrupt(err, "a member of conversation %s", ref)
			}
			ms = append(ms, m)
		}
		return ms, nil
	})
}

func membersName(ref parlance.Ref) string {
	return "P" + string(ref.Workspace) + "\x00" + string(ref.Conversation)
}

func memberName(ref parlance.Ref, id parlance.AccountID) string {
	return "p" + string(ref.Workspace) + "\x00" + string(ref.Conversation) + "\x00" + string(id)
}

// Member returns one member, [parlance.NotFound] if the account is none.
func (s *Store) Member(ctx context.Context, ref parlance.Ref, id parlance.AccountID) (parlance.Member, error) {
	return cached(s, memberName(ref, id), func() (parlance.Member, error) {
		v, err := s.get(ctx, format.MemberPartition(ref), []byte(id))
		if err != nil {
			return parlance.Member{}, fmt.Errorf("read a member of %s: %w", ref, err)
		}
		if v == nil {
			return parlance.Member{}, notMember(id)
		}
		m, err := format.DecodeMember(v)
		if err != nil {
			return m, s.corrupt(err, "a member of conversation %s", ref)
		}
		return m, nil
	})
}

func notMember(id parlance.AccountID) error {
	return parlance.Errorf(parlance.NotFound, "%q is not a member of the conversation", id)
}

// AddMembers adds members to a conversation that exists. Who is one already stays as
// they are. A zero Joined becomes now.
func (s *Store) AddMembers(ctx context.Context, ref parlance.Ref, ms ...parlance.Member) (err error) {
	if err := s.beginWrite(ctx); err != nil {
		return err
	}
	defer func() { err = s.endWrite(ctx, err) }()
	about, err := s.Conversation(ctx, ref)
	if err != nil {
		return err
	}
	now := s.now()
	adding := map[parlance.AccountID]parlance.Member{}
	for _, m := range ms {
		if err := parlance.CheckID("account id", m.Account); err != nil {
			return err
		}
		if _, twice := adding[m.Account]; twice {
			continue
		}
		if m.Joined == 0 {
			m.Joined = now
		}
		adding[m.Account] = m
	}
	// A list row stands where the conversation's row stands in the other lists; the
	// writer moves them all, so none may come in while it does.
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	c.write.Lock()
	defer c.write.Unlock()
	t, err := s.readerHead(ctx, c)
	if err != nil {
		return err
	}
	for try := 0; len(adding) > 0; try++ {
		var claims []driver.Claim
		for _, id := range slices.Sorted(maps.Keys(adding)) {
			m := adding[id]
			claims = append(claims, driver.Claim{Key: []byte(id), Value: format.EncodeMember(&m)})
		}
		err := s.join(ctx, &about, t, ref, claims)
		refused := driver.AsRefused(err)
		if refused == nil {
			return err
		}
		for _, row := range refused.Standing {
			if row.Value != nil {
				delete(adding, parlance.AccountID(row.Key))
			}
		}
		if try > 0 {
			wait(try)
		}
	}
	return s.ensureDurable(ctx)
}

// join makes claims of members, and has their lists show the conversation. Readers look at the members, so a row
// in a list may come before its member; one that doesn't come, because this stops half-way, would be missed
// until the conversation moves. The caller holds the conversation's write lock.
func (s *Store) join(ctx context.Context, about *parlance.Conversation, t *format.Head, ref parlance.Ref, claims []driver.Claim) error {
	names := []string{membersName(ref)}
	var ops []driver.Op
	for _, claim := range claims {
		id := parlance.AccountID(claim.Key)
		names = append(names, memberName(ref, id))
		if claim.Value != nil {
			names = append(names, joinedName(ref.Workspace, id))
			ops = append(ops, listOps(ref.Workspace, List{Account: id}, about, listedAt(t, about))...)
		}
	}
	defer s.changed(ref.Workspace, names...)
	version := max(appended(t.Number), 1)
	if s.bounds.OneStep {
		return s.claimParts(ctx, format.MemberPartition(ref), claims, ops, version)
	}
	if err := s.writeParts(ctx, splitOps(ops, s.bounds.BatchBytes), version); err != nil {
		return err
	}
	return s.claim(ctx, format.MemberPartition(ref), claims, nil, 1)
}

// UpdateMember changes a member and returns it as it is then. change may run more than once.
func (s *Store) UpdateMember(ctx context.Context, ref parlance.Ref, id parlance.AccountID, change func(*parlance.Member) error) (parlance.Member, error) {
	var m parlance.Member
	onlyRead := false
	err := s.update(ctx, format.MemberPartition(ref), []byte(id), func(old []byte) ([]byte, error) {
		if old == nil {
			return nil, notMember(id)
		}
		before, err := format.DecodeMember(old)
		if err != nil {
			return nil, s.corrupt(err, "a member of conversation %s", ref)
		}
		m = before
		if err := change(&m); err != nil {
			return nil, err
		}
		m.Account = id
		before.LastRead = m.LastRead
		onlyRead = before == m
		return format.EncodeMember(&m), nil
	})
	s.forget(memberName(ref, id), membersName(ref))
	if !onlyRead {
		// No page of messages shows how far somebody has read.
		s.changed(ref.Workspace)
	}
	return m, err
}

// RemoveMember takes an account out of a conversation, [parlance.NotFound] if it is not in it.
func (s *Store) RemoveMember(ctx context.Context, ref parlance.Ref, id parlance.AccountID) error {
	err := s.update(ctx, format.MemberPartition(ref), []byte(id), func(old []byte) ([]byte, error) {
		if old == nil {
			return nil, notMember(id)
		}
		return nil, nil
	})
	// The row in the account's list stays: readers of lists look at the members.
	s.changed(ref.Workspace, memberName(ref, id), membersName(ref))
	return err
}

// Left returns those of the accounts that were members of a conversation and aren't any more: a row in an account's list is
// made with its first membership and stays. On an engine that writes the two in two steps it may also be one that
// was about to become a member when somebody stopped in between.
func (s *Store) Left(ctx context.Context, ref parlance.Ref, ids ...parlance.AccountID) ([]parlance.AccountID, error) {
	about, err := s.Conversation(ctx, ref)
	if err != nil {
		return nil, err
	}
	var left []parlance.AccountID
	for _, id := range ids {
		if _, err := s.Member(ctx, ref, id); err == nil || !errors.Is(err, parlance.NotFound) {
			if err != nil {
				return nil, err
			}
			continue
		}
		v, err := s.get(ctx, format.JoinedPartition(ref.Workspace, id, format.YearOf(&about)), []byte(ref.Conversation))
		if err != nil {
			return nil, fmt.Errorf("read the list of account %q: %w", id, err)
		}
		if v != nil {
			left = append(left, id)
		}
	}
	return left, nil
}
