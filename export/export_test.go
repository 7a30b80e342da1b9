package export_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parlance"
	"parlance/export"
	"parlance/store"
)

// oddLine returns a line that says the same as r's own, written another way.
func oddLine(t *rapid.T, r export.Record) string {
	own := string(export.AppendRecord(nil, r))
	switch rapid.IntRange(0, 6).Draw(t, "oddity") {
	case 0:
		return strings.Replace(own, `,"type":`, `,"x\u0041":[1.50,{"y":null}],"type":`, 1)
	case 1:
		return " " + strings.Replace(own, `,"id":`, `, "id": `, 1)
	case 2:
		return `{"thread":"","attachments":[],` + own[1:strings.LastIndex(own, `,"deleted":`)] + `}`
	default:
		return own
	}
}

// What goes in comes out: each line once, by the time, place and id of its message,
// whatever the order in the file; and going in again changes nothing.
func TestImportThenExport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			r    export.Record
			line string
		}
		n := rapid.IntRange(1, 4).Draw(t, "conversations")
		var all []entry
		for c := range n {
			title := genText.Draw(t, "title")
			kind := rapid.SampledFrom([]parlance.Kind{parlance.Room, parlance.Shop, parlance.Order}).Draw(t, "kind")
			for i := range rapid.IntRange(1, 12).Draw(t, "messages") {
				r := drawRecord(t)
				r.Conversation = parlance.ConversationID(fmt.Sprintf("c%d %s", c, "你[`"))
				r.ID = parlance.MessageID(fmt.Sprintf("%s%d", r.ID, i))
				r.Kind = kind
				if rapid.IntRange(0, 9).Draw(t, "own title") > 0 {
					r.Title = title
				}
				line := oddLine(t, r)
				parsed, err := export.ParseRecord([]byte(line))
				if err != nil {
					t.Fatalf("parse %s: %v", line, err)
				}
				all = append(all, entry{parsed, line})
			}
		}
		inFile := rapid.Permutation(all).Draw(t, "order")
		for range rapid.IntRange(0, 3).Draw(t, "doubles") {
			inFile = append(inFile, rapid.SampledFrom(all).Draw(t, "double"))
		}
		bad := rapid.IntRange(0, len(inFile)).Draw(t, "bad line")
		var file strings.Builder
		order := map[parlance.ConversationID]int{}
		for i, e := range inFile {
			if i == bad {
				file.WriteString("{\"bad\"\n")
			}
			file.WriteString(e.line + "\n")
			if _, ok := order[e.r.Conversation]; !ok {
				order[e.r.Conversation] = len(order)
			}
		}
		if bad == len(inFile) {
			file.WriteString("{\"bad\"")
		}
		slices.SortFunc(all, func(a, b entry) int {
			switch {
			case a.r.Conversation != b.r.Conversation:
				return order[a.r.Conversation] - order[b.r.Conversation]
			case a.r.Sent != b.r.Sent:
				return int(a.r.Sent - b.r.Sent)
			case a.r.Seq != b.r.Seq:
				return int(a.r.Seq - b.r.Seq)
			}
			return strings.Compare(string(a.r.ID), string(b.r.ID))
		})
		var want strings.Builder
		for _, e := range all {
			want.WriteString(e.line + "\n")
		}

		s := open(t)
		for run := range 2 {
			r, err := export.Import(t.Context(), s, ws, "f", strings.NewReader(file.String()), export.ImportOptions{Workers: 3})
			if err != nil || r.Messages != len(inFile) || r.Bad != 1 || len(r.Errors) != 1 || r.Errors[0].Line != bad+1 {
				t.Fatalf("run %d: %+v, %v", run, r, err)
			}
			if first := run == 0; first && (r.New != len(all) || r.Changed != 0 || r.Conversations != n) || !first && r.Same != len(inFile) {
				t.Fatalf("run %d: %+v", run, r)
			}
			var got bytes.Buffer
			m, err := export.Export(t.Context(), s, ws, &got, export.ExportOptions{})
			if err != nil || got.String() != want.String() {
				t.Fatalf("run %d: %v, exported\n%s\nwant\n%s", run, err, got.String(), want.String())
			}
			sum := sha256.Sum256(got.Bytes())
			if m != (export.Manifest{Conversations: n, Messages: len(all), Bytes: int64(got.Len()), SHA256: hex.EncodeToString(sum[:])}) {
				t.Fatalf("manifest is %+v", m)
			}
		}
	})
}

func TestExportWalksDeletedMessagesAmongTheOthers(t *testing.T) {
	s := open(t)
	rs := numbered(5000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range rs {
		rs[i].Sent = parlance.Time(1e12 + i/7)
		rs[i].Deleted = random.IntN(3) == 0 || i > 2000 && i < 3500 || i == 4999
	}
	load(t, s, lines(rs...), export.ImportOptions{})
	if dump(t, s) != lines(rs...) {
		t.Error("export differs from the file")
	}
}

func TestExportLosesNothingThatIsDeletedMeanwhile(t *testing.T) {
	s := open(t)
	load(t, s, lines(numbered(8000)...), export.ImportOptions{})
	random := rand.New(rand.NewPCG(3, 4))
	var w strings.Builder
	_, err := export.Export(t.Context(), s, ws, &w, export.ExportOptions{Progress: func(export.Progress) {
		for range 300 {
			id := parlance.MessageID(fmt.Sprintf("m%06d", random.IntN(8000)))
			_, err := s.Change(t.Context(), parlance.Ref{Workspace: ws, Conversation: "c"}, id, func(m *parlance.Message) error {
				m.State = parlance.Deleted
				return nil
			})
			if err != nil && !errors.Is(err, parlance.NotFound) {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	if len(got) != 8000 {
		t.Fatalf("%d lines", len(got))
	}
	for i, line := range got {
		if r, err := export.ParseRecord([]byte(line)); err != nil || r.Seq != int64(i) {
			t.Fatalf("line %d is %s, %v", i+1, line, err)
		}
	}
}

func TestExportSortsManyMessagesOfOneMillisecond(t *testing.T) {
	s := open(t)
	rs := numbered(9000)
	for i := range rs {
		rs[i].Sent = 1e12
		rs[i].ID = parlance.MessageID(fmt.Sprintf("m%06d", 9000-i))
		rs[i].Deleted = i%10 == 0
	}
	load(t, s, lines(rs...), export.ImportOptions{})
	if dump(t, s) != lines(rs...) {
		t.Error("export differs from the file")
	}
}

func TestExportOfSomeConversations(t *testing.T) {
	s := open(t)
	a, b, c := record("a", "1", 1e12), record("b", "1", 1e12), record("c", "1", 1e12)
	a.Seq, b.Seq, c.Seq = 0, 0, 0
	load(t, s, lines(a, b, c), export.ImportOptions{})
	var w strings.Builder
	o := export.ExportOptions{Conversations: []parlance.ConversationID{"c", "a", "c"}}
	if m, err := export.Export(t.Context(), s, ws, &w, o); err != nil || w.String() != lines(c, a) || m.Conversations != 2 {
		t.Errorf("%+v, %v\n%s", m, err, w.String())
	}
	w.Reset()
	o.Conversations = []parlance.ConversationID{"a", "none"}
	if _, err := export.Export(t.Context(), s, ws, &w, o); !errors.Is(err, parlance.NotFound) || w.Len() > 0 {
		t.Errorf("error is %v, written %q", err, w.String())
	}
}

func TestExportOfMessagesFromElsewhere(t *testing.T) {
	s := open(t)
	if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: "r", Kind: parlance.Room, Title: "Room", Platform: parlance.IMKit}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateAccount(t.Context(), ws, "u", func(a *parlance.Account) error { a.Name = "Uma"; return nil }); err != nil {
		t.Fatal(err)
	}
	ref := parlance.Ref{Workspace: ws, Conversation: "r"}
	_, err := s.Put(t.Context(), ref, store.Mirror,
		parlance.Message{
			ID: "2", Sender: "v", SenderName: "Vic", Type: parlance.TypeImage, Sent: 1e12 + 1, Created: 1e12 + 1, Updated: 1e12 + 1,
			Attachments: []parlance.Attachment{{Type: parlance.TypeImage, URL: "https://x/y.png", Width: 5}},
		},
		parlance.Message{
			ID: "1", Sender: "u", Role: parlance.MemberRole, Type: parlance.TypeText, Text: "hi", Sent: 1e12, Created: 1e12, Updated: 1e12 + 3,
			State: parlance.Recalled, Removed: 1e12 + 3, Native: parlance.Native{Dialect: parlance.IMKit, JSON: []byte(`{}`)},
		})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"conversation":"r","conversation_kind":"room","title":"Room","id":"1","sender":"u","sender_name":"Uma",` +
		`"sender_role":"member","sent_at":"2001-09-09T01:46:40.000Z","type":"text","text":"hi","edited_at":null,"deleted":true,` +
		`"reactions":[],"reply_to":null,"synthetic":[],"seq":0,"deleted_at":"2001-09-09T01:46:40.003Z","recalled":true}` + "\n" +
		`{"conversation":"r","conversation_kind":"room","title":"Room","id":"2","sender":"v","sender_name":"Vic",` +
		`"sender_role":"","sent_at":"2001-09-09T01:46:40.001Z","type":"image","text":"","edited_at":null,"deleted":false,` +
		`"reactions":[],"reply_to":null,"synthetic":[],"seq":1,"attachments":[{"type":"image","url":"https://x/y.png","name":""}]}` + "\n"
	if got := dump(t, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	other := open(t)
	load(t, other, want, export.ImportOptions{})
	if got := dump(t, other); got != want {
		t.Errorf("after a move:\n%s", got)
	}
}

// full is a disk that has no room left after some bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		return f.left, errors.New("no space left")
	}
	f.left -= len(b)
	return len(b), nil
}

func TestExportTellsThatItCouldNotWrite(t *testing.T) {
	s := open(t)
	load(t, s, lines(numbered(3000)...), export.ImportOptions{})
	for _, left := range []int{0, 100_000} {
		if _, err := export.Export(t.Context(), s, ws, &full{left}, export.ExportOptions{}); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%d bytes left: error is %v", left, err)
		}
	}
}

func TestRealFilesComeBackByteForByte(t *testing.T) {
	for _, name := range dataFiles(t) {
		t.Run(name[strings.LastIndexByte(name, '/')+1:], func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want := sha256.New()
			size, err := io.Copy(want, unzip(t, name))
			if err != nil {
				t.Fatal(err)
			}
			s := open(t)
			began := time.Now()
			r, err := export.Import(t.Context(), s, ws, name, f, export.ImportOptions{})
			if err != nil || r.Bad != 0 || r.New != r.Messages {
				t.Fatalf("import: %+v, %v", r, err)
			}
			imported := time.Since(began)
			m, err := export.Export(t.Context(), s, ws, io.Discard, export.ExportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d messages, %d conversations: import %v, export %v", r.Messages, r.Conversations, imported, time.Since(began)-imported)
			if m.Messages != r.Messages || m.Bytes != size || m.SHA256 != hex.EncodeToString(want.Sum(nil)) {
				t.Errorf("exported %+v, want %d bytes of hash %x", m, size, want.Sum(nil))
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if again, err := export.Import(t.Context(), s, ws, name, f, export.ImportOptions{}); err != nil || again.Same != r.Messages {
				t.Errorf("import again: %+v, %v", again, err)
			}
		})
	}
}
