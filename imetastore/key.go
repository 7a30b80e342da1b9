package imetastore

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"parlance"
)

// MessageIDOf returns the id of a message that the platform has. Ids of one second
// order by (seq, random, from, to), which together with the second is all that tells
// the platform's messages apart. The second, in Unix seconds, ends the id: seq and random may come
// again in another one.
func MessageIDOf(sec int64, seq, random uint32, from, to string) parlance.MessageID {
	return parlance.MessageID(idPrefix(seq, random) + from + "_" + to + "_" + strconv.FormatInt(sec, 10))
}

// idPrefix begins the ids of all messages of this seq and random.
func idPrefix(seq, random uint32) string { return fmt.Sprintf("%010d_%010d_", seq, random) }

// prefixLen is the length of an idPrefix.
const prefixLen = 22

// splitID returns the seq and random that id begins with, if it is one of MessageIDOf.
func splitID(id parlance.MessageID) (seq, random uint32, ok bool) {
	if len(id) <= prefixLen || id[10] != '_' || id[21] != '_' {
		return 0, 0, false
	}
	seq, ok1 := parseUint32(string(id[:10]))
	random, ok2 := parseUint32(string(id[11:21]))
	return seq, random, ok1 && ok2
}

func parseUint32(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// maxKey is the longest key in bytes that can be one of ours.
const maxKey = 2048

// text64 is how ids are written in keys.
var text64 = base64.RawURLEncoding.Strict()

// formatKey returns the key of the message at p, whose seq and random are as given.
// It holds the whole of p, so it works when the message is gone.
//
// iMetaStore paging, long key: for every position.
func formatKey(p parlance.Position, seq, random uint32) string {
	sec := p.Time.Seconds()
	k := fmt.Sprintf("%s_%d.%s", shortKey(sec, seq, random), int64(p.Time)-sec*1000, text64.EncodeToString([]byte(p.ID)))
	if p.Conversation != "" {
		k += "." + text64.EncodeToString([]byte(p.Conversation))
	}
	return k
}

// shortKey returns the platform's own form of a key: it stands below every message of
// this second, seq and random.
//
// iMetaStore paging, short key: between whole groups of seq and random.
func shortKey(sec int64, seq, random uint32) string {
	return fmt.Sprintf("%d_%d_%d", seq, random, sec)
}

// parseKey returns the position that a key names: what is older lies strictly below it.
//
// iMetaStore paging, unknown key: reported as not ok, never as an error.
func parseKey(key string) (p parlance.Position, ok bool) {
	if len(key) > maxKey {
		return p, false
	}
	head, ids, long := strings.Cut(key, ".")
	parts := strings.Split(head, "_")
	if long != (len(parts) == 4) || len(parts) < 3 || len(parts) > 4 {
		return p, false
	}
	seq, ok1 := parseUint32(parts[0])
	random, ok2 := parseUint32(parts[1])
	sec, err := parseInteger(parts[2])
	if !ok1 || !ok2 || err != nil || sec < parlance.MinTime.Seconds() || sec > parlance.MaxTime.Seconds() {
		return p, false
	}
	p.Time = parlance.TimeOfSeconds(sec)
	if !long {
		p.ID = parlance.MessageID(idPrefix(seq, random))
		return p, true
	}
	ms, ok := parseUint32(parts[3])
	if !ok || ms > 999 {
		return p, false
	}
	p.Time += parlance.Time(ms)
	id, conversation, across := strings.Cut(ids, ".")
	if p.ID, ok = decodeID[parlance.MessageID](id); !ok {
		return p, false
	}
	if across {
		p.Conversation, ok = decodeID[parlance.ConversationID](conversation)
	}
	return p, ok
}

func decodeID[ID ~string](s string) (ID, bool) {
	b, err := text64.DecodeString(s)
	return ID(b), err == nil && parlance.CheckID("id", ID(b)) == nil
}

// inConversation turns a position across conversations into the same one inside one of them: a
// message of its time and id lies below it or not by its conversation.
func inConversation(p parlance.Position, id parlance.ConversationID) parlance.Position {
	c := p.Conversation
	p.Conversation = ""
	if c != "" && id < c {
		return *p.Next()
	}
	return p
}

// smallestMillis is the least number that is taken for milliseconds: as seconds it would be
// the year 5138, and as milliseconds it is 1973.
const smallestMillis = 100_000_000_000

// secondOf returns the second that a time on the wire means, which may be in
// milliseconds; they are rounded down.
//
// iMetaStore paging, units: told by size.
func secondOf(v Integer) int64 {
	n := int64(v)
	if n > -smallestMillis && n < smallestMillis {
		return n
	}
	if n == math.MinInt64 {
		n++ // its second is the same
	}
	return parlance.Time(n).Seconds()
}
