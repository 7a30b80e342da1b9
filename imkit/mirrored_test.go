package imkit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"parlance"
)

// plain is a message as the platform writes one, with fields put in or replaced.
func plain(fields string) []byte {
	o, err := parseObject([]byte(`{"_id":"5f890cf37d980e06f6aaf349","room":"r","sender":{"_id":"ann","nickname":"Ann","lastLoginTimeMS":1588744338369},` +
		`"messageType":"text","message":"hi","messageTimeMS":1602817267923,"createdAtMS":1602817267925,"updatedAtMS":1602817267926}`))
	if err != nil {
		panic(err)
	}
	more, err := parseObject([]byte("{" + fields + "}"))
	if err != nil {
		panic(err)
	}
	for _, f := range more {
		o.set(f.name, f.value)
	}
	return o.append(nil)
}

func TestMirroredMessages(t *testing.T) {
	for name, c := range map[string]struct {
		fields string
		holds  func(x *mirrored) bool
	}{
		"times": {``, func(x *mirrored) bool {
			return x.message.Sent == 1602817267923 && x.message.Created == 1602817267925 && x.message.Updated == 1602817267926
		}},
		"sender": {``, func(x *mirrored) bool {
			return x.message.Sender == "ann" && x.message.SenderName == "Ann" && x.sender.LastLogin == 1588744338369
		}},
		"sender's id": {`"sender":"ben"`, func(x *mirrored) bool { return x.message.Sender == "ben" && x.sender == nil }},
		"no sender": {`"sender":null`, func(x *mirrored) bool {
			return x.message.Sender == unknownSender && x.orphaned && len(x.message.Synthetic) == 1
		}},
		"recall": {`"messageType":"recall","message":""`, func(x *mirrored) bool {
			return x.message.State == parlance.Recalled && x.message.Sent == 1602817267923 && x.message.Removed == 1602817267926
		}},
		"edit": {`"editedAt":"2020-10-16T03:01:07.926Z"`, func(x *mirrored) bool { return x.message.Edited == 1602817267926 }},
		"reactions": {`"reactions":[{"client":"ben","reaction":"👍"},{"client":{"_id":"eve"},"reaction":"+"},7]`, func(x *mirrored) bool {
			return len(x.message.Reactions) == 2 && x.message.Reactions[1].Account == "eve"
		}},
		"reply's id": {`"reply":"m1"`, func(x *mirrored) bool { return x.message.Reply == "m1" }},
		"reply":      {`"reply":{"_id":"m1","message":"x"}`, func(x *mirrored) bool { return x.message.Reply == "m1" }},
		"mentions":   {`"mentions":["ben",5,{"id":"eve"}]`, func(x *mirrored) bool { return len(x.message.Mentions) == 2 }},
		"image": {`"messageType":"image","images":[{"originalUrl":"https://x/a","width":2}]`, func(x *mirrored) bool {
			return x.message.Type == parlance.TypeImage && x.message.Attachments[0].Width == 2
		}},
		"file":         {`"messageType":"file","originalUrl":"https://x/a","extra":"{\"fileName\":\"a\",\"fileExtension\":\"pdf\",\"bytes\":9007199254740993}"`, func(x *mirrored) bool { return x.message.Attachments[0].Name == "a.pdf" }},
		"system":       {`"messageType":"addMember","member":{"_id":"eve"}`, func(x *mirrored) bool { return x.message.Type == parlance.TypeSystem }},
		"unknown type": {`"messageType":"hologram"`, func(x *mirrored) bool { return x.message.Type == parlance.TypeCustom }},
		"number text":  {`"message":1111234`, func(x *mirrored) bool { return x.message.Text == "1111234" }},
		"exact number": {`"createdAtMS":1602817267923.0,"updatedAtMS":1.602817267923e12`, func(x *mirrored) bool {
			return x.message.Created == 1602817267923 && x.message.Updated == 1602817267923
		}},
		"ISO alone": {`"createdAtMS":null,"createdAt":"2020-10-16T03:01:07.925Z"`, func(x *mirrored) bool { return x.message.Created == 1602817267925 }},
		"seconds":   {`"createdAtMS":1602817267`, func(x *mirrored) bool { return x.message.Created == 1602817267000 && x.seconds }},
	} {
		raw := plain(c.fields)
		x, err := mirror(raw, "r")
		if err != nil || !c.holds(&x) {
			t.Errorf("%s: %+v, %v", name, x.message, err)
		}
		if !bytes.Equal(x.message.Native.JSON, raw) {
			t.Errorf("%s: kept as %s", name, x.message.Native.JSON)
		}
	}
	for _, bad := range []string{
		`"_id":"","id":7`, `"room":"other"`, `"createdAtMS":5`, `"updatedAtMS":1e15`, `"messageTimeMS":{}`, `"sender":{}`, `"sender":7`, `"messageType":7`,
		`"createdAtMS":null,"updatedAtMS":null,"messageTimeMS":0`,
	} {
		if x, err := mirror(plain(bad), "r"); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%s: %+v, %v", bad, x.message, err)
		}
	}
}

func TestSameMessage(t *testing.T) {
	read := func(fields string) *parlance.Message {
		x, err := mirror(plain(fields), "r")
		if err != nil {
			t.Fatal(err)
		}
		return &x.message
	}
	quoting := `"reply":{"_id":"m","message":"a","messageType":"text","sender":{"_id":"x","nickname":"X"},"updatedAtMS":1}`
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{``, ``, true},
		{``, `"sender":{"_id":"ann","nickname":"Anna","avatarUrl":"https://x","lastLoginTimeMS":1700000000000}`, true},
		{``, `"sender":"ann"`, true},
		{``, `"isDeleted":true`, true},
		{quoting, strings.ReplaceAll(quoting, `"X"`, `"Y"`), true},
		{quoting, strings.ReplaceAll(quoting, `"a"`, `"b"`), false},
		{``, `"sender":"ben"`, false},
		{``, `"message":"ho"`, false},
		{``, `"updatedAtMS":1602817267927`, false},
		{``, `"extra":{"a":1}`, false},
		{`"extra":{"a":9007199254740992}`, `"extra":{"a":9007199254740993}`, false},
	} {
		if got := SameMessage(read(c.a), read(c.b)); got != c.same {
			t.Errorf("{%s} and {%s} are the same: %v", c.a, c.b, got)
		}
	}
}

// Whatever a row is, it is read or refused, and what is read is kept as it came and can be compared.
func FuzzMirror(f *testing.F) {
	for _, fields := range []string{``, `"reply":{"reply":{}}`, `"sender":null`, `"images":[{}]`, `"createdAtMS":1e999999999`, `"extra":"{"`} {
		f.Add(plain(fields))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if room, err := readRoom(raw); err == nil {
			streamOf(&room)
		}
		if _, err := readMessage(raw); err == nil && !json.Valid(raw) {
			t.Error("read what is no JSON")
		}
		x, err := mirror(raw, "r")
		if err != nil {
			if parlance.KindOf(err) != parlance.Invalid {
				t.Errorf("%v", err)
			}
			return
		}
		m := &x.message
		if parlance.CheckID("id", m.ID) != nil || parlance.CheckID("sender", m.Sender) != nil || m.Created < leastMillis || m.Updated > parlance.MaxTime {
			t.Errorf("%+v can't be stored", m)
		}
		if !json.Valid(m.Native.JSON) || !SameMessage(m, m) {
			t.Errorf("kept as %s", m.Native.JSON)
		}
	})
}
