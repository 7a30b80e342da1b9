package imkit

import (
	"sync"
	"time"

	"parlance"
)

// A growth holds back accounts that make the store write much with requests that are small: a change of a message writes
// the whole of it anew. Each account may write [parlance.MaxGrowth] bytes so at once, and then [parlance.GrowthPerSecond].
type growth struct {
	mu sync.Mutex
	by map[grower]grown
}

type grower struct {
	workspace parlance.WorkspaceID
	account   parlance.AccountID
}

// A grown is what an account has written, as of a time; it becomes less as time passes.
type grown struct {
	bytes int64
	at    time.Time
}

// maxGrowers is how many accounts are remembered before those are forgotten that may write all again.
const maxGrowers = 10_000

var errGrowth = parlance.Errorf(parlance.Limited, "too many changes of large messages")

// allow counts n bytes for an account; an error of kind Limited if that is more than it may write now. A message that is larger
// than all that may be written at once can be changed while nothing else was.
func (g *growth) allow(ws parlance.WorkspaceID, account parlance.AccountID, n int, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := grower{ws, account}
	x := g.by[who].asOf(now)
	if x.bytes > 0 && x.bytes+int64(n) > parlance.MaxGrowth {
		return errGrowth
	}
	if g.by == nil {
		g.by = map[grower]grown{}
	}
	if len(g.by) >= maxGrowers {
		for other, y := range g.by {
			if y.asOf(now).bytes == 0 {
				delete(g.by, other)
			}
		}
	}
	if len(g.by) >= maxGrowers {
		clear(g.by) // so many at once aren't one account that is to be held back
	}
	g.by[who] = grown{x.bytes + int64(n), now}
	return nil
}

func (x grown) asOf(now time.Time) grown {
	if passed := now.Sub(x.at); passed > 0 {
		x.bytes = max(0, x.bytes-int64(passed.Seconds()*parlance.GrowthPerSecond))
	}
	return x
}

// mayGrow counts a new version of message for m's caller.
func (s *Server) mayGrow(m *room, message *parlance.Message) error {
	return s.growth.allow(m.workspace, m.account, sizeOf(message), s.store.Now().Std())
}

// sizeOf returns how many bytes a message has, roughly.
func sizeOf(m *parlance.Message) int {
	n := 256 + len(m.Text) + len(m.Native.JSON) + len(m.SenderName) + len(m.Sticker)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		n += 32 + len(a.URL) + len(a.Thumb) + len(a.Name) + len(a.MIME)
	}
	for i := range m.Mentions {
		n += 8 + len(m.Mentions[i])
	}
	for i := range m.Reactions {
		n += 8 + len(m.Reactions[i].Emoji) + len(m.Reactions[i].Account)
	}
	return n
}
