package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/internal/config"
	"parlance/store"
)

// TestSwitchOver moves a store that is served and written to. What was acknowledged is in the
// target, what came after is refused, and the target can be served under the same credentials.
func TestSwitchOver(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	var w credentialSet
	create := start(t, "workspace", "create", "acme", "--data", from, "--json")
	create.read(&w)
	if err := create.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	list := start(t, "workspace", "list", "--data", from, "--json")
	var known struct{ Workspaces []listedWorkspace }
	list.read(&known)
	if err := list.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--data", from, "--listen", "127.0.0.1:0", "--json")
	var s serving
	p.read(&s)
	auth := []string{"Authorization", "Bearer " + w.Shopline.Token}

	// send returns the answer's status.
	send := func(text string) int {
		body := fmt.Sprintf(`{"sender_id":"6365a1f0c1a0b20013c40a01","recipient_id":%q,"text":%q}`, known.Workspaces[0].Merchant, text)
		r, err := http.NewRequest("POST", s.URL+"/v1/conversations/message", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(auth[0], auth[1])
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	var acknowledged atomic.Int64
	refused := make(chan int)
	go func() {
		for n := 0; ; n++ {
			if status := send(fmt.Sprint("message ", n)); status != http.StatusOK {
				refused <- status
				return
			}
			acknowledged.Add(1)
		}
	}()
	for acknowledged.Load() == 0 {
		call(t, s.URL+"/healthz", "")
	}
	first := start(t, "copy", "--from", from, "--to", to, "--json")
	var sum copySummary
	first.read(&sum)
	if err := first.cmd.Wait(); err != nil || sum.Copied == 0 || sum.Switched {
		t.Fatalf("copy: %v, %+v\n%s", err, sum, first.stderr)
	}
	move := start(t, "copy", "--from", from, "--to", to, "--switch-over", "--json")
	move.read(&sum)
	if err := move.cmd.Wait(); err != nil || !sum.Switched || sum.Comparison == nil || sum.Comparison.Total != 0 {
		t.Fatalf("switch over: %v, %+v\n%s", err, sum, move.stderr)
	}
	if status := <-refused; status < 500 && status != http.StatusTooManyRequests {
		t.Errorf("a message to the frozen store: status %d", status)
	}
	if !strings.Contains(call(t, s.URL+"/v1/conversations?platform=shop_messages", "", auth...), "message ") {
		t.Error("the frozen store can't be read")
	}
	against := start(t, "verify", "--data", from, "--against", to, "--json")
	var same comparison
	against.read(&same)
	if err := against.cmd.Wait(); err != nil || same.Total != 0 || int64(same.Workspaces[0].There.Messages) != acknowledged.Load() {
		t.Errorf("verify --against: %v, %+v; %d messages were acknowledged", err, same, acknowledged.Load())
	}

	p.end(syscall.SIGTERM)
	p = start(t, "serve", "--data", to, "--listen", "127.0.0.1:0", "--json")
	p.read(&s)
	if status := send("in the new store"); status != http.StatusOK {
		t.Errorf("a message to the target: status %d", status)
	}
	p.end(syscall.SIGTERM)
}

// inMemory returns an end that ends with the test.
func inMemory(t *testing.T) *end {
	t.Helper()
	e, err := openEnd(t.Context(), engineName{}, config.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.store.Close() })
	return e
}

// TestSwitchOverFails finds that the source takes writes again after a switch-over that fails or
// is interrupted, and stays frozen if it was before.
func TestSwitchOverFails(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for name, c := range map[string]struct {
		ctx    context.Context
		frozen bool
		want   error
	}{
		"interrupted":   {interrupted, false, context.Canceled},
		"refused":       {t.Context(), false, parlance.Conflict},
		"frozen before": {t.Context(), true, parlance.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			src, dst := inMemory(t), inMemory(t)
			for i, e := range []*end{src, dst} {
				if _, _, err := e.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: parlance.WorkspaceID(fmt.Sprint("w", i))}); err != nil {
					t.Fatal(err)
				}
			}
			if c.frozen {
				if err := src.store.Freeze(t.Context(), "before"); err != nil {
					t.Fatal(err)
				}
			}
			m := &mover{p: &program{stdout: &out, stderr: &out}, o: copyOptions{parallel: 1}, src: src, dst: dst}
			if err := m.switchOver(c.ctx); !errors.Is(err, c.want) || m.sum.Switched {
				t.Errorf("switch over: %v, %+v", err, m.sum)
			}
			if why, err := src.store.Frozen(t.Context()); err != nil || (why != "") != c.frozen {
				t.Errorf("afterwards the source is frozen: %q, %v", why, err)
			}
			_, err := src.store.Create(t.Context(), "w0", parlance.Conversation{ID: "c", Kind: parlance.Room})
			if c.frozen != errors.Is(err, parlance.Unavailable) {
				t.Errorf("a write afterwards: %v", err)
			}
		})
	}
}

// TestSwitchOverDiffers finds that a comparison that differs has an exit code of its own and thaws
// the source.
func TestSwitchOverDiffers(t *testing.T) {
	c := comparison{Here: "a", There: "b", Total: 2}
	var coded *codedError
	if err := c.err(); !errors.As(err, &coded) || coded.code != exitDiffers {
		t.Errorf("differences end in %v", err)
	}
	src, dst := inMemory(t), inMemory(t)
	_, _, err := src.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: "w"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&program{stderr: io.Discard}).compare(t.Context(), src, dst, "", false, true)
	if err != nil || got.Total == 0 || got.Records != got.Total || len(got.Workspaces) != 1 {
		t.Errorf("compare = %+v, %v", got, err)
	}
	if _, err := src.store.Create(t.Context(), "w", parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	if _, err := src.store.Put(t.Context(), parlance.Ref{Workspace: "w", Conversation: "c"}, store.Send, parlance.Message{Sender: "a"}); err != nil {
		t.Fatal(err)
	}
	if got, err = (&program{stderr: io.Discard}).compare(t.Context(), src, dst, "w", false, true); err != nil || got.Workspaces[0].Differences != 3 {
		t.Errorf("compare = %+v, %v", got, err)
	}
}
