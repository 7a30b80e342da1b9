package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store"
)

// texts are what the messages of made conversations say, over and over.
type texts []string

// maxTexts is how many texts are read from each file.
const maxTexts = 5000

// readTexts reads texts of the conversations in folder, or makes some if that is empty.
func readTexts(folder string) (texts, error) {
	if folder == "" {
		return makeTexts(), nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl.gz"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	var ts texts
	for _, name := range files {
		more, err := readFileTexts(name)
		if err != nil {
			return nil, err
		}
		ts = append(ts, more...)
	}
	if len(ts) == 0 {
		return makeTexts(), nil
	}
	return ts, nil
}

func readFileTexts(name string) (texts, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read texts of %s: %w", name, err)
	}
	d := json.NewDecoder(bufio.NewReader(z))
	var ts texts
	for len(ts) < maxTexts {
		var line struct {
			Text string `json:"text"`
			Type string `json:"type"`
		}
		err := d.Decode(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read texts of %s: %w", name, err)
		}
		if line.Text != "" && line.Type == "text" {
			ts = append(ts, line.Text)
		}
	}
	return ts, nil
}

// makeTexts makes texts of some 90 bytes.
func makeTexts() texts {
	words := strings.Fields("the order was sent on monday and should arrive by friday thank you for waiting could you please " +
		"tell me which size blue or black we have both in stock 謝謝 請問 什麼時候 到貨 of course one moment I will check it for you")
	ts := make(texts, 4000)
	for i := range ts {
		var b strings.Builder
		for j, n := 0, 8+scatter(uint64(i))%17; j < int(n); j++ {
			b.WriteString(words[scatter(uint64(i*31+j))%uint64(len(words))])
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(i))
		ts[i] = b.String()
	}
	return ts
}

// average returns the mean length of a text in bytes.
func (t texts) average() float64 {
	n := 0
	for _, s := range t {
		n += len(s)
	}
	return float64(n) / float64(len(t))
}

// scatter turns a number into one that looks random, always the same (splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A room is a made conversation of one customer with the shop. What stands in it
// follows from its fields, so nothing of it has to be remembered.
type room struct {
	ref    parlance.Ref
	buyer  parlance.AccountID // decimal
	number int
	size   int // messages
	end    parlance.Time
}

// step is the mean time between two messages. Times differ in seconds, so that all three
// dialects can page by time alone.
const step = 30_000

// newRoom returns the room of that number with size messages, the newest of which is a little before end.
func newRoom(ws parlance.WorkspaceID, number, size int, end parlance.Time) *room {
	return &room{
		ref:    parlance.Ref{Workspace: ws, Conversation: parlance.ConversationID(fmt.Sprintf("%08x%016x", 0x5e6b6e24, number))},
		buyer:  parlance.AccountID(strconv.FormatInt(1_907_369_850_568_000_000+int64(number), 10)),
		number: number, size: size, end: end,
	}
}

// A place is where one message stands.
type place struct {
	id parlance.MessageID
	at parlance.Time
}

// place returns where the i-th message stands; the newest is 0.
func (r *room) place(back int) place {
	i := r.size - 1 - back
	at := r.end - parlance.Time(back+1)*step + parlance.Time(scatter(uint64(r.number)<<32|uint64(i))%(step-2000))
	return place{parlance.MessageID(fmt.Sprintf("%08x%06x%010x", at.Seconds(), r.number, i)), at}
}

// message returns the i-th message from the newest, said by the customer or the shop.
func (r *room) message(w *world, back int) parlance.Message {
	p := r.place(back)
	m := parlance.Message{
		ID: p.id, Sender: r.buyer, Role: parlance.Customer, Type: parlance.TypeText,
		Text: w.texts[scatter(uint64(r.number)<<32|uint64(back))%uint64(len(w.texts))],
		Sent: p.at, Created: p.at, Updated: p.at,
	}
	if back%2 == 0 {
		m.Sender, m.Role = w.workspace.Merchant, parlance.Merchant
	}
	return m
}

// fill makes the rooms with their members and messages, several at once.
func (w *world) fill(ctx context.Context, rooms []*room) error {
	const together = 500
	for start := 0; start < len(rooms); start += together {
		some := rooms[start:min(start+together, len(rooms))]
		cs := make([]parlance.Conversation, len(some))
		for i, r := range some {
			cs[i] = parlance.Conversation{ID: r.ref.Conversation, Kind: parlance.Shop, Customer: r.buyer, Created: r.place(r.size - 1).at}
		}
		if _, err := w.store.Create(ctx, w.workspace.ID, cs...); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, r := range rooms {
		g.Go(func() error { return w.fillRoom(ctx, r) })
	}
	return g.Wait()
}

func (w *world) fillRoom(ctx context.Context, r *room) error {
	err := w.store.AddMembers(ctx, r.ref,
		parlance.Member{Account: r.buyer, Role: parlance.Customer},
		parlance.Member{Account: clerk, Role: parlance.Agent})
	if err != nil {
		return err
	}
	const together = 5000
	for back := r.size; back > 0; {
		ms := make([]parlance.Message, 0, together)
		for ; back > 0 && len(ms) < together; back-- {
			ms = append(ms, r.message(w, back-1))
		}
		if _, err := w.store.Put(ctx, r.ref, store.Mirror, ms...); err != nil {
			return err
		}
	}
	return nil
}

// size returns how many bytes the files below dir hold: of tables, and of all.
func size(dir string) (tables, all int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all += info.Size()
		if filepath.Ext(path) == ".sst" {
			tables += info.Size()
		}
		return nil
	})
	return tables, all, err
}
