package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// Account returns what is known of an account, [parlance.NotFound] if nothing is.
func (s *Store) Account(ctx context.Context, ws parlance.WorkspaceID, id parlance.AccountID) (parlance.Account, error) {
	a, err := cached(s, accountName(ws, id), func() (*parlance.Account, error) {
		v, err := s.get(ctx, s.layout.AccountPartition(ws, id), []byte(id))
		if err != nil {
			return nil, fmt.Errorf("read account %q: %w", id, err)
		}
		if v == nil {
			return nil, nil // remembered too: most senders of a message have no record
		}
		a, err := format.DecodeAccount(v)
		if err != nil {
			return nil, s.corrupt(err, "the record of account %q", id)
		}
		return &a, nil
	})
	if err == nil && a == nil {
		err = parlance.Errorf(parlance.NotFound, "there is no account %q", id)
	}
	if err != nil {
		return parlance.Account{}, err
	}
	return *a, nil
}

func accountName(ws parlance.WorkspaceID, id parlance.AccountID) string {
	return "u" + string(ws) + "\x00" + string(id)
}

// UpdateAccount changes an account, or makes it: change then gets one with a zero
// Created, which becomes now, as Updated does. It may run more than once.
func (s *Store) UpdateAccount(ctx context.Context, ws parlance.WorkspaceID, id parlance.AccountID, change func(*parlance.Account) error) (parlance.Account, error) {
	if err := parlance.CheckID("account id", id); err != nil {
		return parlance.Account{}, err
	}
	var a parlance.Account
	err := s.update(ctx, s.layout.AccountPartition(ws, id), []byte(id), func(old []byte) ([]byte, error) {
		a = parlance.Account{ID: id}
		if old != nil {
			var err error
			if a, err = format.DecodeAccount(bytes.Clone(old)); err != nil {
				return nil, s.corrupt(err, "the record of account %q", id)
			}
		}
		if err := change(&a); err != nil {
			return nil, err
		}
		a.ID = id
		if bytes.Equal(old, format.EncodeAccount(&a)) {
			return old, nil
		}
		a.Updated = s.now()
		if a.Created == 0 {
			a.Created = a.Updated
		}
		return format.EncodeAccount(&a), nil
	})
	s.changed(ws, accountName(ws, id))
	return a, err
}

// Number returns the 64-bit number of an account, above 0: its own digits if its id is
// such a number in plain decimal, else one of 19 digits that is given to it once and
// kept in the store.
func (s *Store) Number(ctx context.Context, ws parlance.WorkspaceID, id parlance.AccountID) (int64, error) {
	return cached(s, "n"+string(ws)+"\x00"+string(id), func() (int64, error) {
		n, err := strconv.ParseInt(string(id), 10, 64)
		own := err == nil && n > 0 && strconv.FormatInt(n, 10) == string(id)
		for probe := 0; ; probe++ {
			if !own {
				n = numberOf(id, probe)
			}
			holder, err := s.holder(ctx, ws, n)
			if err != nil {
				return 0, err
			}
			if own && holder == nil || string(holder) == string(id) {
				return n, nil
			}
			if holder == nil {
				err := s.swap(ctx, s.layout.NumberPartition(ws, n), format.Number8(uint64(n)), nil, []byte(id))
				if err == nil {
					s.forget(numberName(ws, n))
					return n, nil
				}
				if parlance.KindOf(err) != parlance.Conflict {
					return 0, err
				}
				continue
			}
			own = false // somebody else was given these very digits before this account was seen
		}
	})
}

// numberOf is the probe-th choice for an account's number: 10^18 up to 2^63, always 19 digits.
func numberOf(id parlance.AccountID, probe int) int64 {
	h := sha256.Sum256(append([]byte(id), byte(probe)))
	const low = 1_000_000_000_000_000_000
	return low + int64(binary.BigEndian.Uint64(h[:])%(1<<63-low))
}

func (s *Store) holder(ctx context.Context, ws parlance.WorkspaceID, n int64) ([]byte, error) {
	v, err := s.get(ctx, s.layout.NumberPartition(ws, n), format.Number8(uint64(n)))
	if err != nil {
		return nil, fmt.Errorf("look up account number %d: %w", n, err)
	}
	return v, nil
}

// AccountOfNumber returns the account whose number n is: the one that was given it, else
// the one whose id n's digits are, whether or not anything is known of it.
func (s *Store) AccountOfNumber(ctx context.Context, ws parlance.WorkspaceID, n int64) (parlance.AccountID, error) {
	return cached(s, numberName(ws, n), func() (parlance.AccountID, error) {
		v, err := s.holder(ctx, ws, n)
		if err != nil || v != nil {
			return parlance.AccountID(v), err
		}
		return parlance.AccountID(strconv.FormatInt(n, 10)), nil
	})
}

func numberName(ws parlance.WorkspaceID, n int64) string {
	return "N" + string(ws) + "\x00" + strconv.FormatInt(n, 10)
}

// Hide marks messages as hidden for one account. Marking one twice changes nothing.
func (s *Store) Hide(ctx context.Context, ref parlance.Ref, who parlance.AccountID, ids ...parlance.MessageID) error {
	if err := parlance.CheckID("account id", who); err != nil {
		return err
	}
	now := format.AppendInt(nil, 1, int64(s.now()))
	for _, id := range ids {
		if err := parlance.CheckID("message id", id); err != nil {
			return err
		}
		err := s.swap(ctx, format.HiddenPartition(ref), format.HiddenKey(who, id), nil, now)
		if err != nil && parlance.KindOf(err) != parlance.Conflict {
			return fmt.Errorf("hide a message of %s: %w", ref, err)
		}
	}
	s.changed(ref.Workspace, hiddenName(ref, who))
	return nil
}

// Hidden returns when the account hid which messages of a conversation. The map is shared: don't change it.
func (s *Store) Hidden(ctx context.Context, ref parlance.Ref, who parlance.AccountID) (map[parlance.MessageID]parlance.Time, error) {
	return cached(s, hiddenName(ref, who), func() (map[parlance.MessageID]parlance.Time, error) {
		hidden := map[parlance.MessageID]parlance.Time{}
		r := driver.Range{From: format.HiddenKey(who, ""), To: []byte(string(who) + "\x01")}
		for row, err := range s.engine.Scan(ctx, format.HiddenPartition(ref), r) {
			if err != nil {
				return nil, fmt.Errorf("read what is hidden in %s: %w", ref, err)
			}
			err = format.EachField(row.Value, func(f format.Field) error {
				hidden[parlance.MessageID(row.Key[len(who)+1:])] = f.Time()
				return nil
			})
			if err != nil {
				return nil, s.corrupt(err, "a hidden mark of conversation %s", ref)
			}
		}
		return hidden, nil
	})
}

func hiddenName(ref parlance.Ref, who parlance.AccountID) string {
	return "h" + string(ref.Workspace) + "\x00" + string(ref.Conversation) + "\x00" + string(who)
}
