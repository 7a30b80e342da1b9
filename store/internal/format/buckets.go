package format

import (
	"encoding/binary"

	"parlance"
	"parlance/store/driver"
)

// year0 is when the year 0 began, in Unix seconds, UTC.
const year0 = -62_167_219_200

// A Period is the part of the timeline across conversations that one partition holds: a month, or
// a day where partitions are bounded. It counts them from the year 0.
type Period uint32

// PeriodOf returns the period that t lies in.
func (l Layout) PeriodOf(t parlance.Time) Period {
	if l.Buckets == 1 {
		return Period(Month.Bucket(t).Number)
	}
	const day = 24 * 60 * 60 // seconds
	s := min(max(t, parlance.MinTime), parlance.MaxTime).Std().Unix()
	return Period((s - year0) / day)
}

// PeriodOfKey reads the key of a row that leads to a period.
func PeriodOfKey(k []byte) (Period, error) {
	n, err := number4Of(k)
	return Period(n), err
}

// number4Of reads what Number4 made.
func number4Of(k []byte) (uint32, error) {
	if len(k) != 4 {
		return 0, ErrRecord
	}
	return binary.BigEndian.Uint32(k), nil
}

// A TimeBucket is the time that one partition of a kind's list holds.
type TimeBucket struct {
	Unit   BucketUnit
	Number uint32 // of hours or months since the beginning of the year 0, UTC
}

// A BucketUnit is how long a bucket is.
type BucketUnit byte

const (
	Hour  BucketUnit = 1
	Month BucketUnit = 2
)

// hourLength is in seconds.
const hourLength = 60 * 60

// Units are those that each conversation has a row in.
var Units = [...]BucketUnit{Hour, Month}

// Bucket returns the one that t lies in.
func (u BucketUnit) Bucket(t parlance.Time) TimeBucket {
	s := min(max(t, parlance.MinTime), parlance.MaxTime).Std()
	if u == Month {
		return TimeBucket{u, uint32(s.Year()*12 + int(s.Month()) - 1)}
	}
	return TimeBucket{u, uint32((s.Unix() - year0) / hourLength)}
}

// Month returns the month that an hour lies in.
func (x TimeBucket) Month() TimeBucket {
	return Month.Bucket(parlance.Time((int64(x.Number)*hourLength + year0) * 1000))
}

// Key orders by unit, then by time.
func (x TimeBucket) Key() []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(x.Unit)}, x.Number)
}

// BucketOfKey reads what Key made.
func BucketOfKey(k []byte) (TimeBucket, error) {
	if len(k) == 0 {
		return TimeBucket{}, ErrRecord
	}
	n, err := number4Of(k[1:])
	return TimeBucket{BucketUnit(k[0]), n}, err
}

// KindPartition holds the conversations of a kind that were last active in a bucket, or moved on from there.
func KindPartition(ws parlance.WorkspaceID, k parlance.Kind, x TimeBucket) driver.Partition {
	return Derived("q", string(ws), string(k), string(x.Key()))
}

// KindBuckets holds the buckets that a kind's list has.
func KindBuckets(ws parlance.WorkspaceID, k parlance.Kind) driver.Partition {
	return Derived("Q", string(ws), string(k))
}

// YearOf is the year in which a conversation was made.
func YearOf(about *parlance.Conversation) uint32 {
	return uint32(min(max(about.Created, parlance.MinTime), parlance.MaxTime).Std().Year())
}

// YearOfKey reads the key of a row that leads to a year of an account's list.
func YearOfKey(k []byte) (uint32, error) { return number4Of(k) }

// JoinedPartition holds an account's conversations that were made in a year.
func JoinedPartition(ws parlance.WorkspaceID, id parlance.AccountID, year uint32) driver.Partition {
	return Derived("b", string(ws), string(id), string(Number4(year)))
}

// JoinedYears holds the years that an account's list has.
func JoinedYears(ws parlance.WorkspaceID, id parlance.AccountID) driver.Partition {
	return Derived("B", string(ws), string(id))
}
