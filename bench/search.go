package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parlance"
	"parlance/search"
	"parlance/search/query"
	"parlance/store"
	"parlance/store/pebblestore"
)

// Goals of search. Those of rates are ratios to a cold page's, and to the same search in a store of a twentieth.
var (
	commonGoal      = goal{Must: 0.1}
	nowhereGoal     = goal{Must: 0.05}
	commonGrowth    = goal{Must: 0.5}
	rareGrowth      = goal{Must: 0.2}
	buildGoal       = goal{Must: 60_000}
	ingestIndexed   = goal{Must: 0.9}
	sizeGoalCJK     = goal{Must: 0.65, Lower: true}
	sizeGoalLatin   = goal{Must: 0.25, Lower: true}
	searchGroup     = "Search"
	searchShrinkage = 20
)

// growthMessages is the size from which on growth is judged: from half a million to ten million.
const growthMessages = 10_000_000

// corpora are files of the data set by how they are written.
var corpora = []struct {
	name  string
	goal  goal
	files []string
}{
	{"Chinese and Japanese", sizeGoalCJK, []string{"crosswoz-zh", "asdc-ja", "realpersonachat-ja", "archive-tw"}},
	{"Latin", sizeGoalLatin, []string{"star", "taskmaster4-orders", "irc-duraspace", "irc-ubuntu", "irc-channels", "gitter", "zulip-bytecode", "wiki-talk"}},
}

// measureSearch measures searches against a cold page of the same store, and the making of the index.
func measureSearch(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	c.log.Info("measuring", "group", "search")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	large, more, err := fillSearched(ctx, c, filepath.Join(dir, "large"), ts, c.n(c.searched, 20*searchShrinkage*manySize))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, large.close()) }()
	rows = append(rows, more...)
	small, _, err := fillSearched(ctx, c, filepath.Join(dir, "small"), ts, large.messages/searchShrinkage)
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, small.close()) }()
	if more, err = compareSearches(ctx, c, large, small); err != nil {
		return rows, err
	}
	rows = append(rows, more...)
	if more, err = measureIndexedIngest(ctx, c, filepath.Join(dir, "ingest"), ts); err != nil {
		return rows, err
	}
	rows = append(rows, more...)
	more, err = measureIndexSize(ctx, c, dir, ts)
	return append(rows, more...), err
}

// A searched is a world with an index.
type searched struct {
	*world
	index    *search.Index
	rooms    []*room
	messages int
}

func (s *searched) close() error {
	s.index.Close()
	return s.world.close()
}

// fillSearched makes a store of messages over conversations of 100, and its index.
func fillSearched(ctx context.Context, c *config, dir string, ts texts, messages int) (*searched, []row, error) {
	w, err := newWorld(ctx, dir, ts, c.log)
	if err != nil {
		return nil, nil, err
	}
	s := &searched{world: w, messages: messages}
	end := parlance.TimeOf(time.Now())
	for i := range messages / manySize {
		s.rooms = append(s.rooms, newRoom(workspaceID, i, manySize, end-parlance.Time(i)*60_000))
	}
	if err := w.fill(ctx, s.rooms); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("fill a store: %w", err), w.close())
	}
	if err := w.reopen(ctx, c.log); err != nil {
		return nil, nil, err
	}
	s.index = search.Open(w.store, search.Options{})
	start := time.Now()
	n, err := s.index.Build(ctx, workspaceID, 1, nil)
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	rate := float64(n) / time.Since(start).Seconds()
	return s, []row{row{Group: searchGroup, Scenario: "build the index of " + number(float64(n)) + " messages", Unit: "messages/s", Ours: rate}.judge(buildGoal)}, nil
}

// page returns work that reads the newest 20 messages of a conversation that wasn't read lately.
func (s *searched) page() contender {
	n := uint64(0)
	return contender{"a cold page of 20", func(ctx context.Context, _ int) (int, error) {
		n++
		r := s.rooms[scatter(n)%uint64(len(s.rooms))]
		_, err := s.store.Page(ctx, r.ref, store.Query{Timeline: parlance.ByCreated, Limit: 20})
		return 1, err
	}}
}

// search returns work that finds the newest 20 messages of a query.
func (s *searched) search(name, text string) (contender, error) {
	q, err := query.Parse(text, time.UTC)
	if err != nil {
		return contender{}, err
	}
	return contender{name, func(ctx context.Context, _ int) (int, error) {
		_, err := s.index.Search(ctx, workspaceID, search.Request{Query: q, Limit: 20})
		return 1, err
	}}, nil
}

// compareSearches measures a common word, a rare one and one that occurs nowhere.
func compareSearches(ctx context.Context, c *config, large, small *searched) (rows []row, err error) {
	common, rare := frequent(large.texts)
	t := turn{1, c.block, c.rounds}
	for _, q := range []struct {
		what, text   string
		cold, growth goal
	}{
		{"a common word", common, commonGoal, commonGrowth},
		{"a rare word", rare, nowhereGoal, rareGrowth},
		{"a word that is nowhere", "qqxzvvyk", nowhereGoal, rareGrowth},
		{"a pair of signs", "酒店", commonGoal, commonGrowth},
	} {
		ours, err := large.search("newest 20 of "+q.what, q.text)
		if err != nil {
			return rows, err
		}
		rs, err := match(ctx, t, ours, large.page())
		if err != nil {
			return rows, err
		}
		rows = append(rows, rs[0].against(rs[1], searchGroup, fmt.Sprintf("%s, of %s messages", ours.name, number(float64(large.messages))), "searches/s").judge(q.cold))
		theirs, err := small.search("in "+number(float64(small.messages))+" messages", q.text)
		if err != nil {
			return rows, err
		}
		if rs, err = match(ctx, t, ours, theirs); err != nil {
			return rows, err
		}
		growth := rs[0].against(rs[1], searchGroup, "growth: "+ours.name, "searches/s")
		if large.messages >= growthMessages { // the goal is of these two sizes
			growth = growth.judge(q.growth)
		}
		rows = append(rows, growth)
	}
	return rows, nil
}

// frequent returns a word that about one text in twenty has, and one that few have.
func frequent(ts texts) (common, rare string) {
	counts := map[string]int{}
	for _, text := range ts {
		for w := range strings.FieldsSeq(strings.ToLower(text)) {
			if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == "" && len(w) > 3 {
				counts[w]++
			}
		}
	}
	common, rare = "the", ""
	best := 0
	for w, n := range counts {
		if n > best && n < len(ts)/10 {
			best, common = n, w
		}
		if n <= 2 && len(w) > 7 && (rare == "" || w < rare) {
			rare = w
		}
	}
	return common, rare
}

// measureIndexedIngest measures messages that are sent one by one while the index is kept up to date, against the same without.
func measureIndexedIngest(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	var cs []contender
	for _, indexed := range []bool{true, false} {
		w, err := newWorld(ctx, filepath.Join(dir, fmt.Sprint(indexed)), ts, c.log)
		if err != nil {
			return nil, err
		}
		m := &ingest{world: w, config: c}
		for i := range maxWorkers {
			m.rooms = append(m.rooms, newRoom(workspaceID, i, manySize, parlance.TimeOf(time.Now())))
		}
		if err := w.fill(ctx, m.rooms); err != nil {
			return nil, errors.Join(err, w.close())
		}
		name, stop := "without an index", func() {}
		if indexed {
			ix := search.Open(w.store, search.Options{})
			served, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				ix.Serve(served, func(context.Context) iter.Seq2[parlance.WorkspaceID, error] {
					return func(yield func(parlance.WorkspaceID, error) bool) { yield(workspaceID, nil) }
				})
			}()
			m.wrote = ix.Wrote
			name, stop = "messages with an index, 16 conversations, 16 at once", func() { cancel(); <-ended; ix.Close() }
		}
		defer func() {
			stop()
			err = errors.Join(err, w.close())
		}()
		cs = append(cs, contender{name, m.send(16)})
	}
	rs, err := match(ctx, turn{16, 2 * c.block, c.rounds}, cs...)
	if err != nil {
		return nil, err
	}
	return []row{rs[0].against(rs[1], searchGroup, "durable ingest: "+rs[0].name, "messages/s").judge(ingestIndexed)}, nil
}

// measureIndexSize weighs the index of each corpus on disk, against the bytes of its texts.
func measureIndexSize(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	for i, corpus := range corpora {
		var files []string
		for _, name := range corpus.files {
			file := filepath.Join(c.data, name+".jsonl.gz")
			if _, err := os.Stat(file); err != nil {
				return rows, nil // without the data set there is nothing to weigh
			}
			files = append(files, file)
		}
		folder := filepath.Join(dir, fmt.Sprint("corpus", i))
		w, err := newWorld(ctx, folder, ts, c.log)
		if err != nil {
			return rows, err
		}
		n, _, err := w.importFiles(ctx, files)
		if err := errors.Join(err, w.close()); err != nil {
			return rows, err
		}
		before, _, err := weigh(ctx, c, folder)
		if err != nil {
			return rows, err
		}
		text, err := c.indexAll(ctx, folder)
		if err != nil {
			return rows, err
		}
		after, _, err := weigh(ctx, c, folder)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{
			Group: searchGroup, Scenario: fmt.Sprintf("size of the index on disk, %s, %s messages", corpus.name, number(float64(n))),
			Unit: "of the texts' bytes", Ours: float64(after-before) / float64(text),
		}.judge(corpus.goal))
	}
	return rows, nil
}

// indexAll builds the index of a closed store and returns the bytes of its texts.
func (c *config) indexAll(ctx context.Context, folder string) (text int, err error) {
	w, err := openWorld(ctx, folder, pebblestore.Options{Logger: c.log})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	ix := search.Open(w.store, search.Options{})
	defer ix.Close()
	if _, err := ix.Build(ctx, workspaceID, 1, nil); err != nil {
		return 0, err
	}
	for about, err := range w.store.Conversations(ctx, workspaceID) {
		if err != nil {
			return 0, err
		}
		for e, err := range w.store.Log(ctx, parlance.Ref{Workspace: workspaceID, Conversation: about.ID}, 1) {
			if err != nil {
				return 0, err
			}
			text += len(e.Message.Text)
		}
	}
	return text, nil
}
