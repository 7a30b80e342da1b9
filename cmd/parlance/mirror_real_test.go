package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/mirror"
)

// The real files that are mirrored unless all are: one with rooms, shops and orders in which messages are edited, deleted, reacted to and come
// with files, and another of the kind that each dialect is for.
var mirroredFiles = map[parlance.Dialect][]string{
	parlance.IMKit:      {"overlay-synthetic", "archive-tw"},
	parlance.Shopline:   {"overlay-synthetic", "crosswoz-zh"},
	parlance.IMetaStore: {"overlay-synthetic", "crosswoz-zh"},
}

// TestRealConversationsAreMirrored imports real conversations into one archive, serves it, mirrors it into another through
// each dialect, serves that one too, and compares the two message by message: the same JSON in the same order with the same totals. With
// PARLANCE_MIRROR_ALL=1 it takes all files, which needs some minutes for each dialect:
//
//	PARLANCE_MIRROR_ALL=1 go test ./cmd/parlance -run TestRealConversationsAreMirrored/imkit -v -timeout 60m
func TestRealConversationsAreMirrored(t *testing.T) {
	dir := realData(t)
	for _, dialect := range []parlance.Dialect{parlance.IMKit, parlance.Shopline, parlance.IMetaStore} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			var files []string
			for _, name := range mirroredFiles[dialect] {
				files = append(files, filepath.Join(dir, name+".jsonl.gz"))
			}
			if os.Getenv("PARLANCE_MIRROR_ALL") != "" {
				var err error
				if files, err = filepath.Glob(filepath.Join(dir, "*.jsonl.gz")); err != nil {
					t.Fatal(err)
				}
			}
			mirrorFiles(t, dialect, files)
		})
	}
}

func mirrorFiles(t *testing.T, dialect parlance.Dialect, files []string) {
	up, _, _ := served(t, files...)
	here, a, ws := served(t)
	m := mirror.New(a.store, mirror.Options{Secret: func(mirror.Config) (mirror.Secret, error) {
		switch dialect {
		case parlance.IMKit:
			return mirror.Secret{APIKey: up.secrets.APIKey}, nil
		case parlance.Shopline:
			return mirror.Secret{Token: up.secrets.ShoplineToken}, nil
		default:
			return mirror.Secret{Email: up.secrets.Email, Password: up.secrets.Password}, nil
		}
	}})
	c := mirror.Config{Name: "up", Workspace: ws.ID, Platform: dialect, Settings: mirror.Settings{URL: up.url, Rate: 1e6}}
	if dialect == parlance.IMetaStore {
		c.URL = up.url + "/merchant-api"
	}
	if err := m.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	first, err := m.Run(t.Context(), "up", mirror.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if first.State != mirror.Complete || len(first.Gaps) > 0 {
		t.Errorf("the mirror is %s: %+v", first.State, first.Gaps)
	}
	began = time.Now()
	again, err := m.Run(t.Context(), "up", mirror.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first run: %s, %d messages of %d conversations, %d read, %d calls, %.1f s; second: %s, %d read, %d calls, %.1f s",
		first.State, first.Messages, first.Conversations, first.Read, first.Calls, took.Seconds(),
		again.State, again.Read, again.Calls, time.Since(began).Seconds())
	if again.New+again.Changed+again.Missing > 0 || again.State != mirror.Complete {
		t.Errorf("the second run wrote: %+v", again)
	}
	// A look at the head of each conversation, and the list.
	if most := 2*first.Conversations + first.Conversations/10 + 10; again.Calls > most {
		t.Errorf("the second run made %d calls, want at most %d", again.Calls, most)
	}

	conversations := map[string]string{} // with their kinds
	mirrored := 0
	for _, file := range files {
		for id, lines := range linesOf(t, file) {
			conversations[id] = lines[0].Kind
			for _, l := range lines {
				if shows(dialect, l) {
					mirrored++
				}
			}
		}
	}
	compared := 0
	switch dialect {
	case parlance.IMKit:
		compared = compareRooms(t, up, here, conversations)
	case parlance.Shopline:
		compared = compareShopline(t, up, here, conversations)
	default:
		compared = compareSeller(t, up, here)
	}
	if compared != mirrored || first.Messages != mirrored {
		t.Errorf("%d messages are compared and %d mirrored of %d", compared, first.Messages, mirrored)
	}
	t.Logf("%d messages are the same", compared)
}

// shows reports whether a dialect has a form for the message.
func shows(dialect parlance.Dialect, l line) bool {
	m := parlance.Message{Type: l.Type, Role: l.Role}
	switch {
	case l.Deleted:
		return false
	case dialect == parlance.IMetaStore:
		return l.Kind == string(parlance.Shop) || l.Kind == string(parlance.Order)
	case dialect == parlance.Shopline:
		return l.Kind == string(parlance.Order) || !m.Private()
	default:
		return true
	}
}

// same fails unless two pages are the same JSON.
func same(t *testing.T, what string, x, y []json.RawMessage) {
	t.Helper()
	if len(x) != len(y) {
		t.Fatalf("%s: %d messages there, %d here", what, len(x), len(y))
	}
	for i := range x {
		if !reflect.DeepEqual(exact(t, x[i]), exact(t, y[i])) {
			t.Fatalf("%s, message %d: there\n%s\nhere\n%s", what, i, x[i], y[i])
		}
	}
}

// exact decodes JSON without rounding numbers.
func exact(t *testing.T, raw []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func compareRooms(t *testing.T, up, here *walker, rooms map[string]string) (compared int) {
	type page struct {
		Result struct {
			TotalCount int
			Data       []json.RawMessage
		}
	}
	for room := range rooms {
		for before := ""; ; {
			q := url.Values{"limit": {"1000"}}
			if before != "" {
				q.Set("beforeMessage", before)
			}
			path := "/rooms/" + url.PathEscape(room) + "/messages/v3?" + q.Encode()
			x := decoded[page](t, up.url+path, "", "IM-API-KEY", up.secrets.APIKey).Result
			y := decoded[page](t, here.url+path, "", "IM-API-KEY", here.secrets.APIKey).Result
			if x.TotalCount != y.TotalCount {
				t.Fatalf("%s: totalCount %d there, %d here", path, x.TotalCount, y.TotalCount)
			}
			same(t, path, x.Data, y.Data)
			compared += len(x.Data)
			if len(x.Data) == 0 {
				break
			}
			var last struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal(x.Data[len(x.Data)-1], &last); err != nil {
				t.Fatal(err)
			}
			before = last.ID
		}
	}
	return compared
}

func compareShopline(t *testing.T, up, here *walker, conversations map[string]string) (compared int) {
	type page struct {
		Total int
		Items []json.RawMessage
	}
	for id, kind := range conversations {
		platform := "shop_messages"
		if kind == string(parlance.Order) {
			platform = "order_messages"
		}
		for end := ""; ; {
			q := url.Values{"platform": {platform}, "limit": {"250"}}
			if end != "" {
				q.Set("end", end)
			}
			path := "/v1/conversations/" + url.PathEscape(id) + "/messages?" + q.Encode()
			x := decoded[page](t, up.url+path, "", "Authorization", "Bearer "+up.secrets.ShoplineToken)
			y := decoded[page](t, here.url+path, "", "Authorization", "Bearer "+here.secrets.ShoplineToken)
			if x.Total != y.Total {
				t.Fatalf("%s: total %d there, %d here", path, x.Total, y.Total)
			}
			same(t, path, x.Items, y.Items)
			compared += len(x.Items)
			if len(x.Items) == 0 {
				break
			}
			var last struct {
				Message struct {
					CreatedAt string `json:"created_at"`
				}
			}
			if err := json.Unmarshal(x.Items[len(x.Items)-1], &last); err != nil {
				t.Fatal(err)
			}
			end = last.Message.CreatedAt
		}
	}
	return compared
}

// compareSeller compares the messages second by second, and the order of the pages' seconds. Which of several messages of one second
// comes first the platform doesn't say: its times are no finer, and a mirror goes by msgSeq.
func compareSeller(t *testing.T, up, here *walker) (compared int) {
	there, thereSeconds := readSeller(t, up)
	mirrored, seconds := readSeller(t, here)
	if !slices.Equal(thereSeconds, seconds) {
		t.Errorf("the messages' seconds differ")
	}
	for accounts, items := range there {
		same(t, accounts, sortedText(items), sortedText(mirrored[accounts]))
		compared += len(items)
	}
	return compared
}

func sortedText(items []json.RawMessage) []json.RawMessage {
	return slices.SortedFunc(slices.Values(items), func(x, y json.RawMessage) int { return bytes.Compare(x, y) })
}

// readSeller reads all pages: the messages of each two accounts in each second, and the second of every message, newest first.
func readSeller(t *testing.T, w *walker) (items map[string][]json.RawMessage, seconds []int64) {
	type login struct{ Data struct{ AccessToken string } }
	type page struct {
		Data struct {
			Complete    int
			LastMsgTime int64
			LastMsgKey  string
			MsgList     []json.RawMessage
		}
	}
	token := decoded[login](t, w.url+"/seller/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, w.secrets.Email, w.secrets.Password)).Data.AccessToken
	items = map[string][]json.RawMessage{}
	maxTime, key := int64(4_000_000_000), ""
	for {
		body := fmt.Sprintf(`{"buyerId":null,"minTime":0,"maxTime":%d,"lastMsgKey":%q}`, maxTime, key)
		p := decoded[page](t, w.url+"/merchant-api/seller/im/msg", body, "Authorization", "Bearer "+token).Data
		for _, raw := range slices.Backward(p.MsgList) { // pages are ascending
			var it struct {
				FromAccount, ToAccount string
				MsgTimestamp           int64
			}
			if err := json.Unmarshal(raw, &it); err != nil {
				t.Fatal(err)
			}
			accounts := min(it.FromAccount, it.ToAccount) + " " + max(it.FromAccount, it.ToAccount) + " " + strconv.FormatInt(it.MsgTimestamp, 10)
			items[accounts] = append(items[accounts], raw)
			seconds = append(seconds, it.MsgTimestamp)
		}
		if p.Complete != 0 {
			return items, seconds
		}
		maxTime, key = p.LastMsgTime, p.LastMsgKey
	}
}
