package store

import (
	"fmt"
	"slices"

	"parlance"
	"parlance/store/driver"
)

// day is how far ahead of our clock a platform may date a message before we no
// longer stamp our own messages above it.
const day = 24 * 60 * 60 * 1000

// observe keeps the highest times in mind that e brings.
func observe(t *tail, e, before *Entry) {
	m := &e.Message
	if before == nil || m.Created != before.Message.Created {
		if e.Number == 1 || m.Created > t.lastCreated+1 {
			t.runStart = m.Created
		}
		if e.Number == 1 || m.Created > t.lastCreated {
			t.lastCreated = m.Created
		}
	}
	t.highID = max(t.highID, m.ID)
	if e.origin != Send {
		return
	}
	if before == nil {
		t.lastStamp = max(t.lastStamp, m.Created)
	}
	// A change of a message that its source dated far ahead must not pull along all that
	// is written here from then on.
	if m.Updated <= max(t.lastStamp, e.Learned+day)+1 {
		t.lastStamp = max(t.lastStamp, m.Updated)
	}
}

// stamp returns the time of something that is written here now.
func (a *appender) stamp() parlance.Time {
	last := a.next.lastStamp
	if a.next.number > 0 && a.next.lastCreated <= a.now+day {
		last = max(last, a.next.lastCreated)
	}
	if last != 0 {
		return max(a.now, last+1)
	}
	return a.now
}

// stampMessage gives a message that was put the times that its mode asks for.
func (a *appender) stampMessage(m *parlance.Message, mode Mode, current *Entry) error {
	switch mode {
	case Send:
		m.Created = a.stamp()
		m.Updated = m.Created
		if m.Sent == 0 {
			m.Sent = m.Created
		}
		return nil
	case Import:
		if current != nil && current.Message.Sent == m.Sent {
			m.Created = current.Message.Created
		} else {
			free, err := a.freeTime(m.Sent)
			if err != nil {
				return err
			}
			m.Created = free
		}
		m.Updated = max(m.Updated, m.Created)
	case Mirror:
		if m.Created == 0 {
			m.Created = m.Sent
		}
		if m.Sent == 0 {
			m.Sent = m.Created
		}
		if m.Updated == 0 {
			m.Updated = m.Created
		}
	}
	return nil
}

// stampChange gives a changed message its time, and marks its native form as
// outdated, where the change did neither itself.
func (a *appender) stampChange(m, before *parlance.Message) {
	m.ID, m.Created = before.ID, before.Created
	if m.State != before.State && m.State != parlance.Live && m.Removed == 0 {
		m.Removed = a.stamp()
	}
	if m.Native.JSON != nil && !m.Native.Stale && slices.Equal(m.Native.JSON, before.Native.JSON) && !sameContent(m, before) {
		m.Native.Stale = true
	}
	if m.Updated == before.Updated && !sameContent(m, before) {
		last := before.Updated
		// Above all others too, so that a walk back in time which has begun finds it above its start.
		if high := a.line(timeline(parlance.ByUpdated)).high; high != "" && timeOfKey([]byte(high)) <= a.now+day {
			last = max(last, timeOfKey([]byte(high)))
		}
		m.Updated = min(max(a.stamp(), last+1), parlance.MaxTime)
	}
}

func sameContent(a, b *parlance.Message) bool {
	return slices.Equal(encodeMessage(a), encodeMessage(b))
}

// clone returns a copy of m whose slices may be changed.
func clone(m *parlance.Message) parlance.Message {
	c := *m
	c.Attachments = slices.Clone(m.Attachments)
	c.Mentions = slices.Clone(m.Mentions)
	c.Reactions = slices.Clone(m.Reactions)
	c.Synthetic = slices.Clone(m.Synthetic)
	c.Native.JSON = slices.Clone(m.Native.JSON)
	if m.Location != nil {
		l := *m.Location
		c.Location = &l
	}
	return c
}

// freeTime returns the first millisecond from sent on that is no message's Created.
func (a *appender) freeTime(sent parlance.Time) (parlance.Time, error) {
	if a.next.number == 0 || sent > a.next.lastCreated {
		return sent, nil
	}
	if sent >= a.next.runStart {
		return a.next.lastCreated + 1, nil
	}
	// An older message comes late: look where its time stands in the timeline.
	if _, err := a.closed(timeline(parlance.ByCreated)); err != nil {
		return 0, err
	}
	for _, e := range a.entries[a.noted:] {
		a.taken[e.Message.Created] = true
	}
	a.noted = len(a.entries)
	free, taken := sent, a.taken
	from := driver.Range{From: timeKey(sent)}
	line := &a.next.lines[parlance.ByCreated]
	for _, sp := range line.above(string(from.From)) {
		for row, err := range a.s.engine.Scan(a.ctx, timelinePartition(a.c.ref, timeline(parlance.ByCreated), sp.id), from) {
			if err != nil {
				return 0, fmt.Errorf("look for a free time: %w", err)
			}
			for taken[free] {
				free++
			}
			if t := timeOfKey(row.Key); t > free {
				return free, nil
			} else if t == free {
				free++
			}
		}
	}
	for taken[free] {
		free++
	}
	return free, nil
}
