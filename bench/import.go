package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parlance/export"
	"parlance/store/pebblestore"
)

// Goals of an import, in messages per second and in bytes of the tables per message.
var (
	importGoal = goal{Must: 50_000, Aim: 100_000}
	diskGoal   = goal{Must: 160, Aim: 110, Lower: true}
)

// measureImport imports all files of the folder PARLANCE_DATA into a new store, twice,
// and weighs the store. Files are cut to the run's scale by leaving out the last ones.
func measureImport(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	files, err := filepath.Glob(filepath.Join(c.data, "*.jsonl.gz"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c.data, err)
	}
	if c.data == "" || len(files) == 0 {
		c.log.Info("no import measured: PARLANCE_DATA names no folder with *.jsonl.gz files")
		return nil, nil
	}
	files = files[:min(len(files), c.n(len(files), 1))]
	c.log.Info("measuring", "group", "import", "files", len(files))
	w, err := newWorld(ctx, dir, ts, c.log)
	if err != nil {
		return nil, err
	}
	group := "Bulk import"
	messages := 0
	for _, what := range []string{"first", "second (nothing new)"} {
		n, took, err := w.importFiles(ctx, files)
		if err != nil {
			return rows, errors.Join(err, w.close())
		}
		x := row{Group: group, Scenario: fmt.Sprintf("%s import of %s messages from %d files", what, number(float64(n)), len(files)), Unit: "messages/s", Ours: float64(n) / took.Seconds()}
		if messages == 0 {
			messages, x = n, x.judge(importGoal)
		}
		rows = append(rows, x)
	}
	if err := w.close(); err != nil {
		return rows, err
	}
	tables, all, err := weigh(ctx, c, dir)
	if err != nil {
		return rows, err
	}
	return append(rows,
		row{Group: group, Scenario: "on disk, tables, at rest", Unit: "bytes/message", Ours: float64(tables) / float64(messages)}.judge(diskGoal),
		row{Group: group, Scenario: "on disk, whole folder with logs", Unit: "bytes/message", Ours: float64(all) / float64(messages)},
	), nil
}

// weigh returns the size of the closed store in dir once all its rows are in tables and
// those are compacted. Opening it again moves the rows of the log into tables.
func weigh(ctx context.Context, c *config, dir string) (tables, all int64, err error) {
	w, err := openWorld(ctx, dir, pebblestore.Options{Logger: c.log})
	if err != nil {
		return 0, 0, err
	}
	if err := errors.Join(w.settle(ctx), w.close()); err != nil {
		return 0, 0, err
	}
	return size(dir)
}

// importFiles imports the files one after the other and returns how many messages they hold.
func (w *world) importFiles(ctx context.Context, files []string) (int, time.Duration, error) {
	start, n := time.Now(), 0
	for _, name := range files {
		r, err := w.importFile(ctx, name)
		if err != nil {
			return n, 0, err
		}
		if r.Bad > 0 {
			return n, 0, fmt.Errorf("import %s: %d lines are bad, the first: %w", name, r.Bad, r.Errors[0])
		}
		n += r.Messages
	}
	return n, time.Since(start), nil
}

func (w *world) importFile(ctx context.Context, name string) (export.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return export.Report{}, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	return export.Import(ctx, w.store, workspaceID, filepath.Base(name), f, export.ImportOptions{Merchant: w.workspace.Merchant})
}
