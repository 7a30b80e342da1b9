package fake

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"parlance"
	"parlance/export"
)

// maxLine is the longest line that is read, in bytes.
const maxLine = 16 << 20

// read fills w with conversations in the archive's JSON Lines form. Ids that the platform couldn't have give way to
// ids that follow from them. Of a message that is there twice, the later line holds.
func (w *world) read(r io.Reader) error {
	convs := map[parlance.ConversationID]*imported{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		rec, err := export.ParseRecord(s.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		c := convs[rec.Conversation]
		if c == nil {
			c = &imported{conversation: w.importConversation(rec), messages: map[parlance.MessageID]*message{}}
			convs[rec.Conversation] = c
			w.convs = append(w.convs, c.conversation)
		}
		m := w.importMessage(c, rec)
		if old := c.messages[rec.ID]; old != nil {
			*old = *m
			continue
		}
		c.messages[rec.ID] = m
		if rec.Deleted && !rec.Recalled {
			c.vanished = append(c.vanished, m)
		} else {
			c.live = append(c.live, m)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	return nil
}

// An imported is a conversation while it is read.
type imported struct {
	*conversation
	messages map[parlance.MessageID]*message // by the ids of the lines
}

func (w *world) importConversation(rec export.Record) *conversation {
	c := &conversation{world: w, id: string(rec.Conversation), kind: rec.Kind, title: rec.Title}
	switch w.platform {
	case parlance.IMKit:
		c.staff = []person{w.merchant}
	case parlance.Shopline:
		c.id = w.idOf("conversation", c.id, rec.Sent)
		c.customer.id = w.idOf("customer", string(rec.Conversation), rec.Sent)
		if rec.Kind == parlance.Order {
			c.order, c.orderID = w.idOf("number", string(rec.Conversation), rec.Sent), w.idOf("order", string(rec.Conversation), rec.Sent)
		} else {
			c.kind = parlance.Shop
		}
	case parlance.IMetaStore:
		c.kind = parlance.Shop
		if n, err := strconv.ParseInt(c.id, 10, 64); err != nil || n <= 0 || strconv.FormatInt(n, 10) != c.id {
			c.id = fmt.Sprint(1e18 + int64(digest("buyer", c.id)%8e18))
		}
	}
	return c
}

func (w *world) importMessage(c *imported, rec export.Record) *message {
	m := &message{
		conv: c.conversation, typ: rec.Type, text: rec.Text,
		sender: person{string(rec.Sender), rec.SenderName}, recalled: rec.Recalled && w.platform != parlance.Shopline,
		sent: rec.Sent, created: rec.Sent, updated: max(rec.Sent, rec.Edited), edited: rec.Edited,
	}
	m.merchant = rec.SenderRole.Side() == parlance.MerchantSide
	for _, r := range rec.Reactions {
		for _, s := range r.Senders {
			m.reactions = append(m.reactions, reaction{r.Emoji, string(s)})
		}
	}
	if len(rec.Attachments) > 0 {
		a := rec.Attachments[0]
		typ := parlance.TypeFile
		if a.Type == parlance.TypeImage || w.platform == parlance.Shopline {
			typ = parlance.TypeImage
		}
		m.typ, m.file = typ, w.newFile(typ, a.Name, rec.Sent)
	}
	if m.file == nil && (m.typ == parlance.TypeImage || m.typ == parlance.TypeFile) {
		m.typ = parlance.TypeText
	}
	if m.recalled {
		m.text, m.file, m.reactions = "", nil, nil
	}
	switch w.platform {
	case parlance.IMetaStore:
		m.seq, m.nonce = uint32(rec.Seq+1), uint32(digest("random", string(rec.Conversation), string(rec.ID)))
		at := parlance.TimeOfSeconds(m.created.Seconds())
		m.sent, m.created, m.updated = at, at, max(at, rec.Edited)
	case parlance.Shopline:
		m.sender.id = w.idOf("account", m.sender.id, 1)
		m.acting = m.sender.id
		m.id = w.idOf("message", string(rec.Conversation)+"\x00"+string(rec.ID), rec.Sent)
	default:
		m.acting = m.sender.id
		m.id = w.idOf("message", string(rec.Conversation)+"\x00"+string(rec.ID), rec.Sent)
	}
	if !m.recalled {
		m.quote(c.messages[rec.ReplyTo])
	}
	if !m.merchant {
		c.customer = m.sender
	} else if len(c.staff) == 0 {
		c.staff = []person{m.sender}
	}
	return m
}

// idOf returns the 24-digit id that stands for a name.
func (w *world) idOf(what, name string, t parlance.Time) string {
	sum := sha256.Sum256([]byte(what + "\x00" + name))
	return fmt.Sprintf("%08x%s", uint32(t.Seconds()), hex.EncodeToString(sum[:8]))
}

// digest returns a number that stands for names.
func digest(names ...string) uint64 {
	h := sha256.New()
	for _, n := range names {
		fmt.Fprintf(h, "%d:%s", len(n), n)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
