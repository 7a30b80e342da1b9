package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"parlance"
	"parlance/export"
)

// interleavedGoal is for the rate of an import whose lines are sorted by time, as a share of that of the same lines by conversation.
var interleavedGoal = goal{Must: 0.6, Aim: 0.8}

// measureInterleaved imports the same made lines into a new store each: conversation by conversation, and mixed as in an
// export of a whole platform by time.
func measureInterleaved(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	messages, conversations := c.n(c.interleaved, 1000), c.n(c.interleaved/20, 50)
	c.log.Info("measuring", "group", "import-interleaved", "messages", messages, "conversations", conversations)
	rooms := make([]*room, conversations)
	end := parlance.TimeOf(time.Now())
	for i := range rooms {
		rooms[i] = newRoom(workspaceID, i, messages/conversations, end)
	}
	var rates []float64
	for i, mixed := range [...]bool{false, true} {
		rate, err := importMade(ctx, c, filepath.Join(dir, fmt.Sprint(i)), ts, rooms, mixed)
		if err != nil {
			return rows, err
		}
		rates = append(rates, rate)
		how := [...]string{"conversation by conversation", "mixed, sorted by time"}[i]
		rows = append(rows, row{
			Group: "Bulk import", Scenario: fmt.Sprintf("%s messages over %s conversations, %s", number(float64(messages)), number(float64(conversations)), how),
			Unit: "messages/s", Ours: rate,
		})
	}
	return append(rows, row{Group: "Bulk import", Scenario: "the mixed ones' rate as a share of the others'", Unit: "ratio", Ours: rates[1] / rates[0]}.judge(interleavedGoal)), nil
}

// importMade imports the messages of rooms into a new store in dir, and returns how many a second.
func importMade(ctx context.Context, c *config, dir string, ts texts, rooms []*room, mixed bool) (float64, error) {
	w, err := newWorld(ctx, dir, ts, c.log)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	r, err := export.Import(ctx, w.store, workspaceID, "made", &madeLines{w: w, rooms: rooms, mixed: mixed}, export.ImportOptions{Merchant: w.workspace.Merchant})
	if err == nil && r.Bad > 0 {
		err = fmt.Errorf("import made lines: %d are bad, the first: %w", r.Bad, r.Errors[0])
	}
	if err == nil {
		err = w.store.Settle(ctx)
	}
	took := time.Since(start)
	return float64(r.Messages) / took.Seconds(), errors.Join(err, w.close())
}

// madeLines are the lines of rooms' messages. All rooms are of one size.
type madeLines struct {
	w     *world
	rooms []*room
	mixed bool
	next  int
	rest  []byte
	line  []byte
}

// Read makes the next lines.
func (l *madeLines) Read(b []byte) (int, error) {
	for len(l.rest) == 0 {
		size := l.rooms[0].size
		if l.next == size*len(l.rooms) {
			return 0, io.EOF
		}
		r, back := l.rooms[l.next/size], size-1-l.next%size
		if l.mixed {
			// Each of the rooms speaks once before the first one speaks again.
			r, back = l.rooms[l.next%len(l.rooms)], size-1-l.next/len(l.rooms)
		}
		l.next++
		m := r.message(l.w, back)
		about := parlance.Conversation{ID: r.ref.Conversation, Kind: parlance.Shop, Title: "a customer"}
		l.line = append(export.AppendRecord(l.line[:0], export.RecordOf(&about, &m)), '\n')
		l.rest = l.line
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
