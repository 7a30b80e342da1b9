package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

const oapiCodegen = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.5.0"

// Clients that are generated from the API descriptions compile, and read all of a demo: what each answer holds is
// in what the client made of it. Wants to download the generator; CI never skips.
func TestGeneratedClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	reader, err := txtar.ParseFile(filepath.Join("testdata", "generated.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := txtar.Write(reader, dir); err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Stdin, cmd.Env = dir, bytes.NewReader(stdin), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
		}
		return out, err
	}
	for _, there := range [][]string{{"run", oapiCodegen, "-version"}, {"mod", "download"}} {
		if _, err := run(nil, there...); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip("no generator of clients at hand")
		}
	}
	for _, dialect := range []string{"imkit", "shopline", "imetastore"} {
		description, err := filepath.Abs(filepath.Join("..", "..", dialect, "openapi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, dialect), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := run(nil, "run", oapiCodegen, "-generate", "types,client", "-package", dialect, "-o", filepath.Join(dialect, "client.go"), description); err != nil {
			t.Fatal(err)
		}
	}
	_, d := startDemo(t)
	stdin, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(stdin, "run", ".")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for line := range bytes.Lines(out) {
		var page struct {
			Call       string
			Body, Read any
		}
		if err := json.Unmarshal(line, &page); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		pages++
		for _, lost := range lostIn("", page.Body, page.Read) {
			t.Errorf("%s: %s", page.Call, lost)
		}
	}
	if want := 3 + len(d.IMKit.Rooms) + len(d.Shopline.Conversations) + len(d.IMetaStore.Buyers); pages != want {
		t.Errorf("%d pages were read, want %d", pages, want)
	}
}

// lostIn returns what sent, of decoded JSON, holds and read doesn't. A null may be absent.
func lostIn(path string, sent, read any) (lost []string) {
	switch sent := sent.(type) {
	case map[string]any:
		o, ok := read.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v", path, read)}
		}
		for _, name := range slices.Sorted(maps.Keys(sent)) {
			lost = append(lost, lostIn(path+"."+name, sent[name], o[name])...)
		}
	case []any:
		list, ok := read.([]any)
		if !ok || len(list) != len(sent) {
			return []string{fmt.Sprintf("%s is %v", path, read)}
		}
		for i := range sent {
			lost = append(lost, lostIn(fmt.Sprintf("%s[%d]", path, i), sent[i], list[i])...)
		}
	default:
		if sent != read && !sameMoment(sent, read) {
			lost = []string{fmt.Sprintf("%s is %v, was sent as %v", path, read, sent)}
		}
	}
	return lost
}

// sameMoment reports whether a and b are text of the same time, written to more digits or to fewer.
func sameMoment(a, b any) bool {
	x, _ := a.(string)
	y, _ := b.(string)
	at, err := time.Parse(time.RFC3339, x)
	other, err2 := time.Parse(time.RFC3339, y)
	return err == nil && err2 == nil && at.Equal(other)
}
