package demoshop

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"

	"parlance"
)

const (
	second = parlance.Time(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// span is how far back the demo's conversations go.
const span = 21 * day

// A composer makes messages. The same seed and time make the same ones.
type composer struct {
	rand *rand.Rand
	now  parlance.Time
}

// newComposer returns a composer whose messages lie before now.
func newComposer(now parlance.Time) *composer {
	return &composer{rand: rand.New(rand.NewPCG(20201015, 5)), now: now}
}

// A thread is the messages of one conversation in their order, and those that were changed.
type thread struct {
	messages []parlance.Message
	changes  []parlance.Message
}

// A cast is who speaks in a dialogue, and what fills its gaps.
type cast struct {
	customer, agent person
	product, order  string
}

// id returns an id in the form of the platforms: its first eight digits are the second of t.
func (c *composer) id(t parlance.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(t.Seconds()))
	binary.BigEndian.PutUint64(b[4:], c.rand.Uint64())
	return hex.EncodeToString(b[:])
}

// pause returns a length between two lines of a chat: mostly half a minute, at times an hour.
func (c *composer) pause() parlance.Time {
	if c.rand.IntN(8) == 0 {
		return 10*minute + parlance.Time(c.rand.Int64N(int64(50*minute)))
	}
	return 8*second + parlance.Time(c.rand.Int64N(int64(2*minute)))
}

// begin returns when a dialogue of n lines begins so that all of it, later changes
// included, lies between from and now.
func (c *composer) begin(from parlance.Time, n int) parlance.Time {
	latest := c.now - parlance.Time(n+2)*hour
	if latest <= from {
		return from
	}
	return from + parlance.Time(c.rand.Int64N(int64(latest-from)))
}

// play adds a dialogue to t, from the time at on.
func (c *composer) play(t *thread, d dialogue, with cast, at parlance.Time) {
	first := len(t.messages)
	for _, l := range d {
		at += c.pause()
		m := parlance.Message{Sender: with.customer.id, SenderName: with.customer.name, Role: parlance.Customer}
		other := with.agent
		switch l.by {
		case agent:
			m.Sender, m.SenderName, m.Role = with.agent.id, with.agent.name, parlance.Agent
			other = with.customer
		case bot:
			m.Sender, m.SenderName, m.Role = shopBot.id, shopBot.name, parlance.Bot
			at = at - c.pause()/16 // bots are quick
		}
		fill := strings.NewReplacer("{p}", with.product, "{o}", with.order, "{n}", with.customer.name)
		c.add(t, l, m, other, fill.Replace, at, first)
	}
}

// add adds one line as a message like m at the time at, and what became of it. Replies reach
// back to the message first at most.
func (c *composer) add(t *thread, l line, m parlance.Message, other person, fill func(string) string, at parlance.Time, first int) {
	if n := len(t.messages); n > 0 {
		at = max(at, t.messages[n-1].Created+second)
	}
	m.ID = parlance.MessageID(c.id(at))
	m.Type, m.Text = l.kind, fill(l.text)
	if m.Type == "" {
		m.Type = parlance.TypeText
	}
	m.Sent, m.Created, m.Updated = at-parlance.Time(c.rand.Int64N(400)), at, at
	if l.file != "" {
		m.Attachments = []parlance.Attachment{attachment(m.Type, m.ID, l.file)}
	}
	if i := len(t.messages) - l.reply; l.reply > 0 && i >= first {
		m.Reply = t.messages[i].ID
	}

	later := m
	changed := at
	if l.was != "" {
		m.Text = fill(l.was)
		changed += 40 * second
		later.Edited = changed
	}
	if l.react != "" {
		changed += 70 * second
		later.Reactions = []parlance.Reaction{{Emoji: l.react, Account: other.id}}
	}
	if l.taken {
		changed += 20 * second
		later.State, later.Removed = parlance.Recalled, changed
	}
	t.messages = append(t.messages, m)
	if changed != at {
		later.Updated = changed
		t.changes = append(t.changes, later)
	}
}

// attachment returns what is known of a file. Nothing is behind its address.
func attachment(kind parlance.Type, id parlance.MessageID, name string) parlance.Attachment {
	a := parlance.Attachment{Type: kind, Name: name, URL: fmt.Sprintf("https://shop.example/media/%s%s", id, path.Ext(name)), HasSize: true}
	switch kind {
	case parlance.TypeImage:
		a.MIME, a.Size, a.Width, a.Height = "image/jpeg", 284_113, 1600, 1200
		a.Thumb = fmt.Sprintf("https://shop.example/media/%s-small.jpg", id)
	case parlance.TypeVideo:
		a.MIME, a.Size, a.Width, a.Height, a.Duration = "video/mp4", 2_406_912, 1280, 720, 11_000
	default:
		a.MIME, a.Size = "application/octet-stream", 48_204
		if path.Ext(name) == ".pdf" {
			a.MIME = "application/pdf"
		}
	}
	return a
}

// orderNumber returns a number for an order that was made at t.
func (c *composer) orderNumber(t parlance.Time) string {
	return t.Std().Format("20060102") + fmt.Sprintf("%08d", c.rand.IntN(100_000_000))
}
