package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/export"
	"parlance/internal/config"
)

// The real files that are walked: the two largest rooms, and a file of each other kind.
var walkedFiles = []string{"irc-duraspace", "irc-ubuntu", "crosswoz-zh", "taskmaster4-orders", "realpersonachat-ja"}

// A line is what a walk must find of one imported message.
type line struct {
	Conversation string        `json:"conversation"`
	Kind         string        `json:"conversation_kind"`
	ID           string        `json:"id"`
	Role         parlance.Role `json:"sender_role"`
	Type         parlance.Type `json:"type"`
	Text         string        `json:"text"`
	SentAt       time.Time     `json:"sent_at"`
	Deleted      bool          `json:"deleted"`
}

// TestRealConversationsAreWalkedWhole imports real conversations and reads each of them to its
// end through each dialect, over HTTP, as simple clients do.
func TestRealConversationsAreWalkedWhole(t *testing.T) {
	dir := realData(t)
	for _, name := range walkedFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, name+".jsonl.gz")
			w := importFile(t, file)
			lines := linesOf(t, file)
			for conversation, want := range lines {
				w.walkIMKit(t, conversation, want)
				w.walkShopline(t, conversation, want)
			}
			w.walkIMetaStore(t, lines)
		})
	}
}

// realData returns the folder of the real conversations, and skips the test if there is none.
func realData(t *testing.T) string {
	dir := os.Getenv("PARLANCE_DATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PARLANCE_DATA is not set, and CI does not skip")
		}
		t.Skip("PARLANCE_DATA is not set: no real conversations to walk")
	}
	return dir
}

// A walker reads a served workspace.
type walker struct {
	url     string
	secrets access.Secrets
}

func importFile(t *testing.T, file string) *walker {
	w, _, _ := served(t, file)
	return w
}

// served imports files into a workspace of a new archive, and serves it.
func served(t *testing.T, files ...string) (*walker, *archive, access.Workspace) {
	t.Helper()
	ctx := context.Background()
	a, err := openArchive(ctx, engineName{dir: t.TempDir()}, config.Defaults(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(nil); err != nil {
			t.Error(err)
		}
	})
	ws, secrets, err := a.keeper.CreateWorkspace(ctx, access.Workspace{ID: "walked"})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		report, err := export.Import(ctx, a.store, ws.ID, file, f, export.ImportOptions{Merchant: ws.Merchant})
		if err != nil || report.Bad != 0 {
			t.Fatalf("import: %+v, %v", report, err)
		}
	}
	server := httptest.NewServer(newServer(a, slog.New(slog.DiscardHandler), config.Config{}))
	t.Cleanup(server.Close)
	return &walker{server.URL, secrets}, a, ws
}

func linesOf(t *testing.T, file string) map[string][]line {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string][]line{}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines[l.Conversation] = append(lines[l.Conversation], l)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// walkIMKit pages back from the newest message by the last row of each page.
func (w *walker) walkIMKit(t *testing.T, conversation string, want []line) {
	type message struct {
		ID      string `json:"_id"`
		Message string
		Sent    int64 `json:"messageTimeMS"`
	}
	type page struct {
		Result struct {
			TotalCount int
			Data       []message
		}
	}
	found := map[string]message{}
	for before := ""; ; {
		q := url.Values{"limit": {"1000"}}
		if before != "" {
			q.Set("beforeMessage", before)
		}
		p := decoded[page](t, w.url+"/rooms/"+url.PathEscape(conversation)+"/messages/v3?"+q.Encode(), "", "IM-API-KEY", w.secrets.APIKey)
		if p.Result.TotalCount != len(want) {
			t.Fatalf("IMKit, %s: totalCount %d, there are %d", conversation, p.Result.TotalCount, len(want))
		}
		for _, m := range p.Result.Data {
			if _, twice := found[m.ID]; twice {
				t.Fatalf("IMKit, %s: message %s came twice", conversation, m.ID)
			}
			found[m.ID] = m
		}
		if len(p.Result.Data) == 0 {
			break
		}
		before = p.Result.Data[len(p.Result.Data)-1].ID
	}
	if len(found) != len(want) {
		t.Fatalf("IMKit, %s: %d of %d messages", conversation, len(found), len(want))
	}
	for _, l := range want {
		m, ok := found[l.ID]
		if !ok || m.Sent != l.SentAt.UnixMilli() || l.Type == "text" && m.Message != l.Text {
			t.Fatalf("IMKit, %s: message %s is %+v", conversation, l.ID, m)
		}
	}
}

// walkShopline pages back by time alone, with the oldest created_at of each page as the next end.
func (w *walker) walkShopline(t *testing.T, conversation string, want []line) {
	type page struct {
		Total int
		Items []struct {
			ID      string
			Message struct {
				CreatedAt time.Time `json:"created_at"`
				Content   struct{ Text string }
			}
		}
	}
	platform := "shop_messages"
	if want[0].Kind == string(parlance.Order) {
		platform = "order_messages"
	}
	texts := map[string]string{}
	for end, left := "", len(want); ; {
		q := url.Values{"platform": {platform}, "limit": {"250"}}
		if end != "" {
			q.Set("end", end)
		}
		p := decoded[page](t, w.url+"/v1/conversations/"+url.PathEscape(conversation)+"/messages?"+q.Encode(), "", "Authorization", "Bearer "+w.secrets.ShoplineToken)
		if p.Total != left {
			t.Fatalf("SHOPLINE, %s, end %s: total %d, there are %d", conversation, end, p.Total, left)
		}
		for _, it := range p.Items {
			if _, twice := texts[it.ID]; twice {
				t.Fatalf("SHOPLINE, %s: message %s came twice", conversation, it.ID)
			}
			texts[it.ID] = it.Message.Content.Text
			end = it.Message.CreatedAt.Format("2006-01-02T15:04:05.000Z")
		}
		left -= len(p.Items)
		if len(p.Items) == 0 {
			break
		}
	}
	if len(texts) != len(want) {
		t.Fatalf("SHOPLINE, %s: %d of %d messages", conversation, len(texts), len(want))
	}
	for _, l := range want {
		if got, ok := texts[l.ID]; !ok || l.Type == "text" && got != l.Text {
			t.Fatalf("SHOPLINE, %s: message %s has the text %q", conversation, l.ID, got)
		}
	}
}

// walkIMetaStore pages back through all buyers at once by the platform's own cursor.
func (w *walker) walkIMetaStore(t *testing.T, lines map[string][]line) {
	type login struct{ Data struct{ AccessToken string } }
	token := decoded[login](t, w.url+"/seller/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, w.secrets.Email, w.secrets.Password)).Data.AccessToken

	type item struct {
		FromAccount, ToAccount string
		MsgTimestamp           int64
		MsgSeq, MsgRandom      uint32
	}
	type page struct {
		Data struct {
			Complete    int
			LastMsgTime int64
			LastMsgKey  string
			MsgList     []struct {
				item
				MsgBody []struct{ MsgContent string }
			}
		}
	}
	wanted, left := map[string]int{}, 0
	for _, want := range lines {
		for _, l := range want {
			if l.Kind == string(parlance.Shop) || l.Kind == string(parlance.Order) {
				wanted[l.Text]++
				left++
			}
		}
	}
	found := map[item]bool{}
	key, maxTime := "", int64(4_000_000_000)
	for complete := 0; complete == 0; {
		body := fmt.Sprintf(`{"buyerId":null,"minTime":0,"maxTime":%d,"lastMsgKey":%q}`, maxTime, key)
		p := decoded[page](t, w.url+"/merchant-api/seller/im/msg", body, "Authorization", "Bearer "+token).Data
		for _, m := range p.MsgList {
			if found[m.item] {
				t.Fatalf("iMetaStore: message %+v came twice", m.item)
			}
			found[m.item] = true
			var content struct{ Text string }
			if err := json.Unmarshal([]byte(m.MsgBody[0].MsgContent), &content); err != nil {
				t.Fatal(err)
			}
			wanted[content.Text]--
		}
		complete, key, maxTime = p.Complete, p.LastMsgKey, p.LastMsgTime
	}
	if len(found) != left {
		t.Fatalf("iMetaStore: %d of %d messages", len(found), left)
	}
	for text, n := range wanted {
		if n != 0 {
			t.Errorf("iMetaStore: the text %.40q is missing %d times", text, n)
		}
	}
}
