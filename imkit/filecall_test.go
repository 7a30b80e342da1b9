package imkit_test

import (
	"context"
	"net/http"
	"testing"

	"parlance/imkit"
)

// Credentials go to the file call of the platform, and to nothing that could be taken for another: messages name these addresses.
func TestCredentialsForFilesOnly(t *testing.T) {
	client := func(base string) *imkit.Client {
		c, err := imkit.NewClient(base, func(context.Context) (imkit.Credentials, error) {
			return imkit.Credentials{APIKey: "secret"}, nil
		}, imkit.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gets := func(c *imkit.Client, method, address string) bool {
		r, err := http.NewRequest(method, address, nil)
		if err != nil {
			return false // nobody can ask for it
		}
		c.Authorize(r)
		return len(r.Header) > 0
	}
	plain, below := client("https://app.imkit.io"), client("https://chat.example.org/imkit/")
	for _, address := range []string{
		"https://app.imkit.io/files/chat/5f890cf37d980e06f6aaf349", "https://app.imkit.io:443/files/chatserver-upload/a.b_c-D", "https://APP.imkit.io/files/chat/1",
		"https://app.imkit.io/files/chat/1?w=100",
	} {
		if !gets(plain, "GET", address) || !gets(plain, "HEAD", address) {
			t.Errorf("%s gets no credential", address)
		}
	}
	if !gets(below, "GET", "https://chat.example.org/imkit/files/chat/1") {
		t.Error("below a path: no credential")
	}
	for _, address := range []string{
		"https://app.imkit.io/rooms", "https://app.imkit.io/me", "https://app.imkit.io/admin/clients", "https://app.imkit.io/files", "https://app.imkit.io/files/", "https://app.imkit.io/files/chat",
		"https://app.imkit.io/files/chat/", "https://app.imkit.io/files/chat/1/", "https://app.imkit.io/files/chat/1/metadata", "https://app.imkit.io/files/video-info", "https://app.imkit.io/files/stats",
		"https://app.imkit.io/files/../rooms/x", "https://app.imkit.io/files/chat/..", "https://app.imkit.io/files/./rooms", "https://app.imkit.io/files/chat/.", "https://app.imkit.io/files/.../x",
		"https://app.imkit.io/files/%2e%2e/rooms", "https://app.imkit.io/files/chat/%2e%2e", "https://app.imkit.io/files/..%2frooms/x", "https://app.imkit.io/files/chat/..%2f..%2frooms",
		"https://app.imkit.io/files/chat/%2e%2e%2f%2e%2e%2frooms", "https://app.imkit.io/files/%252e%252e/rooms", "https://app.imkit.io/files/chat%2f1", "https://app.imkit.io/files%2fchat%2f1",
		"https://app.imkit.io/%66iles/chat/1", "https://app.imkit.io/files/chat/%31", "https://app.imkit.io//files/chat/1", "https://app.imkit.io/files//chat/1", "https://app.imkit.io/files/chat//1",
		"https://app.imkit.io/Files/chat/1", "https://app.imkit.io/FILES/chat/1", "https://app.imkit.io/files;/chat/1", "https://app.imkit.io/files/chat;a=b/1", "https://app.imkit.io/files/chat/1;/../../rooms",
		"https://app.imkit.io/x/files/chat/1", "https://app.imkit.io/rooms/files/chat/1", `https://app.imkit.io/files/chat\..\..\rooms/1`, `https://app.imkit.io/files/..\/rooms`, "https://app.imkit.io/files/chat/1%00",
		"https://app.imkit.io/files/chat/1%0d%0a", "https://app.imkit.io/files/chat/1%20", "https://app.imkit.io/files/chat/ü", "https://app.imkit.io/files/chat/1,2", "https://app.imkit.io/files/ch*t/1",
		"http://app.imkit.io/files/chat/1", "http://app.imkit.io:443/files/chat/1", "https://app.imkit.io:8443/files/chat/1", "https://app.imkit.io:0443/files/chat/1", "https://app.imkit.io./files/chat/1",
		"https://app.imkit.io.evil.example/files/chat/1", "https://evil.example/files/chat/1", "https://app.imkit.io@evil.example/files/chat/1", "https://u:p@app.imkit.io/files/chat/1",
		"https://u@app.imkit.io/files/chat/1", "ftp://app.imkit.io/files/chat/1", "HTTPS://evil.example/https://app.imkit.io/files/chat/1", "/files/chat/1", "https:files/chat/1",
	} {
		if gets(plain, "GET", address) {
			t.Errorf("%s gets the credential", address)
		}
	}
	for _, address := range []string{"https://chat.example.org/files/chat/1", "https://chat.example.org/imkitfiles/chat/1", "https://chat.example.org/imkit/rooms", "https://chat.example.org/IMKIT/files/chat/1", "https://chat.example.org/imkit/../files/chat/1"} {
		if gets(below, "GET", address) {
			t.Errorf("%s gets the credential of what is below a path", address)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		if gets(plain, method, "https://app.imkit.io/files/chat/1") {
			t.Errorf("%s gets the credential", method)
		}
	}
}
