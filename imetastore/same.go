package imetastore

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// Same reports whether the platform says the same in a message that was read again as in the one that is stored. Both are
// mirrored messages of the same id. What was changed here since doesn't count. The text of msgDateTime, a msgKey, and the five fields that make the id, which
// may be written in another way, don't either; all else does.
//
// iMetaStore mirror, revisions: what counts as one.
func (s *Source) Same(old, new *parlance.Message) bool {
	if bytes.Equal(old.Native.JSON, new.Native.JSON) {
		return true
	}
	a, errA := said(old.Native.JSON)
	b, errB := said(new.Native.JSON)
	return errA == nil && errB == nil && slices.Equal(a, b)
}

// unsaid are the members of an item that say nothing by their text.
var unsaid = []string{"fromAccount", "toAccount", "msgTimestamp", "msgSeq", "msgRandom", "msgDateTime", "msgKey"}

// said returns what an item says, a line for each member, in a form that doesn't depend on how it is written.
func said(item []byte) ([]string, error) {
	o, err := splitObject(item, loose)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range unsaid {
		if i := o.index(name); i >= 0 {
			o = slices.Delete(o, i, i+1)
		}
	}
	body := o.index("msgBody")
	for i, m := range o {
		if i == body {
			lines = append(lines, saidBody(m.value)...)
			continue
		}
		lines = append(lines, m.name+" "+plain(m.value))
	}
	slices.Sort(lines)
	return lines, nil
}

// saidBody returns what a body says: an element is the same as an array of it, and content the same as the text that holds it.
func saidBody(body jsontext.Value) []string {
	var lines []string
	for i, e := range readBody(body) {
		if e.MsgType == "" {
			return []string{"msgBody " + plain(body)} // not understood: as it is
		}
		content := string(e.MsgContent)
		if v := jsontext.Value(content); v.IsValid(loose) {
			content = plain(v)
		}
		lines = append(lines, "msgBody "+strconv.Itoa(i)+" "+e.MsgType+" "+content)
	}
	return lines
}

// plain returns a value without blanks, in one order of names and one way of escaping. Numbers stay as they are.
func plain(v jsontext.Value) string {
	v = v.Clone()
	if v.Format(loose, jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(false), jsontext.CanonicalizeRawInts(false)) != nil {
		return strings.TrimSpace(string(v))
	}
	return string(v)
}
