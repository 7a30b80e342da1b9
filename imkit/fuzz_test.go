package imkit

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"parlance"
)

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "<b>&", "日本語🙂", "\u2028\u2029", "\xff\xc3(\xe2\x80", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := appendJSON(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendString(nil, s); !bytes.Equal(got, want) {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	})
}

func FuzzPageQuery(f *testing.F) {
	for _, s := range []string{"", "limit=10&afterTime=2020-10-15T03:50:04Z", "beforeMessage=x&sortOrder=desc", "afterMessage=%ff;", "limit=1&limit=2", "timeRangeField=messageTime&afterTime=-1"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, raw string, web bool) {
		q, err := parsePageQuery(raw, web)
		if err != nil {
			if own, _ := refusalOf(err); own.status != 400 {
				t.Errorf("%q is refused with %d", raw, own.status)
			}
			return
		}
		if q.limit < 1 || q.limit > maxLimit || q.timeline > parlance.ByUpdated || web && !q.web {
			t.Errorf("%q: %+v", raw, q)
		}
	})
}

func FuzzRoomFilter(f *testing.F) {
	for _, s := range []string{`{ "members": "a" }`, `{"name":{"$regex":"^a","$options":"i"}}`, `{"roomTags":{"$all":["a"],"$in":["b"]}}`, `{"$where":"1"}`, `{"name":{"$in":null}}`, `[`, `{}`} {
		f.Add(s)
	}
	c := parlance.Conversation{ID: "r", Title: "name", Tags: []string{"a", "b"}}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := parseRoomFilter(text)
		if err != nil {
			if own, _ := refusalOf(err); own.code != "INVALID_QUERY" {
				t.Errorf("%q is refused with %s", text, own.code)
			}
			return
		}
		if _, err := filter.matches(&c, func() ([]string, error) { return []string{"a"}, nil }); err != nil {
			t.Error(err)
		}
	})
}

// Whatever is sent, what is stored of it is served as one JSON object of the shape that
// clients can read, and is served the same after an edit that says nothing.
func FuzzMessageBody(f *testing.F) {
	for _, s := range []string{
		`{"message":"hi"}`, `{"message":1,"messageType":"addMember"}`, `{"messageType":"image","images":[{"originalUrl":"x"},null,1]}`,
		`{"messageType":"image","images":"x","width":"1e400"}`, `{"messageType":"file","originalUrl":"x","extra":"{\"bytes\":-1}"}`,
		`{"messageType":"location","latitude":"25","longitude":{}}`, `{"messageType":"","sender":{},"_id":null,"a":1,"a":2}`,
		`{"messageType":"recall"}`, `{"messageType":"file","message":0,"originalUrl":"0","extra":""}`, `{"mentions":["",1]}`, `{"messageType":"deleteMembers","extra":{"members":[]}}`, `{"messageType":"audio","originalUrl":"x","duration":1e300}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := parseObject(body)
		if err != nil {
			return
		}
		if !utf8.Valid(body) {
			t.Fatal("taken though it isn't UTF-8")
		}
		var m parlance.Message
		if content(&m, o) != nil {
			return
		}
		m.ID = "id"
		served := render(t, &m)
		if m.Native.JSON != nil && !json.Valid(m.Native.JSON) {
			t.Errorf("Native = %s", m.Native.JSON)
		}
		again := m
		if err := rewrite(&again, object{}); err != nil {
			t.Fatal(err)
		}
		if !sameContent(&m, &again) || !bytes.Equal(served, render(t, &again)) {
			t.Errorf("an empty edit made\n%s\nof\n%s", render(t, &again), served)
		}
	})
}

// render returns m as it is served, after checking what clients rely on.
func render(t *testing.T, m *parlance.Message) []byte {
	t.Helper()
	v := view{server: &Server{}, senders: map[senderKey][]byte{}}
	b, err := v.appendMessage(t.Context(), nil, m, listed)
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseObject(b)
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	name, _ := o.text("messageType")
	rest := o.without(isBase)
	_, same, complete := fit(name, rest)
	if _, isText := o.text("message"); !isText || name == "" || !isObject(o.get("sender")) || o.has("data") || !same || !complete {
		t.Errorf("a client can't read %s", b)
	}
	return b
}
