package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// verified runs `verify --json` on dir in this process.
func verified(t *testing.T, dir string) (code int, v verification) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	code = run(t.Context(), []string{"verify", "--data", dir, "--json"}, strings.NewReader(""), &stdout, &stderr, none)
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		t.Fatalf("decode %s: %v\n%s", &stdout, err, &stderr)
	}
	return code, v
}

// TestVerifyFinds checks that a row which somebody took out of a store is missed.
func TestVerifyFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demo, _ := startDemo(t, "--data", dir)
	demo.end(os.Interrupt)
	if code, v := verified(t, dir); code != exitDone || v.Findings != 0 || len(v.Workspaces) != 1 || v.Workspaces[0].Messages < 300 {
		t.Fatalf("a whole store: exit code %d, %+v", code, v)
	}

	e, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	takeRow(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	code, v := verified(t, dir)
	if code != exitDiffers || v.Findings == 0 || len(v.Workspaces[0].Details) != v.Findings || v.Workspaces[0].Details[0].Text == "" {
		t.Errorf("a store that lacks a row: exit code %d, %+v", code, v)
	}
}

// takeRow deletes a row of the demo's timeline across conversations. Where that lies is told in
// docs/storage.md: the months that have rows under X, the rows of each under x.
func takeRow(t *testing.T, e driver.Engine) {
	t.Helper()
	for month, err := range e.Scan(t.Context(), driver.Partition{Table: driver.Derived, Key: "Xdemo"}, driver.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		p := driver.Partition{Table: driver.Derived, Key: "xdemo\x00" + string(month.Key)}
		for row, err := range e.Scan(t.Context(), p, driver.Range{Limit: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Write(t.Context(), []driver.Op{{Partition: p, Key: bytes.Clone(row.Key), Delete: true}}, 1<<40); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the timeline has no rows")
}
