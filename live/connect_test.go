package live_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"parlance/live"
)

// serve starts a NATS server as an operator would run it; port -1 is any free one.
func serve(t *testing.T, port int) *natsserver.Server {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, Authorization: "token", NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server doesn't start")
	}
	t.Cleanup(func() { stop(s) })
	return s
}

func stop(s *natsserver.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func connected(t *testing.T, url, token string) *node {
	t.Helper()
	return newNode(t, func(log *slog.Logger) (*live.Bus, error) {
		return live.Connect(t.Context(), url, live.Options{Token: token, Logger: log})
	})
}

// Nodes that lose their server know when it is back that they may have missed something, and go on
// hearing. What was published meanwhile is dropped and counted.
func TestServerLost(t *testing.T) {
	s := serve(t, -1)
	port := portOf(s)
	a, b := connected(t, s.ClientURL(), "token"), connected(t, s.ClientURL(), "token")
	logged(t, a.said, nodeSeen)
	logged(t, b.said, nodeSeen)
	a.Publish(samples[0])
	receive(t, "a revocation", b.heard[live.Revoked])

	stop(s)
	const lost = "the bus is disconnected; trying until it is back"
	logged(t, a.said, lost)
	logged(t, b.said, lost)
	if a.Status().Connected {
		t.Error("connected to no server")
	}
	a.Publish(samples[1])

	serve(t, port)
	for _, n := range []*node{a, b} {
		logged(t, n.said, "the bus is connected again")
		receive(t, "that something was missed", n.heard[live.Missed])
	}
	// The second time b hears of it is when a's numbers show what was dropped.
	receive(t, "that an event was missed", b.heard[live.Missed])
	if s := a.Status(); s.Dropped != 1 || !s.Connected {
		t.Errorf("Status = %+v", s)
	}
	a.Publish(samples[0])
	receive(t, "a revocation", b.heard[live.Revoked])
	if len(b.heard[live.Records]) != 0 {
		t.Error("an event was heard that was dropped")
	}
}

func portOf(s *natsserver.Server) int {
	return s.Addr().(*net.TCPAddr).Port
}

// A node starts without its server, and finds it when it comes.
func TestServerLate(t *testing.T) {
	s := serve(t, -1)
	port, url := portOf(s), s.ClientURL()
	stop(s)
	a := connected(t, url, "token")
	logged(t, a.said, "the bus can't be reached; trying until it can")
	a.Publish(samples[0])
	serve(t, port)
	logged(t, a.said, "the bus is connected")
	b := connected(t, url, "token")
	receive(t, "that something was missed", b.heard[live.Missed]) // a's event before it
	b.Publish(samples[0])
	receive(t, "a revocation", a.heard[live.Revoked])
}

// A node that isn't let in goes on without others, and says so.
func TestWrongToken(t *testing.T) {
	s := serve(t, -1)
	a := connected(t, s.ClientURL(), "guessed")
	logged(t, a.said, "the bus can't be reached; trying until it can")
	if a.Status().Connected {
		t.Error("connected with a wrong token")
	}
	if _, err := live.Connect(t.Context(), "nats://[", live.Options{}); err == nil {
		t.Error("a URL that is none: no error")
	}
}

// What can't be understood is dropped and counted, and what comes after it is heard.
func TestMalformed(t *testing.T) {
	s := serve(t, -1)
	a := connected(t, s.ClientURL(), "token")
	raw, err := nats.Connect(s.ClientURL(), nats.Token("token"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	bad := []string{
		"", "null and void", "[]", `{"seq":-1}`, `{"seq":"1"}`, `{"event":{"kind":"revoked","digest":"AA=="}}`, "{}{}",
		`{"seq":1,"event":{"kind":"revoked"}}`,
		`{"seq":1,"event":{"kind":"revoked","digest":"` + strings.Repeat("AAAA", 22) + `"}}`,
		`{"seq":1,"event":{"kind":"records","workspace":"no/such"}}`,
		`{"seq":1,"event":{"kind":"appended","workspace":"acme","conversation":"c"}}`,
		`{"seq":1,"event":{"kind":"usage","usage":{"r":0}}}`,
		`{"seq":1,"event":{"kind":"usage","usage":{"r":-5}}}`,
		`{"seq":1,"event":{"kind":"missed"}}`,
		`{"seq":1,"event":{"kind":"records","names":["` + strings.Repeat("x", 64<<10) + `"]}}`,
	}
	for _, text := range bad {
		if err := raw.Publish("parlance.live.foreign", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		`{"seq":1,"event":{"kind":"of a later version","more":[1]},"more":2}`,
		`{"seq":2,"event":{"kind":"revoked","digest":"BwcH"}}`,
	} {
		if err := raw.Publish("parlance.live.foreign", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if e := receive(t, "a revocation", a.heard[live.Revoked]); string(e.Digest) != "\a\a\a" {
		t.Errorf("heard %+v", e)
	}
	if st := a.Status(); st.Malformed != uint64(len(bad)) || st.Received != 2 || st.Missed != 0 {
		t.Errorf("Status = %+v, %d were malformed", st, len(bad))
	}
}
