package imkit

import (
	"runtime"
	"testing"
	"time"

	"parlance"
	"parlance/internal/upstream"
)

// FuzzRoomList reads any answer to the list of rooms as the mirror does: a page or an error, never a page of an
// envelope that tells of an error, at a cost that its length bounds.
func FuzzRoomList(f *testing.F) {
	for _, s := range []string{
		`{"RC":0,"RM":"OK","result":{"totalCount":1,"data":[{"_id":"r","name":"R","members":["a",{"_id":"b"}],"lastMessage":null}],"inspect":{"query":{}}}}`,
		`{"RC":0,"RM":"OK","result":{"totalCount":"2","data":[null,{"_id":{}},[],"r"]}}`, `{"RC":0,"result":{"data":null}}`, `{"result":{"data":[]},"error":"X"}`,
		`{"RC":401,"RM":"Unauthorized","error":{"code":"INVALID_TOKEN","message":"m"}}`, `{"RC":429,"error":"RATE_LIMITED","message":"m","retryAfter":1e30}`,
		`{"RC":"0","RM":5,"error":[{}],"result":[]}`, `<html>`, ``, `{"RC":0,"RC":500,"result":{"data":[]}}`, "{\"result\":\"\xff\"}",
	} {
		for _, status := range []int{200, 204, 401, 404, 429, 503} {
			f.Add(status, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		raw, err := open(&upstream.Answer{Status: status, Body: body}, upstream.Call{Path: "/rooms"}, Credentials{})
		var page roomRows
		if err == nil {
			if page, err = readRoomRows(raw); err == nil {
				_, err = readRoomPage(raw)
			}
		} else if parlance.KindOf(err) == parlance.Internal {
			t.Errorf("an error of no kind: %v", err)
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > uint64(1<<20+500*len(body)) || took > 2*time.Second {
			t.Errorf("%d bytes took %d bytes of memory and %s", len(body), bytes, took)
		}
		if err == nil && (status < 200 || status >= 300) {
			t.Errorf("status %d was taken for %d rooms", status, len(page.rows))
		}
	})
}
