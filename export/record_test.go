package export_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/export"
)

const plain = `{"conversation":"c","conversation_kind":"room","title":"t","id":"m","sender":"s","sender_name":"S",` +
	`"sender_role":"member","sent_at":"2020-01-02T03:04:05.678Z","type":"text","text":"hi","edited_at":null,` +
	`"deleted":false,"reactions":[],"reply_to":null,"synthetic":[],"seq":0}`

func TestParseRecordSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"id":"m"`, `"id":5`, "id: want a string"},
		{`"id":"m",`, ``, "id is empty"},
		{`"id":"m"`, `"id":null`, "id is empty"},
		{`"id":"m"`, `"id":"` + strings.Repeat("x", 513) + `"`, "id is 513 bytes long, at most 512 are allowed"},
		{`"id":"m"`, `"id":"\u0000"`, "id holds a NUL character"},
		{`"id":"m"`, `"id":"m","id":"m"`, "id: given twice"},
		{`"conversation":"c",`, ``, "conversation is empty"},
		{`"room"`, `"lobby"`, "conversation_kind: want room, direct, shop or order"},
		{`2020-01-02T03:04:05.678Z`, `yesterday`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`"2020-01-02T03:04:05.678Z"`, `1577934245678`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`2020-01-02`, `0000-01-02`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`2020-01-02`, `2020-02-30`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`"sent_at":"2020-01-02T03:04:05.678Z",`, ``, "sent_at is missing"},
		{`"2020-01-02T03:04:05.678Z"`, `null`, "sent_at is missing"},
		{`"edited_at":null`, `"edited_at":""`, "edited_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`"deleted":false`, `"deleted":"no"`, "deleted: want true or false"},
		{`"reactions":[]`, `"reactions":{}`, "reactions: want a list"},
		{`"reactions":[]`, `"reactions":[{"emoji":1}]`, "reactions/0/emoji: want a string"},
		{`"reactions":[]`, `"reactions":["x"]`, "reactions/0: want an object"},
		{`"type":"text"`, `"type":""`, "type is missing"},
		{`"seq":0`, `"seq":"0"`, "seq: want a whole number"},
		{`"seq":0`, `"seq":1.5`, "seq: want a whole number"},
		{`"seq":0`, `"seq":-2`, "seq: want 0 to 4294967294"},
		{`"seq":0`, `"seq":4294967295`, "seq: want 0 to 4294967294"},
		{plain, ``, "not JSON: it ends too early"},
		{plain, `[]`, "want an object"},
		{`"seq":0`, `"seq":0,,`, "not JSON near byte 273"},
		{`"seq":0}`, `"seq":0`, "not JSON: it ends too early"},
		{`"id":"m"`, "\"id\":\"\xff\"", "id: not UTF-8"},
		{`"id":"m"`, `"id":"\ud800"`, "id: not UTF-8"},
		{`"sender":"s"`, `"sender":"a\udfff"`, "sender: not UTF-8"},
		{`"seq":0`, "\"\x1b[2J\":1,\"\x1b[2J\":2", "not JSON near byte 266"},
		{`"seq":0`, `"\u001b[2J":1,"\u001b[2J":2`, "\ufffd[2J: given twice"},
		{`2020-01-02T03:04:05.678Z`, `2020-01-02T03:04:60Z`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`2020-01-02T03:04:05.678Z`, `2020-01-02T23:59:61Z`, "sent_at: want a time as RFC 3339, in the years 1 to 9999"},
		{`"reactions":[]`, `"reactions":[` + strings.Repeat("{},", 10_000) + `{}]`, "reactions: more than 10000"},
		{`"reactions":[]`, `"reactions":[{"senders":["a"` + strings.Repeat(`,"a"`, 5000) + `]},{"senders":["a"` + strings.Repeat(`,"a"`, 5000) + `]}]`, "reactions: more than 10000"},
		{`"seq":0`, `"seq":0,"attachments":[` + strings.Repeat("{},", 1000) + `{}]`, "attachments: more than 1000"},
		{`"title":"t"`, `"title":"` + strings.Repeat("x", 1<<20+1) + `"`, "title: longer than 1048576 bytes"},
	} {
		_, err := export.ParseRecord([]byte(strings.Replace(plain, c.old, c.new, 1)))
		if err == nil || !errors.Is(err, parlance.Invalid) || err.Error() != c.want {
			t.Errorf("%s: error is %v, want %s", c.new, err, c.want)
		}
	}
}

func TestParseRecordReadsOffsetsAndFractions(t *testing.T) {
	for in, want := range map[string]string{
		"2020-01-02T11:04:05.6789+08:00": "2020-01-02T03:04:05.678Z",
		"2020-01-02T03:04:05Z":           "2020-01-02T03:04:05.000Z",
		"2020-01-02t03:04:05z":           "2020-01-02T03:04:05.000Z",
		"2016-12-31T23:59:60Z":           "2017-01-01T00:00:00.000Z",
		"2016-12-31T23:59:60.5Z":         "2017-01-01T00:00:00.500Z",
		"2017-01-01T08:59:60+09:00":      "2017-01-01T00:00:00.000Z",
		"0001-01-01T00:00:00Z":           "0001-01-01T00:00:00.000Z",
		"1969-12-31T23:59:59.9999Z":      "1969-12-31T23:59:59.999Z",
		"1970-01-01T00:00:00Z":           "1970-01-01T00:00:00.000Z",
	} {
		r, err := export.ParseRecord([]byte(strings.Replace(plain, "2020-01-02T03:04:05.678Z", in, 1)))
		if err != nil || r.Sent.String() != want {
			t.Errorf("%s: %v, %v, want %s", in, r.Sent, err, want)
		}
	}
}

// The form is what Python's json.dumps(ensure_ascii=False, separators=(",", ":")) writes.
func TestAppendRecordEscapesOnlyWhatMustBe(t *testing.T) {
	r, err := export.ParseRecord([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	r.Text = "\x00\x1f\b\f\n\r\t\"\\/<>&\x7f\u0080\u2028\u2029\ufeff你好🎉"
	want := `"text":"\u0000\u001f\b\f\n\r\t\"\\/<>&` + "\x7f\u0080\u2028\u2029\ufeff你好🎉" + `",`
	if got := string(export.AppendRecord(nil, r)); !strings.Contains(got, want) {
		t.Errorf("got %s\nwant it to hold %s", got, want)
	}
}

func TestAppendRecordWritesRareFieldsInOrder(t *testing.T) {
	size := int64(0)
	r := record("c", "m", 1)
	r.Edited, r.Deleted, r.DeletedAt, r.Recalled = r.Sent+1, true, r.Sent+2, true
	r.Reactions = []export.Reaction{{Emoji: "🎉", Senders: []parlance.AccountID{"a", "b"}}, {Emoji: "x"}}
	r.ReplyTo, r.Thread, r.Synthetic = "m0", "topic", []string{"sent_at", "text"}
	r.Attachments = []export.Attachment{{Type: "image", Name: "n", URL: "u", Size: &size}, {Type: "file", Name: "n", URL: "u"}}
	want := `{"conversation":"c","conversation_kind":"room","title":"title","id":"m","sender":"s","sender_name":"S",` +
		`"sender_role":"member","sent_at":"1970-01-01T00:00:00.001Z","type":"text","text":"text",` +
		`"edited_at":"1970-01-01T00:00:00.002Z","deleted":true,` +
		`"reactions":[{"emoji":"🎉","senders":["a","b"]},{"emoji":"x","senders":[]}],"reply_to":"m0",` +
		`"synthetic":["sent_at","text"],"deleted_at":"1970-01-01T00:00:00.003Z",` +
		`"attachments":[{"type":"image","name":"n","size":0,"url":"u"},{"type":"file","url":"u","name":"n"}],` +
		`"thread":"topic","recalled":true}`
	if got := string(export.AppendRecord(nil, r)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// record returns a plain record, sent at t.
func record(c parlance.ConversationID, id parlance.MessageID, t parlance.Time) export.Record {
	return export.Record{
		Conversation: c, Kind: parlance.Room, Title: "title", ID: id, Sender: "s", SenderName: "S",
		SenderRole: parlance.MemberRole, Sent: t, Type: parlance.TypeText, Text: "text", Seq: -1,
	}
}

var (
	genID    = rapid.StringOfN(rapid.RuneFrom([]rune("ab[]`\\\"<é你🎉\u2028\x7f ")), 1, 6, -1)
	genText  = rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\x00\x01\x1f\b\f\n\r\t\"\\/<>&\x7f\u2028\ufeff\ufffd👩‍👩‍👧你"))))
	genTime  = rapid.Custom(func(t *rapid.T) parlance.Time { return parlance.Time(rapid.Int64Range(1e12, 1e12+5).Draw(t, "ms")) })
	genMaybe = rapid.OneOf(rapid.Just(parlance.Time(0)), rapid.Map(rapid.Int64Range(int64(parlance.MinTime), int64(parlance.MaxTime)),
		func(ms int64) parlance.Time { return parlance.Time(ms) }))
)

// drawRecord draws any record that the common form can hold.
func drawRecord(t *rapid.T) export.Record {
	r := export.Record{
		Conversation: parlance.ConversationID(genID.Draw(t, "conversation")),
		Kind:         rapid.SampledFrom([]parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}).Draw(t, "kind"),
		Title:        genText.Draw(t, "title"),
		ID:           parlance.MessageID(genID.Draw(t, "id")),
		Sender:       parlance.AccountID(genID.Draw(t, "sender")),
		SenderName:   genText.Draw(t, "name"),
		SenderRole:   rapid.SampledFrom([]parlance.Role{parlance.Customer, parlance.Agent, parlance.MemberRole, parlance.Bot}).Draw(t, "role"),
		Sent:         genTime.Draw(t, "sent"),
		Type:         rapid.SampledFrom([]parlance.Type{parlance.TypeText, parlance.TypeNote, parlance.TypeImage, "x-own"}).Draw(t, "type"),
		Text:         genText.Draw(t, "text"),
		Edited:       genMaybe.Draw(t, "edited"),
		Deleted:      rapid.Bool().Draw(t, "deleted"),
		ReplyTo:      parlance.MessageID(rapid.OneOf(rapid.Just(""), genID).Draw(t, "reply")),
		Synthetic:    rapid.SampledFrom([][]string{nil, {"sent_at"}, {"sender", "text"}}).Draw(t, "synthetic"),
		Seq:          rapid.OneOf(rapid.Int64Range(-1, 3), rapid.Just(int64(export.MaxSeq))).Draw(t, "seq"),
		Thread:       rapid.OneOf(rapid.Just(""), genText).Draw(t, "thread"),
	}
	if r.Deleted {
		r.DeletedAt = genMaybe.Draw(t, "deleted at")
		r.Recalled = rapid.Bool().Draw(t, "recalled")
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "reactions") {
		re := export.Reaction{Emoji: string(rune('a'+i)) + genText.Draw(t, "emoji")}
		for range rapid.IntRange(1, 3).Draw(t, "senders") {
			re.Senders = append(re.Senders, parlance.AccountID(genID.Draw(t, "who")))
		}
		r.Reactions = append(r.Reactions, re)
	}
	for range rapid.IntRange(0, 2).Draw(t, "attachments") {
		a := export.Attachment{Type: parlance.TypeFile, Name: genText.Draw(t, "file"), URL: genText.Draw(t, "url")}
		if rapid.Bool().Draw(t, "sized") {
			size := rapid.Int64().Draw(t, "size")
			a.Size = &size
		}
		r.Attachments = append(r.Attachments, a)
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		line := export.AppendRecord(nil, r)
		if !json.Valid(line) {
			t.Fatalf("not JSON: %s", line)
		}
		parsed, err := export.ParseRecord(line)
		if err != nil {
			t.Fatalf("parse %s: %v", line, err)
		}
		m := parsed.Message()
		c := parlance.Conversation{ID: r.Conversation, Kind: r.Kind, Title: r.Title}
		if again := export.AppendRecord(nil, export.RecordOf(&c, &m)); !bytes.Equal(again, line) {
			t.Fatalf("line   %s\nbecame %s", line, again)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(plain))
	f.Add(bytes.Replace([]byte(plain), []byte(`"seq":0`), []byte(`"x":[1,{"y":null}],"seq":7`), 1))
	f.Add([]byte(`{"id":"\ud800"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := export.ParseRecord(line)
		if err != nil {
			if !errors.Is(err, parlance.Invalid) {
				t.Fatalf("error %v is not of kind Invalid", err)
			}
			return
		}
		once := export.AppendRecord(nil, r)
		again, err := export.ParseRecord(once)
		if err != nil {
			t.Fatalf("own line %s: %v", once, err)
		}
		if twice := export.AppendRecord(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s", once, twice)
		}
	})
}

// dataFiles returns the files of the real data, or skips the test.
func dataFiles(t testing.TB) []string {
	dir := os.Getenv("PARLANCE_DATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PARLANCE_DATA is not set, and CI does not skip")
		}
		t.Skip("PARLANCE_DATA is not set: no real data to read")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.jsonl.gz in %s: %v", dir, err)
	}
	slices.Sort(files)
	return files
}

// unzip returns what is in a gzipped file.
func unzip(t testing.TB, name string) io.Reader {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRealLinesComeBackByteForByte(t *testing.T) {
	lines := 0
	for _, name := range dataFiles(t) {
		s := bufio.NewScanner(unzip(t, name))
		s.Buffer(nil, 1<<20)
		var b []byte
		for s.Scan() {
			r, err := export.ParseRecord(s.Bytes())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			m := r.Message()
			c := parlance.Conversation{ID: r.Conversation, Kind: r.Kind, Title: r.Title}
			if b = export.AppendRecord(b[:0], export.RecordOf(&c, &m)); !bytes.Equal(b, s.Bytes()) {
				t.Fatalf("%s: line\n%s\nbecame\n%s", name, s.Bytes(), b)
			}
			lines++
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d lines", lines)
}
