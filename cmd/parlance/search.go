package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
	"parlance/internal/progress"
	"parlance/mirror"
	"parlance/search"
	"parlance/search/query"
)

type searchOptions struct {
	workspace string
	limit     int
	cursor    string
	all       bool
	zone      string
	quiet     bool
}

// A foundMessage is a line of the result of `search`.
type foundMessage struct {
	Conversation parlance.ConversationID `json:"conversation"`
	ID           parlance.MessageID      `json:"id"`
	SentAt       string                  `json:"sent_at"` // RFC 3339, UTC
	Sender       parlance.AccountID      `json:"sender"`
	Text         string                  `json:"text"`
	Snippet      string                  `json:"snippet"`
	Marks        [][2]int                `json:"marks"`
}

// A searchSummary is the last line of the result of `search`.
type searchSummary struct {
	Total        int              `json:"total"`
	Exact        bool             `json:"exact"`
	Cursor       string           `json:"cursor"`        // empty: that was all
	IndexedUntil *string          `json:"indexed_until"` // RFC 3339, UTC; null: nothing is
	Pending      int              `json:"pending"`
	Coverage     mirror.Coverages `json:"coverage"`
}

// snippetBytes is how long the piece of a message is that is shown.
const snippetBytes = 240

func (p *program) search() *cobra.Command {
	var o searchOptions
	cmd := p.command(&cobra.Command{
		Use:   "search --data DIR --workspace NAME QUERY",
		Short: "Find messages by their words",
		Long: `Find messages by their words, the newest first. The answer is exact: what a reading of every
message would find.

  refund 酒店              both; words of letters match words that begin with them, and what
                           is written without blanks is found wherever it stands
  A12345                   a word with a digit is found inside of words, too
  "see you"                these signs, one after another
  -word   a OR b   (…)     not; either; together
  in:ID from:ID kind:room|direct|shop|order platform:imkit|shopline|imetastore
  type:image has:file|image|audio|video|link|place
  before:2026-11-01 after:2026-10 during:2026      days, months and years of --zone
  is:edited is:recalled    in:history finds earlier versions and what was deleted, too

Put a query that begins with - behind --. The first search in a store that was never indexed
indexes it.

JSON: a line a message, {"conversation","id","sent_at","sender","text","snippet","marks"}, marks being
half-open spans of bytes of snippet; then {"total","exact","cursor","indexed_until","pending",
"coverage":{"complete","partial","unknown"}}: exact is false if there are more than total (10,000
are counted beyond those shown);
indexed_until says up to when messages stand in the index (null: none do), the pending later
ones were read; coverage counts the conversations that were searched by what the mirror
knows of them.`,
		Args: cobra.MinimumNArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error { return p.searchMessages(ctx, a, strings.Join(args, " "), o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to search (required)")
	cmd.MarkFlagRequired("workspace")
	f := cmd.Flags()
	f.IntVar(&o.limit, "limit", 20, "messages to show, 1 to 1000")
	f.StringVar(&o.cursor, "cursor", "", "go on where an answer to the same query ended")
	f.BoolVar(&o.all, "all", false, "show all messages that are found")
	f.StringVar(&o.zone, "zone", "UTC", "time zone of dates, such as Asia/Taipei")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
	return cmd
}

func (p *program) searchMessages(ctx context.Context, a *archive, text string, o searchOptions) error {
	if o.limit < 1 || o.limit > 1000 {
		return usage("--limit: want 1 to 1000, not %d", o.limit)
	}
	zone, err := zoneOf(o.zone)
	if err != nil {
		return err
	}
	q, err := query.Parse(text, zone)
	if err != nil {
		return usage("%w", err)
	}
	cursor, err := search.DecodeCursor(o.cursor, q.String())
	if err != nil {
		return usage("--cursor: %w", err)
	}
	w, err := a.workspace(ctx, o.workspace)
	if err != nil {
		return err
	}
	if err := p.indexFirst(ctx, a, w, o.quiet); err != nil {
		return err
	}
	r := search.Request{Query: q, Scope: search.Scope{History: true}, After: cursor.Position, Limit: o.limit}
	sum := searchSummary{Total: cursor.Seen}
	for {
		found, err := a.search.Search(ctx, w.ID, r)
		if err != nil {
			return fmt.Errorf("search workspace %s: %w", w.ID, err)
		}
		for i := range found.Hits {
			if err := p.printHit(q, &found.Hits[i], zone); err != nil {
				return err
			}
		}
		sum.Total += len(found.Hits)
		sum.Pending, sum.Exact, sum.Cursor = found.Pending, !found.More, ""
		if found.Indexed != 0 {
			until := found.Indexed.String()
			sum.IndexedUntil = &until
		}
		if !found.More {
			break
		}
		r.After = found.Next
		sum.Cursor = search.Cursor{Position: found.Next, Seen: sum.Total}.Encode(q.String())
		// A page that the search left unfilled because it read so much is filled up.
		if r.Limit -= len(found.Hits); o.all {
			r.Limit = o.limit
		}
		if r.Limit == 0 {
			break
		}
	}
	if err := a.countOn(ctx, w.ID, r, &sum); err != nil {
		return fmt.Errorf("search workspace %s: %w", w.ID, err)
	}
	if sum.Coverage, err = p.mirrorOf(a).Covered(ctx, w.ID, r.Covers); err != nil {
		return err
	}
	if p.json {
		return writeLine(p.stdout, sum)
	}
	return p.printSearchEnd(&sum)
}

// zoneOf returns the time zone that --zone names. What the machine takes for local isn't one: the answer would depend on it.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, usage("--zone: there is no time zone %q; name one such as Asia/Taipei", name)
	}
	return zone, nil
}

// countedAtOnce messages, that aren't shown, are counted up to countedTimes.
const countedAtOnce, countedTimes = 1000, 10

// countOn counts what lies behind the messages that are shown.
func (a *archive) countOn(ctx context.Context, ws parlance.WorkspaceID, r search.Request, sum *searchSummary) error {
	r.Limit = countedAtOnce
	for range countedTimes {
		if sum.Exact {
			break
		}
		found, err := a.search.Search(ctx, ws, r)
		if err != nil {
			return err
		}
		sum.Total += len(found.Hits)
		sum.Exact, r.After = !found.More, found.Next
	}
	return nil
}

// indexFirst brings the index up to date, unless another process does or the store can only be read.
func (p *program) indexFirst(ctx context.Context, a *archive, w access.Workspace, quiet bool) error {
	if a.engine.Bounds().ReadOnly {
		return nil
	}
	meter := progress.Start(p.stderr, progress.Options{What: "index", Terminal: p.terminal(), Quiet: quiet})
	_, err := a.search.Build(ctx, w.ID, search.WorthABlock, func(entries int) { meter.Set(entries, 0) })
	meter.Stop()
	switch {
	case errors.Is(err, parlance.Unavailable) && ctx.Err() == nil:
		p.say("the index isn't brought up to date: %v", err)
		return nil
	case err != nil && ctx.Err() != nil:
		return coded(exitInterrupted, "interrupted; what was indexed until then is kept")
	}
	return err
}

// printHit prints a message that was found.
func (p *program) printHit(q *query.Query, h *search.Hit, zone *time.Location) error {
	m := &h.Entry.Message
	text := h.Text(q)
	s := q.Snippet(text, snippetBytes)
	if p.json {
		return writeLine(p.stdout, foundMessage{
			h.Conversation, m.ID, m.Sent.String(), m.Sender, strings.ToValidUTF8(text, "\ufffd"), s.Text, append([][2]int{}, s.Marks...),
		})
	}
	who := string(m.Sender)
	if m.SenderName != "" {
		who = m.SenderName
	}
	state := ""
	switch {
	case !h.Current:
		state = " (an earlier version)"
	case m.State != parlance.Live:
		state = " (" + m.State.String() + ")"
	}
	if err := printf(p.stdout, "%s  %s  %s%s  %s\n", m.Sent.Std().In(zone).Format("2006-01-02 15:04:05"), h.Conversation, who, state, m.ID); err != nil {
		return err
	}
	return printf(p.stdout, "    %s\n", p.marked(s))
}

// marked shows what was found in a snippet: in brackets.
func (p *program) marked(s query.Snippet) string {
	var b strings.Builder
	at := 0
	for _, m := range s.Marks {
		b.WriteString(s.Text[at:m[0]] + "[" + s.Text[m[0]:m[1]] + "]")
		at = m[1]
	}
	b.WriteString(s.Text[at:])
	return b.String()
}

// printSearchEnd prints what is to be known of an answer.
func (p *program) printSearchEnd(s *searchSummary) error {
	count := progress.Number(s.Total) + " messages"
	if s.Total == 1 {
		count = "1 message"
	}
	if !s.Exact {
		count = "at least " + count
	}
	p.say("%s; %s", count, s.coverage())
	if s.Cursor != "" {
		p.say("more: --cursor %s, or --all", s.Cursor)
	}
	return nil
}

// coverage says what the mirror knows of the conversations that were searched.
func (s *searchSummary) coverage() string {
	c := s.Coverage
	all := c.Complete + c.Partial + c.Unknown
	return fmt.Sprintf("searched %s conversations: %s are complete, %s have gaps, of %s no platform was asked or its answer isn't known yet",
		progress.Number(all), progress.Number(c.Complete), progress.Number(c.Partial), progress.Number(c.Unknown))
}
