package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parlance"
)

// peakMemory returns the most memory in bytes that a process had at any time.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		t.Skip("no /proc on this system: what a process takes isn't measured")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return n << 10
}

// bombs is a platform all of whose answers are small until they are unpacked, or as large as answers may be. It counts them.
func bombs(t *testing.T, n *atomic.Int64) *httptest.Server {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, `{"items":[`+strings.Repeat("{},", 3_000_000)+`{}],"pagination":{"total_count":3000001}}`)
	z.Close()
	large := []byte(`{"items":[{"text":"` + strings.Repeat("x", parlance.MaxUpstreamBody-100) + `"}]}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if n.Add(1)%2 == 0 {
			w.Write(large)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}))
	t.Cleanup(srv.Close)
	return srv
}

// TestMemoryUnderAttack has everything large that clients and upstreams may send or ask for come at once, from many connections, some
// of which read nothing of their answers. The server takes no more memory than is promised, and answers everybody else meanwhile.
func TestMemoryUnderAttack(t *testing.T) {
	const promised = 1536 << 20
	base := t.TempDir()
	data := filepath.Join(base, "d")
	var w credentialSet
	made := runIn(t, base, "", "workspace", "create", "acme", "--data", data, "--json")
	if err := json.Unmarshal([]byte(made.stdout), &w); err != nil {
		t.Fatalf("%v: %+v", err, made)
	}
	var quiet credentialSet // another workspace, whose only user wants one small page
	made = runIn(t, base, "", "workspace", "create", "quiet", "--data", data, "--json")
	if err := json.Unmarshal([]byte(made.stdout), &quiet); err != nil {
		t.Fatalf("%v: %+v", err, made)
	}
	room := roomWith(t.Context(), t, data, "https://files.example.org/a.png")

	secrets := map[string]string{"imkit": "api_key: k\nclient_key: c\n", "shopline": "token: t\n", "imetastore": "email: a@example.org\npassword: p\n"}
	var exploded atomic.Int64
	for platform, secret := range secrets {
		file := filepath.Join(base, platform)
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			r := runIn(t, base, "", "mirror", "add", fmt.Sprint(platform, i), "--data", data, "--workspace", "acme", "--platform", platform,
				"--url", bombs(t, &exploded).URL, "--secret-file", file)
			if r.code != exitDone {
				t.Fatalf("mirror add: %+v", r)
			}
		}
	}
	p := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--public-url", "http://chat.example.org", "--json")
	var s serving
	p.read(&s)

	key := []string{"IM-API-KEY", w.IMKit.APIKey}
	inRoom := `{"room":"` + room + `","sender":"6365a1f0c1a0b20013c40a01","messageType":"text",`
	text := inRoom + `"message":"` + strings.Repeat("x", 900_000) + `"}`
	for range 60 {
		if got := status(t, "POST", s.URL+"/messages", text, key...); got != http.StatusOK {
			t.Fatalf("send: %d", got)
		}
	}
	for i := range 1000 {
		body := fmt.Sprintf(`{"_id":"room %d","name":%q,"description":%q}`, i, strings.Repeat("n", parlance.MaxName), strings.Repeat("d", parlance.MaxDescription))
		if got := status(t, "POST", s.URL+"/rooms", body, key...); got != http.StatusOK {
			t.Fatalf("make a room: %d", got)
		}
	}
	token := decoded[struct{ Data struct{ AccessToken string } }](t, s.URL+"/seller/auth/login",
		fmt.Sprintf(`{"email":%q,"password":%q}`, w.IMetaStore.Email, w.IMetaStore.Password)).Data.AccessToken
	shop, seller := []string{"Authorization", "Bearer " + w.Shopline.Token}, []string{"Authorization", "Bearer " + token}
	nested := `{"buyerId":1,"msgRandom":1,"msgBody":{"msgType":"TIMImageElem","msgContent":{"imageInfoArray":[` + strings.Repeat("[],", 300_000) + `[]]}}}`
	deep := inRoom + `"message":"x","extra":` + strings.Repeat(`{"a":[`, 100_000) + strings.Repeat(`]}`, 100_000) + `}`
	addresses := inRoom + `"message":"x","extra":["` + strings.Repeat(`http://a/","`, 80_000) + `"]}`

	var wg sync.WaitGroup
	attack := func(clients, times int, method, path, body string, headers []string) {
		for range clients {
			wg.Go(func() {
				for range times {
					r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Content-Type", "application/json")
					for i := 0; i < len(headers); i += 2 {
						r.Header.Set(headers[i], headers[i+1])
					}
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Errorf("%s %s: %v", method, path, err)
						return
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("%s %s: %s, %v", method, path, resp.Status, err)
						return
					}
				}
			})
		}
	}
	// Clients that ask for much and read nothing hold their connections until the end.
	var idle []io.Closer
	for range 64 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/rooms/"+room+"/messages/v3?limit=100", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("IM-API-KEY", w.IMKit.APIKey)
		resp, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, resp.Body)
	}
	attack(16, 4, "GET", "/rooms/"+room+"/messages/v3?limit=100", "", key)
	attack(16, 4, "GET", "/v1/conversations/"+room+"/messages?platform=shop_messages&limit=50", "", shop)
	attack(16, 4, "POST", "/seller/im/msg", `{"minTime":0,"maxTime":9999999999}`, seller)
	attack(16, 4, "GET", "/rooms?limit=0", "", key)
	attack(16, 10, "POST", "/messages", text, key)
	attack(16, 10, "POST", "/messages", deep, key)
	attack(16, 10, "POST", "/messages", addresses, key)
	attack(16, 10, "POST", "/seller/im/send-msg", nested, seller)
	attacked := make(chan struct{})
	go func() { wg.Wait(); close(attacked) }()
	answered, refused := 0, 0
	for under := true; under; {
		select {
		case <-attacked:
			under = false
		default:
			switch got := status(t, "GET", s.URL+"/rooms?limit=20", "", "IM-API-KEY", quiet.IMKit.APIKey); got {
			case http.StatusOK:
				answered++
			case http.StatusServiceUnavailable:
				refused++
			default:
				t.Errorf("the quiet workspace got %d", got)
			}
		}
	}
	if answered == 0 {
		t.Errorf("the quiet workspace was refused %d times, and answered never", refused)
	}
	peak := peakMemory(t, p.cmd.Process.Pid)
	t.Logf("%d MiB at most; the quiet workspace was answered %d times and refused %d times; upstreams gave %d bombs",
		peak>>20, answered, refused, exploded.Load())
	if exploded.Load() == 0 {
		t.Error("the mirror asked for nothing")
	}
	if peak > promised {
		t.Errorf("%d MiB at the peak, %d MiB are promised", peak>>20, promised>>20)
	}
	for _, c := range idle {
		c.Close()
	}
	if code, _ := p.end(os.Interrupt); code != exitDone {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
}
