package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"

	"parlance"
	"parlance/fake"
)

// startFake runs a practice upstream and returns what it prints.
func startFake(t *testing.T, args ...string) (*process, fakeDescription) {
	t.Helper()
	p := start(t, append([]string{"fake", "--json"}, args...)...)
	var d fakeDescription
	p.read(&d)
	return p, d
}

// newest returns what the practice upstream of d answers to a first request for messages.
func newest(t *testing.T, d fakeDescription) string {
	t.Helper()
	switch c := d.Credentials; d.Platform {
	case parlance.IMKit:
		return call(t, d.URL+"/rooms/"+url.PathEscape(d.Conversations[0])+"/messages/v3", "", "IM-CLIENT-KEY", c.ClientKey, "IM-Authorization", c.Token)
	case parlance.Shopline:
		return call(t, d.URL+"/v1/conversations/"+d.Conversations[0]+"/messages?platform=shop_messages", "", "Authorization", "Bearer "+c.Token)
	default:
		type session struct{ Data struct{ AccessToken string } }
		s := decoded[session](t, d.URL+"/seller/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, c.Email, c.Password))
		return call(t, d.URL+"/merchant-api/seller/im/msg", `{"buyerId":`+d.Conversations[0]+`,"minTime":0,"maxTime":4102444800}`, "Authorization", "Bearer "+s.Data.AccessToken)
	}
}

// TestFake checks that each platform can be practised on, that the same seed gives the same, and that an end is no error.
func TestFake(t *testing.T) {
	t.Parallel()
	for _, platform := range fake.Platforms() {
		args := []string{"--platform", string(platform), "--seed", "9", "--messages", "120", "--conversations", "2", "--faults", "ties, total-wrong"}
		p, d := startFake(t, args...)
		if d.Platform != platform || d.Messages != 120 || len(d.Conversations) != 2 || fmt.Sprint(d.Faults) != "[ties total-wrong]" {
			t.Errorf("fake prints %+v", d)
		}
		got := strings.ReplaceAll(newest(t, d), d.URL, "")
		if len(got) < 1000 {
			t.Errorf("%s: %s", platform, got)
		}
		if code, rest := p.end(syscall.SIGTERM); code != exitDone || rest != "" || p.stderr.String() != "" {
			t.Errorf("after SIGTERM: exit code %d, output %q\n%s", code, rest, p.stderr)
		}
		q, d := startFake(t, args...)
		if again := strings.ReplaceAll(newest(t, d), d.URL, ""); again != got {
			t.Errorf("%s: the same seed gives another answer", platform)
		}
		q.end(os.Interrupt)
	}
}

// TestFakeText checks that what people read holds a request that works and all that a secret file needs.
func TestFakeText(t *testing.T) {
	t.Parallel()
	for platform, secrets := range map[string][]string{
		"imkit": {"  client_key: ", "  token: "}, "shopline": {"  token: "}, "imetastore": {"  email: ", "  password: "},
	} {
		p := start(t, "fake", "--platform", platform, "--faults", "bad-item")
		var text, request string
		for request == "" {
			line, err := p.stdout.ReadString('\n')
			if err != nil {
				t.Fatalf("%v after %s", err, text)
			}
			text += line
			request, _ = strings.CutPrefix(line, "  curl -s '")
			if request == line {
				request = ""
			}
		}
		for _, s := range append(secrets, "Faults: bad-item\n", "200 messages in 3 conversations") {
			if !strings.Contains(text, s) {
				t.Errorf("%s: no %q in %s", platform, s, text)
			}
		}
		checkCurl(t, request, 300)
	}
}

// TestFakeDeadToken checks that people are told which token works when one has died.
func TestFakeDeadToken(t *testing.T) {
	t.Parallel()
	p, d := startFake(t, "--platform", "shopline", "--faults", "dead-token")
	list := d.URL + "/v1/conversations?platform=shop_messages"
	for range 30 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, list, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+d.Credentials.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	_, token, ok := strings.Cut(p.stderr.String(), "the credentials have died; what works now:\n  token: ")
	if token = strings.TrimSpace(token); !ok || token == d.Credentials.Token {
		t.Fatalf("stderr: %s", p.stderr)
	}
	call(t, list, "", "Authorization", "Bearer "+token)
}

// TestFakeLines serves a file of messages, compressed.
func TestFakeLines(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "messages.jsonl.gz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := z.Write([]byte(`{"conversation":"lobby","conversation_kind":"room","title":"","id":"1","sender":"a","sender_name":"A","sender_role":"member","sent_at":"2020-01-01T00:00:00.000Z","type":"text","text":"from the file"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, d := startFake(t, "--platform", "imkit", "--lines", file)
	if d.Messages != 1 || d.Conversations[0] != "lobby" || !strings.Contains(newest(t, d), `"message":"from the file"`) {
		t.Errorf("fake serves %+v", d)
	}
}
