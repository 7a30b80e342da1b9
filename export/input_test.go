package export_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"parlance"
	"parlance/export"
	"parlance/store"
)

func zstded(t *testing.T, s string) []byte {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func utf16ed(order binary.AppendByteOrder, s string) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// What files come in is read, or refused in one line that names it; either way what is imported is counted.
func TestImportReadsFilesInManyForms(t *testing.T) {
	rs := numbered(3)
	rs[1].Text = "你好🎉"
	whole := lines(rs...)
	each := strings.SplitAfter(whole, "\n")
	two := append(zip(t, each[0]), zip(t, each[1]+each[2])...)
	tar := bytes.Repeat([]byte{0}, 512)
	copy(tar[257:], "ustar")
	for name, c := range map[string]struct {
		file []byte
		want int
		err  string
	}{
		"plain":                     {[]byte(whole), 3, ""},
		"empty":                     {nil, 0, ""},
		"blank":                     {[]byte("\n \r\n\t\n"), 0, ""},
		"only a mark":               {[]byte("\ufeff"), 0, ""},
		"CR LF":                     {[]byte(strings.ReplaceAll(whole, "\n", "\r\n")), 3, ""},
		"CR":                        {[]byte(strings.ReplaceAll(whole, "\n", "\r")), 3, ""},
		"CR, and none at the end":   {[]byte(strings.TrimSuffix(strings.ReplaceAll(whole, "\n", "\r"), "\r")), 3, ""},
		"marks":                     {[]byte("\ufeff" + each[0] + "\ufeff" + each[1] + each[2] + "\ufeff"), 3, ""},
		"gzip":                      {zip(t, whole), 3, ""},
		"gzip of nothing":           {zip(t, ""), 0, ""},
		"two members":               {two, 3, ""},
		"gzip and zeros":            {append(zip(t, whole), make([]byte, 1000)...), 3, ""},
		"gzip of gzip":              {zip(t, string(zip(t, whole))), 3, ""},
		"gzip and a tail":           {append(zip(t, whole), "tail"...), 3, "read f, line 4: behind the gzip data comes something that is none"},
		"gzip and a line":           {append(zip(t, each[0]), each[1]...), 1, "read f, line 2: behind the gzip data comes something that is none"},
		"gzip cut in its end":       {zip(t, whole)[:len(zip(t, whole))-3], 3, "read f, line 4: the gzip data is cut short: unexpected EOF"},
		"gzip cut in its head":      {zip(t, whole)[:5], 0, "read f: the gzip data is cut short: unexpected EOF"},
		"second member cut":         {two[:len(two)-4], 3, "read f, line 4: the gzip data is cut short: unexpected EOF"},
		"zstd":                      {zstded(t, whole), 3, ""},
		"two frames":                {append(zstded(t, each[0]), zstded(t, each[1]+each[2])...), 3, ""},
		"zstd cut short":            {zstded(t, whole)[:20], 0, "read f: the zstd data is cut short: unexpected EOF"},
		"zstd and a tail":           {append(zstded(t, whole), "tail of it"...), 3, "read f, line 4: behind the zstd data comes something that is none"},
		"UTF-16, little endian":     {utf16ed(binary.LittleEndian, whole), 3, ""},
		"UTF-16, big endian":        {utf16ed(binary.BigEndian, whole), 3, ""},
		"UTF-16 in gzip":            {zip(t, string(utf16ed(binary.BigEndian, whole))), 3, ""},
		"UTF-16 without a mark":     {utf16ed(binary.LittleEndian, whole)[2:], 0, "read f: it is UTF-16 without a byte order mark; write it as UTF-8"},
		"UTF-16, BE without a mark": {utf16ed(binary.BigEndian, whole)[2:], 0, "read f: it is UTF-16 without a byte order mark; write it as UTF-8"},
		"UTF-32":                    {[]byte("\xff\xfe\x00\x00{\x00\x00\x00"), 0, "read f: it is UTF-32; write it as UTF-8"},
		"ZIP":                       {[]byte("PK\x03\x04 and so on"), 0, "read f: it is a ZIP archive; unpack it first"},
		"xz":                        {[]byte("\xfd7zXZ\x00\x00\x04"), 0, "read f: it is compressed with xz, which isn't read: use gzip or zstd, or unpack it first"},
		"bzip2":                     {[]byte("BZh91AY&SY"), 0, "read f: it is compressed with bzip2, which isn't read: use gzip or zstd, or unpack it first"},
		"tar":                       {tar, 0, "read f: it is a tar archive; unpack it first"},
		"tar in gzip":               {zip(t, string(tar)), 0, "read f: it is a tar archive; unpack it first"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(c.file), iotest.HalfReader(bytes.NewReader(c.file))} {
				s := open(t)
				report, err := export.Import(t.Context(), s, ws, "f", r, export.ImportOptions{})
				if report.New != c.want || report.Bad != 0 {
					t.Errorf("report is %+v", report)
				}
				if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err) {
					t.Errorf("error is %v, want %s", err, c.err)
				}
				if got := dump(t, s); got != strings.Join(each[:c.want], "") {
					t.Errorf("exported\n%s", got)
				}
			}
		})
	}
}

// Bytes and escapes that aren't Unicode stay in the line and are shown as U+FFFD.
func TestImportKeepsWhatIsNotUnicode(t *testing.T) {
	s := open(t)
	file := strings.Replace(lines(record("c", "1", 1e12)), `"text":"text"`, "\"text\":\"a\xffb\"", 1) +
		strings.Replace(lines(record("c", "2", 1e12)), `"text":"text"`, `"text":"a\ud83db"`, 1)
	load(t, s, file, export.ImportOptions{})
	for _, id := range []parlance.MessageID{"1", "2"} {
		if e, err := s.Message(t.Context(), room, id); err != nil || e.Message.Text != "a\ufffdb" {
			t.Errorf("message %s is %q, %v", id, e.Message.Text, err)
		}
	}
	if got := dump(t, s); got != file {
		t.Errorf("exported %q", got)
	}
	if r := load(t, s, file, export.ImportOptions{}); r.Same != 2 {
		t.Errorf("again: %+v", r)
	}
}

// A file of lines that are each as long as may be, or of the most that a few bytes can say, takes no more memory than
// a few of them.
func TestImportsMemoryIsBounded(t *testing.T) {
	head := strings.TrimSuffix(strings.TrimSpace(lines(record("c", "1", 1e12))), "}")
	for name, line := range map[string]string{
		"long":        `{"x":"` + strings.Repeat("y", parlance.MaxLine-100) + `"}`,
		"reactions":   strings.Replace(head, `"reactions":[]`, `"reactions":[`+strings.Repeat("{},", parlance.MaxLine/3-1000)+`{}]`, 1) + "}",
		"attachments": head + `,"attachments":[` + strings.Repeat("{},", parlance.MaxLine/3-1000) + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var most uint64
			file := io.MultiReader(strings.NewReader(line+"\n"), strings.NewReader(line+"\n"), strings.NewReader(line+"\n"), strings.NewReader(line+"\n"),
				strings.NewReader(line+"\n"), strings.NewReader(line+"\n"))
			var before, m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			r, err := export.Import(t.Context(), open(t), ws, "f", file, export.ImportOptions{Bad: func(export.LineError) {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}})
			if err != nil || r.Bad != 6 {
				t.Fatalf("%+v, %v", r, err)
			}
			if held := int64(most) - int64(before.HeapAlloc); held > 6*parlance.MaxLine {
				t.Errorf("%d MiB were held", held>>20)
			}
		})
	}
}

// Any message that the store takes is exported as a line that can be imported, and says the same.
func TestWhatIsExportedCanBeImported(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	text := func(n int, of ...string) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString(of[random.IntN(len(of))])
		}
		return b.String()
	}
	m := func(change func(*parlance.Message)) parlance.Message {
		m := parlance.Message{ID: "1", Sender: "a", Sent: 1e12, Created: 1e12, Updated: 1e12, Type: parlance.TypeText, Role: parlance.MemberRole}
		change(&m)
		return m
	}
	long := strings.Repeat("\x01", parlance.MaxID)
	for name, message := range map[string]parlance.Message{
		"control characters": m(func(m *parlance.Message) { m.Text = text(parlance.MaxMessage-1000, "\x01", "\x1f", "\x7f") }),
		"not UTF-8":          m(func(m *parlance.Message) { m.Text = text(parlance.MaxMessage/3-1000, "\xff") }),
		"quotes":             m(func(m *parlance.Message) { m.Text = text(parlance.MaxMessage-1000, `"`, `\`, "\n") }),
		"reactions": m(func(m *parlance.Message) {
			m.Text = text(parlance.MaxMessage-300_000, "\x01")
			for i := range parlance.MaxReactions {
				m.Reactions = append(m.Reactions, parlance.Reaction{Emoji: string(rune(i%2 + 1)), Account: "\x02"})
			}
		}),
		"attachments": m(func(m *parlance.Message) {
			m.Text = text(parlance.MaxMessage-300_000, "\x01")
			m.Attachments = make([]parlance.Attachment, parlance.MaxAttachments)
			for i := range m.Attachments {
				m.Attachments[i].HasSize = true
			}
		}),
		"ids": m(func(m *parlance.Message) {
			m.ID, m.Sender, m.Reply, m.SenderName = parlance.MessageID(long), parlance.AccountID(long), parlance.MessageID(long), long
			m.Text = text(parlance.MaxMessage-10_000, "\x01")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			title := "title"
			if name == "control characters" {
				title = strings.Repeat("\x01", parlance.MaxTitle)
			}
			if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: "c", Kind: parlance.Room, Title: title}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Put(t.Context(), room, store.Mirror, message); err != nil {
				t.Fatal(err)
			}
			want := dump(t, s)
			if len(want) > parlance.MaxLine+1 {
				t.Errorf("the line has %d bytes", len(want))
			}
			other := open(t)
			load(t, other, want, export.ImportOptions{})
			if dump(t, other) != want {
				t.Error("imported and exported it is another line")
			}
			if name != "quotes" {
				return // the rest is slow and the same for all
			}
			load(t, s, want, export.ImportOptions{})
			if e := entries(t, s); e != 1 {
				t.Errorf("imported where it came from it makes %d entries", e)
			}
			retitled := strings.Replace(want, `"title":"title"`, `"title":"another"`, 1)
			load(t, other, retitled, export.ImportOptions{})
			third := open(t)
			load(t, third, lines(record("c", "0", 1e12))+retitled, export.ImportOptions{})
		})
	}
}

// The store takes no larger messages, whoever brings them.
func TestNoMessageIsLargerThanTheLimit(t *testing.T) {
	s := open(t)
	if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	large := parlance.Message{ID: "large", Sender: "a", Sent: 1e12, Text: strings.Repeat("x", parlance.MaxMessage-20)}
	many := parlance.Message{ID: "many", Sender: "a", Sent: 1e12, Reactions: make([]parlance.Reaction, parlance.MaxReactions+1)}
	grows := parlance.Message{ID: "grows", Sender: "a", Sent: 1e12, Text: strings.Repeat("\xff", parlance.MaxMessage/3)}
	files := parlance.Message{ID: "files", Sender: "a", Sent: 1e12, Attachments: make([]parlance.Attachment, parlance.MaxAttachments+1)}
	for _, mode := range []store.Mode{store.Send, store.Import, store.Mirror} {
		for _, m := range []parlance.Message{large, many, files, grows} {
			if _, err := s.Put(t.Context(), room, mode, m); parlance.KindOf(err) != parlance.Invalid {
				t.Errorf("mode %d, %s: error is %v", mode, m.ID, err)
			}
		}
	}
	if _, err := s.Put(t.Context(), room, store.Send, parlance.Message{ID: "1", Sender: "a"}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Change(t.Context(), room, "1", func(m *parlance.Message) error { m.Text = large.Text + "twenty more letters.."; return nil })
	if parlance.KindOf(err) != parlance.Invalid {
		t.Errorf("a change: error is %v", err)
	}
	if n := entries(t, s); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// FuzzImport imports any bytes: it ends, with every line counted once, holds little more than the file, and what came in goes
// out and in again. Which lines of a store run differs from run to run, so the fuzzer spends all its time on making inputs
// smaller, and seems to hang, unless it is given -fuzzminimizetime=5x.
func FuzzImport(f *testing.F) {
	whole := lines(numbered(2)...)
	f.Add([]byte(whole))
	f.Add([]byte("\ufeff" + strings.ReplaceAll(whole, "\n", "\r")))
	f.Add(utf16ed(binary.LittleEndian, whole))
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, whole)
	w.Close()
	f.Add(z.Bytes())
	f.Add([]byte("{\"a\":[\n\xff\n[[[[{}"))
	f.Add([]byte("(\xb5/\xfd\x04\x00\x01\x00\x00x\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var before, after runtime.MemStats
		s := open(t)
		runtime.ReadMemStats(&before)
		r, err := export.Import(t.Context(), s, ws, "f", bytes.NewReader(file), export.ImportOptions{})
		runtime.ReadMemStats(&after)
		// A kilobyte of compressed data may stand for a megabyte.
		if most := uint64(64<<20 + 1<<14*len(file)); after.TotalAlloc-before.TotalAlloc > most {
			t.Errorf("%d bytes of file took %d bytes of memory", len(file), after.TotalAlloc-before.TotalAlloc)
		}
		if r.New+r.Changed+r.Same+r.Kept != r.Messages {
			t.Errorf("report is %+v", r)
		}
		if err != nil {
			return
		}
		var out, again bytes.Buffer
		if _, err := export.Export(t.Context(), s, ws, &out, export.ExportOptions{}); err != nil {
			t.Fatal(err)
		}
		other := open(t)
		if r2, err := export.Import(t.Context(), other, ws, "f", bytes.NewReader(out.Bytes()), export.ImportOptions{}); err != nil || r2.Bad != 0 || r2.New != r.New {
			t.Fatalf("%+v, after %+v: %v\n%s", r2, r, err, out.Bytes())
		}
		if _, err := export.Export(t.Context(), other, ws, &again, export.ExportOptions{}); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
			t.Fatalf("exported\n%s\nand then\n%s\n%v", out.Bytes(), again.Bytes(), err)
		}
		if r2, err := export.Import(t.Context(), s, ws, "f", bytes.NewReader(file), export.ImportOptions{}); err != nil || r2.New+r2.Changed != 0 {
			t.Fatalf("again: %+v, %v", r2, err)
		}
	})
}
