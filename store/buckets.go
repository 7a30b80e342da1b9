package store

import (
	"encoding/binary"
	"parlance"
	"parlance/store/driver"
)

// year0 is when the year 0 began, in Unix seconds, UTC.
const year0 = -62_167_219_200

// A period is the part of the timeline across conversations that one partition holds: a month, or
// a day where partitions are bounded. It counts them from the year 0.
type period uint32

func (l layout) periodOf(t parlance.Time) period {
	if l.buckets == 1 {
		return period(month.stretch(t).number)
	}
	const day = 24 * 60 * 60 // seconds
	s := min(max(t, parlance.MinTime), parlance.MaxTime).Std().Unix()
	return period((s - year0) / day)
}

func periodOfKey(k []byte) period { return period(binary.BigEndian.Uint32(k)) }

// A span of time that one partition of a kind's list holds.
type stretch struct {
	unit   unit
	number uint32 // of hours or months since the beginning of the year 0, UTC
}

// A unit is how long a stretch is.
type unit byte

const (
	hour  unit = 1
	month unit = 2
)

// hourLength is in seconds.
const hourLength = 60 * 60

// units are those that each conversation has a row in.
var units = [...]unit{hour, month}

// stretch returns the one that t lies in.
func (u unit) stretch(t parlance.Time) stretch {
	s := min(max(t, parlance.MinTime), parlance.MaxTime).Std()
	if u == month {
		return stretch{u, uint32(s.Year()*12 + int(s.Month()) - 1)}
	}
	return stretch{u, uint32((s.Unix() - year0) / hourLength)}
}

// month returns the month that an hour lies in.
func (x stretch) month() stretch {
	return month.stretch(parlance.Time((int64(x.number)*hourLength + year0) * 1000))
}

func (x stretch) key() []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(x.unit)}, x.number)
}

func stretchOfKey(k []byte) stretch {
	return stretch{unit(k[0]), binary.BigEndian.Uint32(k[1:])}
}

// kindPartition holds the conversations of a kind that were last active in a stretch, or moved on from there.
func kindPartition(ws parlance.WorkspaceID, k parlance.Kind, x stretch) driver.Partition {
	return derived("q", string(ws), string(k), string(x.key()))
}

// kindStretches holds the stretches that a kind's list has.
func kindStretches(ws parlance.WorkspaceID, k parlance.Kind) driver.Partition {
	return derived("Q", string(ws), string(k))
}

// yearOf is the year in which a conversation was made.
func yearOf(about *parlance.Conversation) uint32 {
	return uint32(min(max(about.Created, parlance.MinTime), parlance.MaxTime).Std().Year())
}

// joinedPartition holds an account's conversations that were made in a year.
func joinedPartition(ws parlance.WorkspaceID, id parlance.AccountID, year uint32) driver.Partition {
	return derived("b", string(ws), string(id), string(number4(year)))
}

// joinedYears holds the years that an account's list has.
func joinedYears(ws parlance.WorkspaceID, id parlance.AccountID) driver.Partition {
	return derived("B", string(ws), string(id))
}
