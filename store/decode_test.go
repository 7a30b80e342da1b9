package store

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
	e := &Entry{Number: 128, First: 3, Previous: 9, Learned: 1_700_000_000_009, origin: Mirror, total: 120, private: 7, Message: fullMessage()}
	e.Message.Seq = 77
	e.content = encodeMessage(&e.Message)
	return e
}

func fullTail() *tail {
	t := &tail{number: 128, total: 120, private: 7, lastCreated: 5, runStart: -3, lastStamp: 9, listed: 4, highID: "z"}
	t.chain[0], t.chain[31] = 1, 2
	for i := range t.lines {
		t.lines[i] = line{top: fullSpan(), count: i, next: 9, high: "high", low: "low"}
	}
	return t
}

func fullSpan() span { return span{id: 4, low: "abc", live: 9, private: 2, written: 12, dead: 3} }

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
	fuzz(f, encodeMessage(&m), func(b []byte) ([]byte, error) {
		m, err := decodeMessage(b)
		return encodeMessage(&m), err
	})
}

func FuzzDecodeEntry(f *testing.F) {
	row, _ := fullEntry().encode(hash{})
	fuzz(f, row, func(b []byte) ([]byte, error) {
		e, chain, err := decodeEntry(128, b)
		if err != nil {
			return nil, err
		}
		return appendBytes(appendBytes(e.appendHeader(nil), 8, chain), 9, e.content), nil
	})
}

func FuzzDecodeTail(f *testing.F) {
	fuzz(f, fullTail().encode(), func(b []byte) ([]byte, error) {
		t, err := decodeTail(b)
		if err != nil {
			return nil, err
		}
		return t.encode(), nil
	})
}

func FuzzDecodeSpan(f *testing.F) {
	fuzz(f, encodeSpan(fullSpan()), func(b []byte) ([]byte, error) {
		s, err := decodeSpan(b)
		return encodeSpan(s), err
	})
}

func FuzzDecodeIndexRow(f *testing.F) {
	f.Add(indexRow{number: 7, times: [3]parlance.Time{1_700_000_000_000, 1_699_999_999_000, 1_700_000_000_001}, private: true}.encode())
	f.Add(indexRow{number: 1, times: [3]parlance.Time{-1, 0, 1}, deleted: true}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeIndexRow(b)
		if err != nil {
			return
		}
		if again, err := decodeIndexRow(r.encode()); err != nil || again != r {
			t.Errorf("decodeIndexRow of %+v's row = %+v, %v", r, again, err)
		}
	})
}

func FuzzDecodeConversation(f *testing.F) {
	c := fullConversation()
	fuzz(f, encodeConversation(&c), func(b []byte) ([]byte, error) {
		c, err := decodeConversation(b)
		return encodeConversation(&c), err
	})
}

func FuzzDecodeMember(f *testing.F) {
	m := fullMember()
	fuzz(f, encodeMember(&m), func(b []byte) ([]byte, error) {
		m, err := decodeMember(b)
		return encodeMember(&m), err
	})
}

func FuzzDecodeAccount(f *testing.F) {
	a := fullAccount()
	fuzz(f, encodeAccount(&a), func(b []byte) ([]byte, error) {
		a, err := decodeAccount(b)
		return encodeAccount(&a), err
	})
}
