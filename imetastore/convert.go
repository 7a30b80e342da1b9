package imetastore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// A pair is the two accounts between which a conversation is told on the wire.
type pair struct {
	account parlance.AccountID // the buyer's
	buyer   string             // the same on the wire: decimal digits
	seller  string
}

// buyerOf returns the account of a conversation's buyer.
//
// iMetaStore accounts, buyer: the customer, else the conversation itself.
func buyerOf(c *parlance.Conversation) parlance.AccountID {
	if c.Customer != "" {
		return c.Customer
	}
	return parlance.AccountID(c.ID)
}

// pairOf returns the pair that a conversation is between.
func (s *Server) pairOf(ctx context.Context, ws access.Workspace, c *parlance.Conversation) (pair, error) {
	account := buyerOf(c)
	n, err := s.store.Number(ctx, ws.ID, account)
	if err != nil {
		return pair{}, fmt.Errorf("look up a buyer's number: %w", err)
	}
	return pair{account, strconv.FormatInt(n, 10), string(ws.Seller)}, nil
}

// fromBuyer reports whether m goes from the buyer to the seller.
//
// iMetaStore accounts, direction: by the sender's side.
func (p *pair) fromBuyer(m *parlance.Message) bool {
	side := m.Role.Side()
	return side == parlance.CustomerSide || side == parlance.SideNone && m.Sender == p.account
}

// appendItem appends an entry as an item of the list: as the platform sent it if it came from
// there, else made from the common form.
//
// iMetaStore mirrored messages, served: byte for byte.
func appendItem(b []byte, p *pair, e *store.Entry) []byte {
	m := &e.Message
	if isItem(&m.Native) {
		if !m.Native.Stale {
			return append(b, m.Native.JSON...)
		}
		if merged, err := appendStale(b, m); err == nil {
			return merged
		}
	}
	from, to := p.seller, p.buyer
	if p.fromBuyer(m) {
		from, to = to, from
	}
	random, body, own := splitOwn(&m.Native)
	if !own {
		random = randomOf(m.ID)
	}
	b = append(b, `{"fromAccount":`...)
	b = appendString(b, from)
	b = append(b, `,"toAccount":`...)
	b = appendString(b, to)
	b = append(b, `,"msgTimestamp":`...)
	b = strconv.AppendInt(b, m.Created.Seconds(), 10)
	b = append(b, `,"msgDateTime":"`...)
	b = appendDateTime(b, m.Created)
	b = append(b, `","msgSeq":`...)
	b = strconv.AppendUint(b, uint64(seqOf(e)), 10)
	b = append(b, `,"msgRandom":`...)
	b = strconv.AppendUint(b, uint64(random), 10)
	b = append(b, `,"msgBody":`...)
	if body != nil && holds(body, m) {
		b = append(b, body...)
	} else {
		b = appendBody(b, m)
	}
	return append(b, '}')
}

// appendDateTime appends a time as 2025-12-17 14:30:56.
//
// iMetaStore messages, zone: UTC.
func appendDateTime(b []byte, t parlance.Time) []byte {
	const layout = "2006-01-02 15:04:05"
	if t < parlance.MinTime || t > parlance.MaxTime {
		return t.Std().AppendFormat(b, layout)
	}
	at := len(b)
	b = t.Append(b)[:at+len(layout)] // without milliseconds and zone
	b[at+len(time.DateOnly)] = ' '
	return b
}

// holds reports whether the body that m was sent with is still what m says.
func holds(body []byte, m *parlance.Message) bool {
	if !m.Native.Stale {
		return true
	}
	var es Elements
	return json.Unmarshal(body, &es) == nil && es.says(m)
}

// seqOf returns the msgSeq of a message that didn't come with one: where it first stood in
// its conversation's log.
//
// iMetaStore messages, msgSeq: grows as messages are stored.
func seqOf(e *store.Entry) uint32 { return uint32(e.First) }

// randomOf returns the msgRandom of a message whose sender gave none.
//
// iMetaStore messages, msgRandom: follows from the id.
func randomOf(id parlance.MessageID) uint32 {
	h := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint32(h[:])
}
