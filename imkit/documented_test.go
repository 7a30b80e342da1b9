package imkit_test

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"parlance"
	"parlance/store"
)

// The platform's documented example: a member of demo-room who has hidden its newest
// message asks for what came after a time.
func documentedRoom(t testing.TB) (*world, headers) {
	w := open(t)
	ctx := context.Background()
	w.room(t, parlance.Conversation{ID: "demo-room", Created: 1525001412492}, parlance.Member{Account: "sss"})
	_, err := w.store.UpdateAccount(ctx, workspace, "sss", func(a *parlance.Account) error {
		a.Name = "Elsa"
		a.Description = "description la la #1583637224106"
		a.Avatar = "https://lumiere-a.akamaihd.net/v1/images/f_frozen2_header_mobile_18432_d258f93f.jpeg"
		a.LastLogin = 1588744338369
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var ms []parlance.Message
	for i := range 514 {
		at := parlance.Time(1600000000000 + i)
		ms = append(ms, parlance.Message{
			ID: parlance.MessageID(fmt.Sprintf("5f5e1000%016x", i)), Sender: "sss", Type: parlance.TypeText,
			Text: "earlier", Sent: at, Created: at, Updated: at,
		})
	}
	w.put(t, "demo-room", store.Mirror, append(ms, parlance.Message{
		ID: "5f890cf37d980e06f6aaf349", Sender: "sss", Type: parlance.TypeText,
		Text: "Helloこんにちは SIKTMLNP 11:01:07",
		Sent: 1602817267923, Created: 1602817267925, Updated: 1602817267925,
	})...)
	if err := w.store.Hide(ctx, ref("demo-room"), "sss", "5f890cf37d980e06f6aaf349"); err != nil {
		t.Fatal(err)
	}
	return w, w.user(t, "sss")
}

// documented is the example's answer, with the field that ranges are about and the
// time that the answer took left open.
const documented = `{"RC":0,"RM":"OK","result":{"totalCount":515,` +
	`"inspect":{"query":{"appID":"sampleapp","room":"demo-room","%s":{"$gt":"2020-10-15T03:50:04.000Z"}},"tookMS":#},` +
	`"data":[{"reactions":[],"_id":"5f890cf37d980e06f6aaf349","message":"Helloこんにちは SIKTMLNP 11:01:07","room":"demo-room",` +
	`"sender":{"_id":"sss","nickname":"Elsa","description":"description la la #1583637224106",` +
	`"avatarUrl":"https://lumiere-a.akamaihd.net/v1/images/f_frozen2_header_mobile_18432_d258f93f.jpeg","id":"sss","lastLoginTimeMS":1588744338369},` +
	`"messageType":"text","id":"5f890cf37d980e06f6aaf349","messageTimeMS":1602817267923,"updatedAtMS":1602817267925,` +
	`"createdAtMS":1602817267925,"reactionCount":0,"isDeleted":true}],"userDeletedIDs":["5f890cf37d980e06f6aaf349"]}}`

var took = regexp.MustCompile(`"tookMS":\d+`)

func TestDocumentedExample(t *testing.T) {
	w, elsa := documentedRoom(t)
	for _, c := range []struct{ query, field string }{
		{"limit=10&afterTime=2020-10-15T03:50:04Z", "updatedAt"}, // A3: the sample's own diagnosis says messageTime
		{"limit=10&afterTime=2020-10-15T03:50:04Z&timeRangeField=messageTime", "messageTime"},
		{"limit=10&afterTime=1602733804000&timeRangeField=createdAt", "createdAt"},
		{"limit=10&afterTime=2020-10-15T11:50:04%2B08:00", "updatedAt"},
		{"limit=10&afterTime=2020-10-15T11:50:04+08:00", "updatedAt"},
	} {
		for range 2 { // made, and kept
			a := w.call(t, "GET", "/rooms/demo-room/messages/v3?"+c.query, elsa, nil)
			got := took.ReplaceAllString(a.body, `"tookMS":#`)
			if want := fmt.Sprintf(documented, c.field); a.status != 200 || got != want {
				t.Errorf("%s = %d\n%s\nwant\n%s", c.query, a.status, got, want)
			}
		}
	}
}

func TestDocumentedPaging(t *testing.T) {
	w, elsa := documentedRoom(t)
	p := w.page(t, "demo-room", "limit=20&beforeMessage=5f890cf37d980e06f6aaf349", elsa)
	if len(p.Data) != 20 || p.TotalCount != 515 || p.Data[0].ID != fmt.Sprintf("5f5e1000%016x", 513) {
		t.Errorf("page before the newest: %d rows of %d, first %s", len(p.Data), p.TotalCount, p.Data[0].ID)
	}
	p = w.page(t, "demo-room", "afterTime=1602817267000&timeRangeField=messageTime&limit=50", elsa)
	if len(p.Data) != 1 || !p.Data[0].IsDeleted {
		t.Errorf("time range = %+v", p.Data)
	}
	if p = w.page(t, "demo-room", "", elsa); len(p.Data) != 20 {
		t.Errorf("default limit gives %d rows", len(p.Data))
	}
}

func TestDocumentedRefusals(t *testing.T) {
	w, elsa := documentedRoom(t)
	for _, c := range []struct {
		name, path string
		headers    headers
		status     int
		body       string
	}{
		{
			"bad token", "/rooms/demo-room/messages/v3", elsa.with("IM-Authorization", "x"), 401,
			`{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN","message":"Invalid or expired token"}}`,
		},
		{
			"no token", "/rooms/demo-room/messages/v3", nil, 401,
			`{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN","message":"Invalid or expired token"}}`,
		},
		{
			"not a member", "/rooms/demo-room/messages/v3", w.user(t, "stranger"), 403,
			`{"RC":403,"RM":"Forbidden","error":{"code":"NOT_ROOM_MEMBER","message":"Client is not in the room or room does not exist"}}`,
		},
		{
			"no room", "/rooms/58871b877390be11d5f1ab30/messages/v3", elsa, 404,
			`{"RC":404,"RM":"Room not found","error":{"code":"ROOM_NOT_FOUND","message":"The specified room does not exist"}}`,
		},
		{
			"no anchor", "/rooms/demo-room/messages/v3?beforeMessage=58871b877390be11d5f1ab30", elsa, 404,
			`{"RC":404,"RM":"Message not found","error":{"code":"MESSAGE_NOT_FOUND","message":"The specified message does not exist in this room"}}`,
		},
	} {
		a := w.call(t, "GET", c.path, c.headers, nil)
		if a.status != c.status || a.body != c.body {
			t.Errorf("%s: %d %s\nwant %d %s", c.name, a.status, a.body, c.status, c.body)
		}
	}
}
