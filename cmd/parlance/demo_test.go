package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"parlance/internal/config"
)

// startDemo runs a demo and returns what it prints.
func startDemo(t *testing.T, args ...string) (*process, demoDescription) {
	t.Helper()
	p := start(t, append([]string{"demo", "--json", "--listen", "127.0.0.1:0"}, args...)...)
	var d demoDescription
	p.read(&d)
	return p, d
}

type imkitPage struct {
	Result struct {
		TotalCount     int
		Data           []json.RawMessage
		UserDeletedIDs []string
	}
}

type shoplinePage struct {
	Total int
	Items []json.RawMessage
}

type buyerPage struct {
	Data struct {
		MsgCnt, Complete int
		MsgList          []json.RawMessage
	}
}

func (d demoDescription) imkit() []string {
	return []string{"IM-CLIENT-KEY", d.IMKit.ClientKey, "IM-Authorization", d.IMKit.Users[0].Token}
}

func (d demoDescription) shopline() []string {
	return []string{"Authorization", "Bearer " + d.Shopline.Token}
}

func (d demoDescription) imetastore(t *testing.T) []string {
	t.Helper()
	type session struct{ Data struct{ AccessToken string } }
	b, err := json.Marshal(map[string]string{"email": d.IMetaStore.Email, "password": d.IMetaStore.Password})
	if err != nil {
		t.Fatal(err)
	}
	s := decoded[session](t, d.URL+"/merchant-api/seller/auth/login", string(b))
	return []string{"Authorization", "Bearer " + s.Data.AccessToken}
}

// TestDemo reads everything that a demo offers, through each dialect.
func TestDemo(t *testing.T) {
	t.Parallel()
	p, d := startDemo(t)
	if d.Workspace != "demo" || len(d.IMKit.Users) < 2 || len(d.IMKit.Rooms) < 20 || len(d.Shopline.Conversations) < 20 || len(d.IMetaStore.Buyers) < 5 {
		t.Fatalf("demo prints %+v", d)
	}

	total := 0
	for _, room := range d.IMKit.Rooms {
		page := decoded[imkitPage](t, fmt.Sprintf("%s/rooms/%s/messages/v3?limit=100", d.URL, room), "", d.imkit()...)
		if page.Result.TotalCount == 0 || len(page.Result.Data) != page.Result.TotalCount {
			t.Errorf("room %s: %d messages of %d", room, len(page.Result.Data), page.Result.TotalCount)
		}
		total += page.Result.TotalCount
	}
	if total < 300 {
		t.Errorf("the rooms have %d messages", total)
	}
	for _, c := range d.Shopline.Conversations {
		page := decoded[shoplinePage](t, fmt.Sprintf("%s/v1/conversations/%s/messages?platform=%s&limit=100", d.URL, c.ID, c.Platform), "", d.shopline()...)
		if page.Total == 0 || len(page.Items) != page.Total {
			t.Errorf("conversation %s: %d messages of %d", c.ID, len(page.Items), page.Total)
		}
	}
	auth := d.imetastore(t)
	for _, b := range d.IMetaStore.Buyers {
		page := decoded[buyerPage](t, d.URL+"/api/merchant-api/seller/im/msg",
			fmt.Sprintf(`{"buyerId":%d,"minTime":0,"maxTime":%d}`, b, time.Now().Unix()), auth...)
		if page.Data.MsgCnt == 0 || page.Data.Complete != 1 || len(page.Data.MsgList) != page.Data.MsgCnt {
			t.Errorf("buyer %d: %+v", b, page.Data)
		}
	}
	if code, rest := p.end(syscall.SIGTERM); code != exitDone || rest != "" || p.stderr.String() != "" {
		t.Errorf("after SIGTERM: exit code %d, output %q\n%s", code, rest, p.stderr)
	}
}

// TestDemoExamples makes the requests of the platforms' documentation.
func TestDemoExamples(t *testing.T) {
	t.Parallel()
	_, d := startDemo(t)
	if d.IMKit.Rooms[0] != "demo-room" || d.Shopline.Conversations[0].ID != "622090c66775a37b9fa60799" || d.IMetaStore.Buyers[0] != 1907369850568257537 {
		t.Errorf("the examples don't come first: %+v", d)
	}
	if d.IMKit.Users[0].ID != "sss" {
		t.Errorf("the first user is %s", d.IMKit.Users[0].ID)
	}

	const message = `{"reactions":[],"_id":"5f890cf37d980e06f6aaf349","message":"Helloこんにちは SIKTMLNP 11:01:07","room":"demo-room",` +
		`"sender":{"_id":"sss","nickname":"Elsa","description":"description la la #1583637224106","avatarUrl":"https://lumiere-a.akamaihd.net/v1/images/f_frozen2_header_mobile_18432_d258f93f.jpeg","id":"sss","lastLoginTimeMS":1588744338369},` +
		`"messageType":"text","id":"5f890cf37d980e06f6aaf349","messageTimeMS":1602817267923,"updatedAtMS":1602817267925,"createdAtMS":1602817267925,"reactionCount":0,"isDeleted":true}`
	room := decoded[imkitPage](t, d.URL+"/rooms/demo-room/messages/v3?limit=10&afterTime=2020-10-15T03:50:04Z", "", d.imkit()...)
	if len(room.Result.Data) != 1 || string(room.Result.Data[0]) != message || len(room.Result.UserDeletedIDs) != 1 || room.Result.UserDeletedIDs[0] != "5f890cf37d980e06f6aaf349" {
		t.Errorf("IMKit: %s, hidden %v", room.Result.Data, room.Result.UserDeletedIDs)
	}

	shop := decoded[shoplinePage](t, d.URL+"/v1/conversations/622090c66775a37b9fa60799/messages?platform=shop_messages&limit=2", "", d.shopline()...)
	if shop.Total != 4 || len(shop.Items) != 2 ||
		!strings.Contains(string(shop.Items[0]), `"id":"600d7164b98742004640e533"`) || !strings.Contains(string(shop.Items[0]), `"created_at":"2021-01-24T13:08:52.613Z"`) ||
		!strings.Contains(string(shop.Items[1]), `"id":"600d714ab98742004640e532"`) || !strings.Contains(string(shop.Items[1]), `"created_at":"2021-01-24T13:08:26.416Z"`) {
		t.Errorf("SHOPLINE, shop: total %d, %s", shop.Total, shop.Items)
	}
	var order demoConversation
	for _, c := range d.Shopline.Conversations {
		if c.Platform == "order_messages" {
			order = c
			break
		}
	}
	orders := decoded[shoplinePage](t, fmt.Sprintf("%s/v1/conversations/%s/messages?platform=order_messages&limit=1", d.URL, order.ID), "", d.shopline()...)
	if orders.Total != 1 || !strings.Contains(string(orders.Items[0]), `"id":"6009030217690700468512ec"`) ||
		!strings.Contains(string(orders.Items[0]), `"created_at":"2021-01-21T04:28:50.656Z"`) || !strings.Contains(string(orders.Items[0]), `"text":"YA"`) {
		t.Errorf("SHOPLINE, order: total %d, %s", orders.Total, orders.Items)
	}

	buyer := decoded[buyerPage](t, d.URL+"/merchant-api/seller/im/msg", `{"buyerId":1907369850568257537,"minTime":1734400000,"maxTime":1734500000}`, d.imetastore(t)...)
	const item = `{"fromAccount":"seller_001","toAccount":"1907369850568257537","msgTimestamp":1734443056,"msgDateTime":"2024-12-17 13:44:16","msgSeq":1,"msgRandom":123456789,"msgBody":[{"msgType":"TIMTextElem","msgContent":"{\"text\":\"Hello! Your order has been delivered.\"}"}]}`
	if len(buyer.Data.MsgList) != 1 || string(buyer.Data.MsgList[0]) != item {
		t.Errorf("iMetaStore: %s", buyer.Data.MsgList)
	}
}

// TestDemoAgain checks that a demo's folder can be used again: what was written is still there, and
// only the new credentials work.
func TestDemoAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, old := startDemo(t, "--data", dir)
	call(t, old.URL+"/rooms/demo-room/message", `{"messageType":"text","message":"written to the demo"}`, old.imkit()...)
	p.end(os.Interrupt)

	_, d := startDemo(t, "--data", dir)
	page := decoded[imkitPage](t, d.URL+"/rooms/demo-room/messages/v3", "", d.imkit()...)
	if page.Result.TotalCount != 2 || !strings.Contains(string(page.Result.Data[0]), "written to the demo") {
		t.Errorf("the second demo has %s", page.Result.Data)
	}
	call(t, d.URL+"/v1/conversations?platform=shop_messages", "", d.shopline()...)
	d.imetastore(t)
	if len(d.IMKit.Rooms) != len(old.IMKit.Rooms) || len(d.IMetaStore.Buyers) != len(old.IMetaStore.Buyers) {
		t.Error("the second demo offers something else")
	}
	if old.IMKit.ClientKey == d.IMKit.ClientKey || old.Shopline.Token == d.Shopline.Token || old.IMetaStore.Password == d.IMetaStore.Password {
		t.Error("the credentials are the old ones")
	}
}

// TestDemoAddress checks that a demo finds another port if the usual one is taken, unless it was told
// which to take.
func TestDemoAddress(t *testing.T) {
	usual := config.Defaults().Listen
	if l, err := net.Listen("tcp", usual); err == nil {
		defer l.Close()
	} // else somebody has it already, which is as good
	p := start(t, "demo", "--json")
	var d demoDescription
	p.read(&d)
	if d.URL == "http://"+usual || !strings.Contains(p.stderr.String(), usual+" is taken, so this demo listens on ") {
		t.Errorf("the demo is at %s\n%s", d.URL, p.stderr)
	}
	call(t, d.URL+"/healthz", "")

	told := start(t, "demo", "--listen", strings.TrimPrefix(d.URL, "http://"))
	if err := told.cmd.Wait(); err == nil || told.cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(told.stderr.String(), "--listen") {
		t.Errorf("on an address that is taken: %v\n%s", err, told.stderr)
	}
}

// TestDemoText checks that what people read holds a request for each dialect.
func TestDemoText(t *testing.T) {
	t.Parallel()
	p := start(t, "demo", "--listen", "127.0.0.1:0")
	var text string
	for !strings.Contains(text, "parlance workspace create") {
		line, err := p.stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %s", err, text)
		}
		text += line
	}
	if n := strings.Count(text, "\n  curl -s '"); n != 3 {
		t.Errorf("%d requests in %s", n, text)
	}
	for line := range strings.Lines(text) {
		if request, ok := strings.CutPrefix(line, "  curl -s '"); ok {
			checkCurl(t, request, 500)
		}
	}
}

// checkCurl makes the request of a curl command, whose arguments are all in single quotes. The answer must have so many bytes at
// least.
func checkCurl(t *testing.T, request string, least int) {
	t.Helper()
	url, rest, _ := strings.Cut(request, "'")
	var headers []string
	var body string
	for {
		_, after, ok := strings.Cut(rest, " -")
		if !ok {
			break
		}
		option, after, _ := strings.Cut(after, " '")
		value, after, _ := strings.Cut(after, "'")
		rest = after
		if option == "d" {
			body = value
		} else {
			name, v, _ := strings.Cut(value, ": ")
			headers = append(headers, name, v)
		}
	}
	if got := call(t, url, body, headers...); len(got) < least {
		t.Errorf("%s answers %s", url, got)
	}
}
