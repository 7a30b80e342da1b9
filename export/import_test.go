package export_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/export"
	"parlance/store"
	"parlance/store/pebblestore"
)

const ws parlance.WorkspaceID = "w"

// open returns a store in memory.
func open(t interface {
	Fatal(...any)
	Cleanup(func())
},
) *store.Store {
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(context.Background(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return s
}

// load imports a file that has no bad lines.
func load(t *testing.T, s *store.Store, file string, o export.ImportOptions) export.Report {
	t.Helper()
	r, err := export.Import(t.Context(), s, ws, "file", strings.NewReader(file), o)
	if err != nil || r.Bad != 0 {
		t.Fatalf("import: %+v, %v", r, err)
	}
	return r
}

// dump exports everything.
func dump(t *testing.T, s *store.Store) string {
	t.Helper()
	var b strings.Builder
	if _, err := export.Export(t.Context(), s, ws, &b, export.ExportOptions{}); err != nil {
		t.Fatalf("export: %v", err)
	}
	return b.String()
}

// lines returns the file of rs.
func lines(rs ...export.Record) string {
	var b []byte
	for _, r := range rs {
		b = append(export.AppendRecord(b, r), '\n')
	}
	return string(b)
}

func numbered(n int) []export.Record {
	rs := make([]export.Record, n)
	for i := range rs {
		rs[i] = record("c", parlance.MessageID(fmt.Sprintf("m%06d", i)), parlance.Time(1e12+i))
		rs[i].Seq = int64(i)
	}
	return rs
}

func zip(t *testing.T, s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImportKeepsIDsTimesAndPlaces(t *testing.T) {
	s := open(t)
	r := record("c", "m", 1e12)
	r.Seq, r.Edited = 7, 1e12+5
	gone := record("c", "gone", 1e12)
	gone.Seq, gone.Deleted, gone.DeletedAt = 8, true, 1e12+9
	report := load(t, s, lines(r, gone), export.ImportOptions{})
	if report.Messages != 2 || report.New != 2 || report.Conversations != 1 {
		t.Errorf("report is %+v", report)
	}
	ref := parlance.Ref{Workspace: ws, Conversation: "c"}
	e, err := s.Message(t.Context(), ref, "m")
	if err != nil {
		t.Fatal(err)
	}
	m := e.Message
	if m.Sent != 1e12 || m.Created != 1e12 || m.Updated != 1e12+5 || m.Edited != 1e12+5 || m.Seq != 8 || m.Native.JSON != nil {
		t.Errorf("message is %+v", m)
	}
	if _, err := s.Message(t.Context(), ref, "gone"); !errors.Is(err, parlance.NotFound) {
		t.Errorf("the deleted message: %v", err)
	}
	vs, err := s.Versions(t.Context(), ref, "gone")
	if err != nil || len(vs) != 1 || vs[0].Message.Removed != 1e12+9 || vs[0].Message.Text != "text" {
		t.Errorf("versions of the deleted message: %+v, %v", vs, err)
	}
}

func TestImportMakesCustomersOrdersAndMembers(t *testing.T) {
	s := open(t)
	agent := record("o1", "1", 1e12)
	agent.Kind, agent.Sender, agent.SenderName, agent.SenderRole = parlance.Order, "a", "Ann", parlance.Agent
	customer := agent
	customer.ID, customer.Sender, customer.SenderName, customer.SenderRole = "2", "k", "Kim", parlance.Customer
	load(t, s, lines(agent, customer), export.ImportOptions{Merchant: "shop"})
	c, err := s.Conversation(t.Context(), parlance.Ref{Workspace: ws, Conversation: "o1"})
	if err != nil || c.Kind != parlance.Order || c.OrderID != "o1" || c.OrderNumber != "o1" || c.Customer != "k" || c.Platform != "" || c.Created != 1e12 {
		t.Errorf("conversation is %+v, %v", c, err)
	}
	ms, err := s.Members(t.Context(), parlance.Ref{Workspace: ws, Conversation: "o1"})
	want := []parlance.Member{
		{Account: "a", Name: "Ann", Role: parlance.Agent, Joined: 1e12},
		{Account: "k", Name: "Kim", Role: parlance.Customer, Joined: 1e12},
		{Account: "shop", Role: parlance.Merchant, Joined: 1e12},
	}
	if err != nil || !slices.Equal(ms, want) {
		t.Errorf("members are %+v, %v", ms, err)
	}

	// The customer may be heard of in a later file only.
	first, later := agent, customer
	first.Conversation, later.Conversation = "o2", "o2"
	load(t, s, lines(first), export.ImportOptions{})
	load(t, s, lines(first, later), export.ImportOptions{})
	c, err = s.Conversation(t.Context(), parlance.Ref{Workspace: ws, Conversation: "o2"})
	if err != nil || c.Customer != "k" {
		t.Errorf("conversation is %+v, %v", c, err)
	}
}

func TestImportReportsBadLinesAndGoesOn(t *testing.T) {
	s := open(t)
	good := lines(numbered(3)...)
	each := strings.SplitAfter(good, "\n")
	long := record("c", "long", 1e12+9)
	long.Text = strings.Repeat("x", parlance.MaxMessage)
	file := "\ufeff" + strings.TrimSuffix(each[0], "\n") + "\r\n" + // line 1
		"  \n" +
		"{\n" + // 3
		strings.Replace(each[1], `"id":"m`, "\"id\":\"\xff", 1) + // 4
		strings.Replace(each[1], `"m000001"`, `1`, 1) + // 5
		lines(long) + // 6
		strings.Repeat("y", parlance.MaxLine+1) + "\n" + // 7
		each[1] +
		strings.TrimSuffix(each[2], "\n")
	var told []export.LineError
	r, err := export.Import(t.Context(), s, ws, "f", strings.NewReader(file), export.ImportOptions{
		Bad: func(e export.LineError) { told = append(told, e) },
	})
	want := []export.LineError{
		{"f", 3, "not JSON: it ends too early"},
		{"f", 4, "id: not UTF-8"},
		{"f", 5, "id: want a string"},
		{"f", 6, `message "long" is larger than 4194304 bytes with everything that is kept of it`},
		{"f", 7, "longer than 33554432 bytes"},
	}
	slices.SortFunc(told, func(a, b export.LineError) int { return a.Line - b.Line })
	if err != nil || r.Messages != 3 || r.Bad != 5 || !slices.Equal(told, want) || len(r.Errors) != 5 {
		t.Errorf("report %+v, %v\ntold %v", r, err, told)
	}
	if got := dump(t, s); got != good {
		t.Errorf("exported\n%s", got)
	}
	if got := want[0].Error(); got != "f:3: not JSON: it ends too early" {
		t.Error(got)
	}
}

func TestImportKeepsAHundredErrors(t *testing.T) {
	r, err := export.Import(t.Context(), open(t), ws, "f", strings.NewReader(strings.Repeat("x\n", 10_000)), export.ImportOptions{})
	if err != nil || r.Bad != 10_000 || len(r.Errors) != 100 || r.Errors[99].Line != 100 {
		t.Errorf("%d bad, %d kept, %v", r.Bad, len(r.Errors), err)
	}
}

func TestImportKeepsWhatATruncatedFileHolds(t *testing.T) {
	s := open(t)
	rs := numbered(20_000)
	whole := lines(rs...)
	z := zip(t, whole)
	r, err := export.Import(t.Context(), s, ws, "f.gz", bytes.NewReader(z[:len(z)*2/3]), export.ImportOptions{})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "read f.gz, line ") {
		t.Fatalf("error is %v", err)
	}
	if r.New < 5000 || r.New > 15_000 || r.Bad != 0 {
		t.Errorf("report is %+v", r)
	}
	if got := dump(t, s); !strings.HasPrefix(whole, got) || strings.Count(got, "\n") != r.New {
		t.Error("the store doesn't hold the beginning of the file")
	}
	r, err = export.Import(t.Context(), s, ws, "f.gz", bytes.NewReader(z), export.ImportOptions{})
	if err != nil || r.Messages != 20_000 || r.Changed != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if dump(t, s) != whole {
		t.Error("export differs from the whole file")
	}
}

func TestImportOfNothingAndOfNoGzip(t *testing.T) {
	s := open(t)
	if r := load(t, s, "", export.ImportOptions{}); r.Messages != 0 {
		t.Errorf("report is %+v", r)
	}
	if _, err := export.Import(t.Context(), s, ws, "f", strings.NewReader("\x1f\x8bnot gzip at all"), export.ImportOptions{}); err == nil {
		t.Error("no error")
	}
	if _, err := export.Import(t.Context(), s, "no such name!", "f", strings.NewReader(""), export.ImportOptions{}); !errors.Is(err, parlance.Invalid) {
		t.Errorf("bad workspace name: %v", err)
	}
}

func TestImportStopsWhenAskedAndGoesOnLater(t *testing.T) {
	s := open(t)
	whole := lines(numbered(20_000)...)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := export.Import(ctx, s, ws, "f", strings.NewReader(whole), export.ImportOptions{
		Progress: func(p export.Progress) {
			if p.Messages > 0 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) || r.New == 0 || r.New == 20_000 {
		t.Fatalf("report %+v, %v", r, err)
	}
	again := load(t, s, whole, export.ImportOptions{})
	if again.Same != r.New || again.New != 20_000-r.New {
		t.Errorf("first %+v, then %+v", r, again)
	}
	if dump(t, s) != whole {
		t.Error("export differs from the file")
	}
}

func TestImportAgainUndoesNothing(t *testing.T) {
	s := open(t)
	odd := strings.Replace(lines(record("c", "odd", 1e12)), `"type"`, `"x":1,"type"`, 1)
	whole := lines(numbered(3)...) + odd
	load(t, s, whole, export.ImportOptions{})
	ref := parlance.Ref{Workspace: ws, Conversation: "c"}
	for _, id := range []parlance.MessageID{"m000001", "odd"} {
		if _, err := s.Change(t.Context(), ref, id, func(m *parlance.Message) error { m.Text = "changed"; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.UpdateConversation(t.Context(), ref, func(c *parlance.Conversation) error { c.Title = "renamed"; return nil }); err != nil {
		t.Fatal(err)
	}
	before := dump(t, s)
	if strings.Count(before, `"text":"changed"`) != 2 || strings.Count(before, `"title":"renamed"`) != 4 || strings.Contains(before, `"x":1`) {
		t.Errorf("exported\n%s", before)
	}
	if r := load(t, s, whole, export.ImportOptions{}); r.Same != 4 {
		t.Errorf("report is %+v", r)
	}
	if dump(t, s) != before {
		t.Error("the import undid a change")
	}
}

func TestImportStoresOtherContentAsNewVersion(t *testing.T) {
	s := open(t)
	rs := numbered(3)
	load(t, s, lines(rs...), export.ImportOptions{})
	rs[1].Text = "other"
	if r := load(t, s, lines(rs...), export.ImportOptions{}); r.Changed != 1 || r.Same != 2 {
		t.Errorf("report is %+v", r)
	}
	if dump(t, s) != lines(rs...) {
		t.Error("export is not the later file")
	}
}
