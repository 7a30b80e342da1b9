package main

import (
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"parlance/internal/cassandratest"
)

// freePorts returns addresses on this machine that nobody listens on at present.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// TestTwoNodes finds that two nodes on one cluster are one to their clients: what one was told is stored is
// read from the other, and a token that one revoked is refused by the other as soon as the bus
// has told it, long before it would look again by itself.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	hosts, keyspace := cassandratest.Keyspace(t)
	engine := []string{"--engine", "cassandra", "--hosts", strings.Join(hosts, ","), "--keyspace", keyspace, "--json"}
	create := start(t, append([]string{"workspace", "create", "w"}, engine...)...)
	var keys credentialSet
	create.read(&keys)
	if err := create.cmd.Wait(); err != nil {
		t.Fatalf("create the workspace: %v\n%s", err, create.stderr)
	}
	ports := freePorts(t, 2)
	var urls []string
	var nodes []*process
	for i := range ports {
		node := start(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--bus", "embedded://" + ports[i] + "?routes=" + ports[1-i]}, engine...)...)
		var s serving
		node.read(&s)
		urls, nodes = append(urls, s.URL), append(nodes, node)
	}
	a, b := urls[0], urls[1]
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(call(t, a+"/metrics", ""), "parlance_bus_nodes 1") || !strings.Contains(call(t, b+"/metrics", ""), "parlance_bus_nodes 1") {
		if time.Now().After(deadline) {
			t.Fatal("the nodes don't hear each other")
		}
	}

	admin := []string{"IM-API-KEY", keys.IMKit.APIKey}
	call(t, a+"/rooms", `{"_id":"r","members":["ann","ben"]}`, admin...)
	issued := decoded[struct {
		Result struct{ Token string }
	}](t, a+"/admin/clients", `{"_id":"ann","nickname":"Ann","issueAccessToken":true}`, admin...)
	ann := []string{"IM-CLIENT-KEY", keys.IMKit.ClientKey, "IM-Authorization", issued.Result.Token}
	for i, text := range []string{"to one", "to the other", "to one again", "to the other again"} {
		call(t, urls[i%2]+"/rooms/r/message", `{"message":"`+text+`"}`, ann...)
		page := call(t, urls[(i+1)%2]+"/rooms/r/messages/v3", "", ann...)
		if !strings.Contains(page, `"message":"`+text+`"`) {
			t.Errorf("the other node lacks %q, which is acknowledged: %s", text, page)
		}
	}

	before := time.Now()
	r, err := http.NewRequestWithContext(t.Context(), "DELETE", a+"/admin/clients/ann/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("IM-API-KEY", keys.IMKit.APIKey)
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("revoke the token: %v, %v", resp, err)
	}
	for refused := false; !refused; {
		r, err := http.NewRequestWithContext(t.Context(), "GET", b+"/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("IM-CLIENT-KEY", keys.IMKit.ClientKey)
		r.Header.Set("IM-Authorization", issued.Result.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		refused = resp.StatusCode == http.StatusUnauthorized
		if took := time.Since(before); !refused && took > 8*time.Second {
			t.Fatalf("the other node takes the token %s after it was revoked", took)
		}
	}
	for _, n := range nodes {
		if code, _ := n.end(os.Interrupt); code != 0 {
			t.Errorf("a node ended with code %d: %s", code, n.stderr)
		}
	}
}
