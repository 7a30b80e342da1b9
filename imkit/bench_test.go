package imkit_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"parlance"
	"parlance/store"
)

// BenchmarkNewestPage asks for the newest 20 messages, beside a bare handler that
// returns the same bytes.
func BenchmarkNewestPage(b *testing.B) {
	w := open(b)
	w.room(b, parlance.Conversation{ID: "r1"}, parlance.Member{Account: "alice"})
	for range 200 {
		w.put(b, "r1", store.Send, parlance.Message{Sender: "alice", Type: parlance.TypeText, Text: "A message of the usual length, as people write them."})
	}
	alice := w.user(b, "alice")
	body := []byte(w.call(b, "GET", "/rooms/r1/messages/v3", alice, nil).body)
	bare := http.NewServeMux()
	bare.HandleFunc("GET /rooms/{id}/messages/v3", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	})
	run := func(name string, h http.Handler, path func() string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", path(), nil)
				for k, v := range alice {
					r.Header.Set(k, v)
				}
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
	newest := func() string { return "/rooms/r1/messages/v3" }
	run("bare", bare, newest)
	run("kept", w.server, newest)
	after := 0
	run("made", w.server, func() string { // another question each time
		after++
		return "/rooms/r1/messages/v3?afterTime=" + strconv.Itoa(after)
	})
}
