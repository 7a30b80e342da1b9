package store

import (
	"fmt"
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// day is how far ahead of our clock a platform may date a message before we no
// longer stamp our own messages above it.
const day = 24 * 60 * 60 * 1000

// observe keeps the highest times in mind that e brings.
func observe(t *format.Head, e, before *Entry) {
	m := &e.Message
	if before == nil || m.Created != before.Message.Created {
		if e.Number == 1 || m.Created > t.LastCreated+1 {
			t.RunStart = m.Created
		}
		if e.Number == 1 || m.Created > t.LastCreated {
			t.LastCreated = m.Created
		}
	}
	t.HighID = max(t.HighID, m.ID)
	if e.Origin != Send {
		return
	}
	if before == nil {
		t.LastStamp = max(t.LastStamp, m.Created)
	}
	// A change of a message that its source dated far ahead must not pull along all that
	// is written here from then on.
	if m.Updated <= max(t.LastStamp, e.Learned+day)+1 {
		t.LastStamp = max(t.LastStamp, m.Updated)
	}
}

// nextTimestamp returns the time of something that is written here now.
func (a *appender) nextTimestamp() parlance.Time {
	last := a.next.LastStamp
	if a.next.Number > 0 && a.next.LastCreated <= a.now+day {
		last = max(last, a.next.LastCreated)
	}
	if last != 0 {
		return max(a.now, last+1)
	}
	return a.now
}

// assignTimes gives a message that was put the times that its mode asks for.
func (a *appender) assignTimes(m *parlance.Message, mode Mode, current *Entry) error {
	switch mode {
	case Send:
		m.Created = a.nextTimestamp()
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

// assignChangeTimes gives a changed message its time, and marks its native form as
// outdated, where the change did neither itself.
func (a *appender) assignChangeTimes(m, before *parlance.Message) {
	m.ID, m.Created = before.ID, before.Created
	if m.State != before.State && m.State != parlance.Live && m.Removed == 0 {
		m.Removed = a.nextTimestamp()
	}
	if m.Native.JSON != nil && !m.Native.Stale && slices.Equal(m.Native.JSON, before.Native.JSON) && !sameContent(m, before) {
		m.Native.Stale = true
	}
	if m.Updated == before.Updated && !sameContent(m, before) {
		last := before.Updated
		// Above all others too, so that a walk back in time which has begun finds it above its start.
		if high := a.timeline(format.TimelineID(parlance.ByUpdated)).High; high != "" && format.TimeOfKey([]byte(high)) <= a.now+day {
			last = max(last, format.TimeOfKey([]byte(high)))
		}
		m.Updated = min(max(a.nextTimestamp(), last+1), parlance.MaxTime)
	}
}

func sameContent(a, b *parlance.Message) bool {
	return slices.Equal(format.EncodeMessage(a), format.EncodeMessage(b))
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
	if a.next.Number == 0 || sent > a.next.LastCreated {
		return sent, nil
	}
	if sent >= a.next.RunStart {
		return a.next.LastCreated + 1, nil
	}
	// An older message comes late: look where its time stands in the timeline.
	if _, err := a.closed(format.TimelineID(parlance.ByCreated)); err != nil {
		return 0, err
	}
	for _, e := range a.entries[a.noted:] {
		a.taken[e.Message.Created] = true
	}
	a.noted = len(a.entries)
	free, taken := sent, a.taken
	from := driver.Range{From: format.TimeKey(sent)}
	line := &a.next.Timelines[parlance.ByCreated]
	for _, sp := range line.Above(string(from.From)) {
		for row, err := range a.s.engine.Scan(a.ctx, format.TimelinePartition(a.c.ref, format.TimelineID(parlance.ByCreated), sp.ID), from) {
			if err != nil {
				return 0, fmt.Errorf("look for a free time: %w", err)
			}
			if len(row.Key) < 8 {
				return 0, a.s.corrupt(format.ErrRecord, "a timeline of conversation %s", a.c.ref)
			}
			for taken[free] {
				free++
			}
			if t := format.TimeOfKey(row.Key); t > free {
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
