package imkit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"parlance/internal/dialecttest"
)

// FuzzSend sends any body to a room and makes an edit of what was sent: it is taken or refused, at a cost that the
// body's length bounds, and the official clients read the room afterwards.
func FuzzSend(f *testing.F) {
	for _, fields := range broken {
		f.Add("{" + fields + "}")
	}
	f.Add(`{"message":` + strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60) + `}`)
	f.Add(`{"messageType":"image","images":[` + strings.Repeat(`{"originalUrl":"x"},`, 2000) + `{}]}`)
	f.Add(`{"messageType":"flex","contents":{"type":"carousel","contents":[` + strings.Repeat(`{"type":"bubble"},`, 2000) + `{}]}}`)
	w, alice, _ := chat(f)
	f.Fuzz(func(t *testing.T, body string) {
		room := w.newRoom(t, "sent")
		path := "/rooms/" + room + "/message"
		status, answer := dialecttest.Post(t, w.server, path, alice, body, 2000)
		var sent struct{ Result row }
		if err := json.Unmarshal([]byte(answer), &sent); err != nil {
			t.Fatalf("%d %s: %v", status, answer, err)
		}
		if status != 200 {
			return
		}
		w.pass(10)
		if inner, ok := strings.CutPrefix(strings.TrimSpace(body), "{"); ok {
			dialecttest.Post(t, w.server, path, alice, `{"_id":"`+sent.Result.ID+`",`+inner, 2000)
		}
		rows, broken := w.shown(t, alice, room)
		if len(broken) > 0 || len(rows) == 0 {
			t.Errorf("%d rows: %s", len(rows), broken)
		}
	})
}
