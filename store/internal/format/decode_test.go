package format

import (
	"bytes"
	"testing"

	"parlance"
)

// fullMessage has every field set.
func fullMessage() parlance.Message {
	return parlance.Message{
		ID: "id", Sender: "sender", SenderName: "name", Role: parlance.Agent, Acting: "acting",
		Type: parlance.TypeImage, Text: "text", Sticker: "sticker", Reply: "reply", Thread: "thread",
		Attachments: []parlance.Attachment{
			{Type: parlance.TypeImage, Name: "n", URL: "u", Thumb: "t", MIME: "m", Size: 1, Width: 2, Height: 3, Duration: 4, HasSize: true},
			{},
			{Type: "hologram"},
		},
		Location:  &parlance.Location{Latitude: 1.5, Longitude: -2.5},
		Mentions:  []parlance.AccountID{"a", ""},
		Reactions: []parlance.Reaction{{Emoji: "+", Account: "a"}, {}},
		State:     parlance.Recalled,
		Sent:      -7, Created: 1_700_000_000_001, Updated: 1_700_000_000_005, Edited: 3, Removed: -4, Missing: 6,
		Synthetic: []string{"sent"},
		Native:    parlance.Native{Dialect: parlance.Shopline, JSON: []byte(`{}`), Stale: true},
	}
}

func fullEntry() *Entry {
	e := &Entry{Number: 128, First: 3, Previous: 9, Learned: 1_700_000_000_009, Origin: Mirror, Total: 120, Private: 7, Message: fullMessage()}
	e.Message.Seq = 77
	e.Content = EncodeMessage(&e.Message)
	return e
}

func fullHead() *Head {
	t := &Head{Number: 128, Total: 120, Private: 7, LastCreated: 5, RunStart: -3, LastStamp: 9, Listed: 4, HighID: "z"}
	t.Chain[0], t.Chain[31] = 1, 2
	for i := range t.Timelines {
		t.Timelines[i] = Timeline{Top: fullRange(), Count: i, Next: 9, High: "high", Low: "low"}
	}
	return t
}

func fullRange() Range {
	return Range{ID: 4, Low: "abc", Live: 9, Private: 2, Written: 12, Dead: 3}
}

func fullConversation() parlance.Conversation {
	return parlance.Conversation{
		ID: "id", Kind: parlance.Order, Title: "title", Platform: parlance.IMKit, Created: -1, Customer: "customer",
		OrderID: "o", OrderNumber: "n", Owner: "owner", Description: "d", Cover: "c", Tags: []string{"a", ""}, Frozen: true,
		Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{}`), Stale: true},
		Maker:  "maker",
	}
}

func fullMember() parlance.Member {
	return parlance.Member{Account: "a", Name: "n", Role: parlance.Owner, Joined: 1, LastRead: parlance.Position{Time: 2, ID: "id"}}
}

func fullAccount() parlance.Account {
	return parlance.Account{
		ID: "a", Name: "n", Avatar: "v", Description: "d", Bot: true, Created: 1, Updated: 2, LastLogin: 3,
		Native: parlance.Native{Dialect: "other", JSON: []byte(`{}`), Stale: true},
	}
}

// fuzz finds that decoding never panics, and that what can be decoded comes back the same.
func fuzz(f *testing.F, seed []byte, recode func([]byte) ([]byte, error)) {
	f.Add(seed)
	f.Add([]byte{})
	for i := range seed {
		f.Add(seed[:i])
		damaged := bytes.Clone(seed)
		damaged[i] ^= 0x55
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := recode(b)
		if err != nil {
			return
		}
		twice, err := recode(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q decodes to what is written as %q, and that as %q, %v", b, once, twice, err)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	m := fullMessage()
	fuzz(f, EncodeMessage(&m), func(b []byte) ([]byte, error) {
		m, err := DecodeMessage(b)
		return EncodeMessage(&m), err
	})
}

func FuzzDecodeEntry(f *testing.F) {
	row, _ := fullEntry().Encode(Hash{})
	fuzz(f, row, func(b []byte) ([]byte, error) {
		e, chain, err := DecodeEntry(128, b)
		if err != nil {
			return nil, err
		}
		return AppendBytes(AppendBytes(e.AppendHeader(nil), 8, chain), 9, e.Content), nil
	})
}

func FuzzDecodeHead(f *testing.F) {
	fuzz(f, fullHead().Encode(), func(b []byte) ([]byte, error) {
		t, err := DecodeHead(b)
		if err != nil {
			return nil, err
		}
		return t.Encode(), nil
	})
}

func FuzzDecodeRange(f *testing.F) {
	fuzz(f, EncodeRange(fullRange()), func(b []byte) ([]byte, error) {
		s, err := DecodeRange(b)
		return EncodeRange(s), err
	})
}

func FuzzDecodeIndexRow(f *testing.F) {
	f.Add(IndexRow{Number: 7, Times: [3]parlance.Time{1_700_000_000_000, 1_699_999_999_000, 1_700_000_000_001}, Private: true}.Encode())
	f.Add(IndexRow{Number: 1, Times: [3]parlance.Time{-1, 0, 1}, Deleted: true}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeIndexRow(b)
		if err != nil {
			return
		}
		if again, err := DecodeIndexRow(r.Encode()); err != nil || again != r {
			t.Errorf("decodeIndexRow of %+v's row = %+v, %v", r, again, err)
		}
	})
}

func FuzzDecodeConversation(f *testing.F) {
	c := fullConversation()
	fuzz(f, EncodeConversation(&c), func(b []byte) ([]byte, error) {
		c, err := DecodeConversation(b)
		return EncodeConversation(&c), err
	})
}

func FuzzDecodeMember(f *testing.F) {
	m := fullMember()
	fuzz(f, EncodeMember(&m), func(b []byte) ([]byte, error) {
		m, err := DecodeMember(b)
		return EncodeMember(&m), err
	})
}

func FuzzDecodeAccount(f *testing.F) {
	a := fullAccount()
	fuzz(f, EncodeAccount(&a), func(b []byte) ([]byte, error) {
		a, err := DecodeAccount(b)
		return EncodeAccount(&a), err
	})
}
