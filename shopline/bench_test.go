package shopline_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"parlance"
	"parlance/shopline"
)

// BenchmarkNewestPage asks for the newest 20 of 1,000 messages: of a bare server that
// returns the same bytes, of ours when it kept the answer, and when it has to make it.
func BenchmarkNewestPage(b *testing.B) {
	f := newFixture(b, shopline.Options{})
	ref := f.conversation(parlance.Conversation{ID: "c", Kind: parlance.Shop, Customer: customer})
	ms := make([]parlance.Message, 1000)
	for i := range ms {
		ms[i] = said(parlance.MessageID(fmt.Sprintf("%024x", i)), parlance.TimeOf(start.Add(time.Duration(i)*time.Second)), "Good morning, is the blue one still there?")
	}
	f.mirror(ref, ms...)
	const path = "/v1/conversations/c/messages?platform=shop_messages&limit=20"
	body := []byte(f.raw(path))

	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}))
	b.Cleanup(bare.Close)
	for _, c := range []struct {
		name string
		url  func(i int) string
	}{
		{"bare", func(int) string { return bare.URL + path }},
		{"kept", func(int) string { return f.url + path }},
		{"made", func(i int) string {
			return f.url + path + "&end=" + parlance.TimeOf(start.AddDate(1, 0, 0).Add(time.Duration(i)*time.Millisecond)).String()
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			i := 0
			for b.Loop() {
				i++
				req, err := http.NewRequest("GET", c.url(i), http.NoBody)
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+f.token)
				resp, err := client.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || n != int64(len(body)) {
					b.Fatalf("%d bytes, %v", n, err)
				}
			}
		})
	}
}
