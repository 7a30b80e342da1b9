package shopline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parlance/internal/dialecttest"
	"parlance/shopline"
)

// FuzzSend sends any body about an order, and to a customer: it is taken or refused, at a cost that its length bounds,
// and the list of conversations is JSON afterwards.
func FuzzSend(f *testing.F) {
	for _, s := range []string{
		fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":"hi","ref_data":{"path":"/x"}}`, merchant, customer),
		fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":"hi"}`, customer, merchant),
		`{"text":"hi","trackable_type":"Order","trackable_id":"o1","is_private":true,"custom_data":{"a":[1,{}]}}`,
		`{"text":"hi","trackable_type":"Order","trackable_id":"o1","send_by":"customer","owner_id":"c"}`,
		`{"text":5}`, `{"text":"a","text":"b"}`, `[]`, ``, `null`, `{"custom_data":` + strings.Repeat(`{"a":`, 60) + `1` + strings.Repeat(`}`, 61),
		`{"text":"x","trackable_type":"Order","trackable_id":"o1","custom_data":[` + strings.Repeat(`{},`, 5000) + `{}]}`,
	} {
		f.Add(s)
	}
	x := newFixture(f, shopline.Options{})
	as := map[string]string{"Authorization": "Bearer " + x.token}
	f.Fuzz(func(t *testing.T, body string) {
		x := *x
		x.t = t
		for _, path := range []string{"/v1/conversations/message", "/v1/orders/o1/messages"} {
			if status, answer := dialecttest.Post(t, x.server, path, as, body, 1000); !json.Valid([]byte(answer)) {
				t.Errorf("%s: %d %s", path, status, answer)
			}
		}
		if list := x.raw("/v1/conversations?platform=order_messages"); !json.Valid([]byte(list)) {
			t.Errorf("list: %s", list)
		}
	})
}
