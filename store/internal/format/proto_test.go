package format

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"parlance"
)

// records are one of each record with every field set, as we write it, what rows.proto
// makes of it, and what we read from it.
func records(t *testing.T) []record {
	message, conversation, member, account := fullMessage(), fullConversation(), fullMember(), fullAccount()
	other := parlance.Message{
		ID: "o", Sender: "s", Role: "pirate", Type: "hologram", Sent: 5, Created: 5, Updated: 5,
		Native: parlance.Native{Dialect: "parrot", JSON: []byte(`1`)},
	}
	entry, _ := fullEntry().Encode(Hash{1})
	chain := entryChain(t, entry)
	messageText := `id: "id" sender: "sender" sender_name: "name" role: AGENT acting: "acting" type: IMAGE text: "text"
		attachments { type: IMAGE name: "n" url: "u" thumb: "t" mime: "m" size: 1 width: 2 height: 3 duration: 4 has_size: true }
		attachments {} attachments { other_type: "hologram" }
		location { latitude: 1.5 longitude: -2.5 } sticker: "sticker" reply: "reply" thread: "thread"
		mentions: "a" mentions: "" reactions { emoji: "+" account: "a" } reactions {} state: RECALLED
		sent: -7 created: 1700000000008 updated: 4 edited: 3 removed: -4 synthetic: "sent"
		dialect: SHOPLINE native: "{}" stale: true missing: 6`
	span := `id: 5 low: "abc" live: 9 private: 2 written: 12 dead: 3`
	line := func(count string) string {
		return `lines { top {` + span + `} count: ` + count + ` next: 9 high: "high" low: "low" } `
	}
	tail := fullHead()
	return []record{
		{"Message", EncodeMessage(&message), messageText, message, func(b []byte) (any, error) { return DecodeMessage(b) }},
		{
			"Message", EncodeMessage(&other), `id: "o" sender: "s" sent: 5 native: "1" other_role: "pirate" other_type: "hologram" other_dialect: "parrot"`,
			other, func(b []byte) (any, error) { return DecodeMessage(b) },
		},
		{"Entry", entry, `learned: 1700000000009 fewer: 8 private: 7 back_previous: 119 back_first: 125 origin: MIRROR seq: -51
			chain: ` + chain + ` content {` + messageText + `}`, *fullEntry(), func(b []byte) (any, error) { e, _, err := DecodeEntry(128, b); return e, err }},
		{"Range", EncodeRange(fullRange()), span, fullRange(), func(b []byte) (any, error) { return DecodeRange(b) }},
		{
			"Head", tail.Encode(), `number: 128 chain: "\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\002"
			total: 120 private: 7 last_created: 5 run_start: -3 last_stamp: 9 listed: 4 high_id: "z" ` + line("0") + line("1") + line("2") + line("3"),
			tail, func(b []byte) (any, error) { return DecodeHead(b) },
		},
		{"Conversation", EncodeConversation(&conversation), `id: "id" kind: "order" title: "title" platform: "imkit" created: -1 customer: "customer"
			order_id: "o" order_number: "n" owner: "owner" description: "d" cover: "c" tags: "a" tags: "" frozen: true
			native { dialect: "imkit" json: "{}" stale: true } maker: "maker"`, conversation, func(b []byte) (any, error) { return DecodeConversation(b) }},
		{
			"Member", EncodeMember(&member), `account: "a" name: "n" role: "owner" joined: 1 read_time: 2 read_id: "id"`,
			member, func(b []byte) (any, error) { return DecodeMember(b) },
		},
		{"Account", EncodeAccount(&account), `id: "a" name: "n" avatar: "v" description: "d" bot: true created: 1 updated: 2 last_login: 3
			native { dialect: "other" json: "{}" stale: true }`, account, func(b []byte) (any, error) { return DecodeAccount(b) }},
		{
			"Registered", EncodeRegistered(&Registered{ID: "c", Counts: [4]uint64{1, 2, 3, 4}}), `id: "c" rooms: 1 directs: 2 shops: 3 orders: 4`,
			Registered{Number: 7, ID: "c", Counts: [4]uint64{1, 2, 3, 4}},
			func(b []byte) (any, error) { return DecodeRegistered(7, b) },
		},
		{"Hidden", AppendInt(nil, 1, -9), `time: -9`, int64(-9), func(b []byte) (any, error) {
			var at int64
			err := EachField(b, func(f Field) error {
				if f.Number == 1 {
					at = f.Int()
				}
				return nil
			})
			return at, err
		}},
		{
			"Format", fullFormat().Encode(), `version: 2 segment: 4096 span: 1024 buckets: 7 leftover: true`,
			*fullFormat(), func(b []byte) (any, error) { return DecodeFormat(b) },
		},
	}
}

func fullFormat() *Format {
	return &Format{Version: 2, Layout: Layout{SegmentSize: 4096, RangeSize: 1024, Buckets: 7}, Leftover: true}
}

type record struct {
	name    string
	encoded []byte
	text    string // in protobuf's text form, of rows.proto
	value   any
	decode  func([]byte) (any, error)
}

// entryChain returns the hash in an entry's row as a text literal.
func entryChain(t *testing.T, row []byte) string {
	t.Helper()
	_, chain, err := DecodeEntry(128, row)
	if err != nil || len(chain) != len(Hash{}) {
		t.Fatalf("entry 128 carries a hash of %d bytes, %v", len(chain), err)
	}
	m := dynamicpb.NewMessage(document(t).Messages().ByName("Entry"))
	m.Set(m.Descriptor().Fields().ByName("chain"), protoreflect.ValueOfBytes(chain))
	text, err := prototext.MarshalOptions{}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimPrefix(bytes.TrimSpace(text), []byte("chain:")))
}

func document(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := c.Compile(t.Context(), "rows.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// TestDocument finds that rows.proto says what is written, field for field, that what
// others write by it can be read, and that unknown fields are skipped.
func TestDocument(t *testing.T) {
	doc := document(t)
	missing := map[protoreflect.FullName]bool{}
	for i := range doc.Messages().Len() {
		fields := doc.Messages().Get(i).Fields()
		for j := range fields.Len() {
			missing[fields.Get(j).FullName()] = true
		}
	}
	for _, r := range records(t) {
		t.Run(r.name, func(t *testing.T) {
			d := doc.Messages().ByName(protoreflect.Name(r.name))
			got, want := dynamicpb.NewMessage(d), dynamicpb.NewMessage(d)
			if err := proto.Unmarshal(r.encoded, got); err != nil {
				t.Fatal(err)
			}
			if err := prototext.Unmarshal([]byte(r.text), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("what we write reads as\n%v, want\n%v", prototext.Format(got), prototext.Format(want))
			}
			mark(missing, got)
			theirs, err := proto.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range [][]byte{r.encoded, theirs, unknown(r.encoded)} {
				v, err := r.decode(b)
				if err != nil || !sameValue(v, r.value) {
					t.Errorf("%q decodes to\n%+v, %v, want\n%+v", b, v, err, r.value)
				}
			}
		})
	}
	for name := range missing {
		t.Errorf("no test writes %s", name)
	}
}

// mark takes the fields that are set in m off missing.
func mark(missing map[protoreflect.FullName]bool, m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		delete(missing, f.FullName())
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				mark(missing, v.List().Get(i).Message())
			}
		default:
			mark(missing, v.Message())
		}
		return true
	})
}

// unknown returns b with a field of each kind before and behind it that nobody knows.
func unknown(b []byte) []byte {
	x := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1<<63)
	x = protowire.AppendFixed64(protowire.AppendTag(x, 1001, protowire.Fixed64Type), 1<<63)
	x = protowire.AppendFixed32(protowire.AppendTag(x, 1002, protowire.Fixed32Type), 1<<31)
	x = protowire.AppendString(protowire.AppendTag(x, 1003, protowire.BytesType), "unknown")
	return append(append(bytes.Clone(x), b...), x...)
}

// sameValue compares what records hold; an entry's content may be written in another order.
func sameValue(a, b any) bool {
	if e, ok := a.(Entry); ok {
		f := b.(Entry)
		e.Content, f.Content = nil, nil
		a, b = e, f
	}
	return reflect.DeepEqual(a, b)
}
