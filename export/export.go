package export

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"unicode/utf8"

	"parlance"
	"parlance/store"
)

// ExportOptions are an export's settings. The zero value exports everything.
type ExportOptions struct {
	// Conversations are the ones to write, in this order, each once; empty means
	// all of the workspace, in the order in which they were first heard of.
	Conversations []parlance.ConversationID
	// Progress, if set, is called every some thousand messages.
	Progress func(Progress)
}

// Manifest says what an export wrote, for whoever must know later whether a file is whole.
type Manifest struct {
	Conversations int
	Messages      int    // lines
	Bytes         int64  // of the lines
	SHA256        string // of the lines, in hex
}

// Export writes the messages of workspace ws to w as lines: conversation after
// conversation, in each by time sent, then by place in the source, then by id. Deleted
// messages and notes are written too. A message without a place of its own gets
// its place in the conversation as exported.
//
// Messages that are stored, changed or deleted while Export runs are written as
// they were or as they become; no other message is lost or written twice.
//
// An error of kind [parlance.NotFound] says, before anything is written, that there is
// no such conversation. After any other error the Manifest holds what was written
// until then, and the output must not pass for a whole one.
//
// Memory does not grow with the export, but for an id and a number for each of the
// messages of a conversation that share one millisecond.
func Export(ctx context.Context, s *store.Store, ws parlance.WorkspaceID, w io.Writer, o ExportOptions) (Manifest, error) {
	if err := parlance.CheckWorkspace(ws); err != nil {
		return Manifest{}, err
	}
	out := &output{w: w, hash: sha256.New()}
	ex := &exporter{store: s, workspace: ws, out: out, w: bufio.NewWriterSize(out, 64<<10), progress: o.Progress}
	err := ex.conversations(ctx, o.Conversations)
	if e := ex.w.Flush(); err == nil && e != nil {
		err = fmt.Errorf("write lines: %w", e)
	}
	ex.manifest.Bytes = out.n
	ex.manifest.SHA256 = hex.EncodeToString(out.hash.Sum(nil))
	ex.tell()
	return ex.manifest, err
}

// output counts and hashes what is written to w.
type output struct {
	w    io.Writer
	n    int64
	hash hash.Hash
}

// Write writes to w.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	o.n += int64(n)
	o.hash.Write(b[:n]) // never fails
	return n, err
}

type exporter struct {
	store     *store.Store
	workspace parlance.WorkspaceID
	out       *output
	w         *bufio.Writer
	progress  func(Progress)
	manifest  Manifest
	line      []byte // scratch
	lineTitle string // what lines of the conversation at hand say that came from a file
}

// tell reports progress.
func (ex *exporter) tell() {
	if ex.progress != nil {
		ex.progress(Progress{Messages: ex.manifest.Messages, Conversations: ex.manifest.Conversations, Bytes: ex.out.n})
	}
}

// conversations writes the conversations named, or all.
func (ex *exporter) conversations(ctx context.Context, ids []parlance.ConversationID) error {
	if len(ids) == 0 {
		for c, err := range ex.store.Conversations(ctx, ex.workspace) {
			if err != nil {
				return fmt.Errorf("list the conversations of %s: %w", ex.workspace, err)
			}
			if err := ex.conversation(ctx, &c); err != nil {
				return err
			}
		}
		return nil
	}
	var cs []parlance.Conversation
	seen := map[parlance.ConversationID]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		c, err := ex.store.Conversation(ctx, parlance.Ref{Workspace: ex.workspace, Conversation: id})
		if err != nil {
			return fmt.Errorf("find conversation %q: %w", id, err)
		}
		cs = append(cs, c)
	}
	for i := range cs {
		if err := ex.conversation(ctx, &cs[i]); err != nil {
			return err
		}
	}
	return nil
}

// conversation writes the messages of c. Messages sent in the same millisecond are
// gathered, since the timeline has them by id.
func (ex *exporter) conversation(ctx context.Context, c *parlance.Conversation) error {
	ex.manifest.Conversations++
	o, imported, err := originOf(c)
	if err != nil {
		return err
	}
	if ex.lineTitle = c.Title; imported && c.Title == o.Named.Title {
		ex.lineTitle = o.Title
	}
	ref := parlance.Ref{Workspace: ex.workspace, Conversation: c.ID}
	rank := int64(0)
	var ties []tie
	for m, err := range ex.messages(ctx, ref) {
		if err != nil {
			return fmt.Errorf("read %s: %w", ref, err)
		}
		if len(ties) > 0 && ties[0].sent != m.Sent {
			if err := ex.ties(ctx, c, ties, &rank); err != nil {
				return err
			}
			ties = ties[:0]
		}
		t := tie{sent: m.Sent, seq: m.Seq, id: m.ID}
		if len(ties) < maxTies {
			t.message = m
		}
		ties = append(ties, t)
	}
	return ex.ties(ctx, c, ties, &rank)
}

// A tie is one of the messages that were sent in the same millisecond. The message is
// nil if it must be read again.
type tie struct {
	sent    parlance.Time
	seq     uint32
	id      parlance.MessageID
	message *parlance.Message
}

// maxTies is how many messages of one millisecond are held whole.
const maxTies = 4096

// ties writes messages of one millisecond by their place in the source.
func (ex *exporter) ties(ctx context.Context, c *parlance.Conversation, ties []tie, rank *int64) error {
	slices.SortStableFunc(ties, func(a, b tie) int { return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.id, b.id)) })
	for _, t := range ties {
		m := t.message
		if m == nil {
			es, err := ex.store.Versions(ctx, parlance.Ref{Workspace: ex.workspace, Conversation: c.ID}, t.id)
			if err != nil {
				return fmt.Errorf("read message %q: %w", t.id, err)
			}
			m = &es[0].Message
		}
		if err := ex.message(ctx, c, m, *rank); err != nil {
			return err
		}
		*rank++
	}
	return nil
}

// message writes one line.
func (ex *exporter) message(ctx context.Context, c *parlance.Conversation, m *parlance.Message, rank int64) error {
	if m.Native.Dialect == Lines && !m.Native.Stale && len(m.Native.JSON) > 0 {
		ex.line = append(ex.line[:0], m.Native.JSON...)
	} else {
		r := RecordOf(c, m)
		r.Title = fittingTitle(r.Title)
		switch {
		case m.Seq != 0:
			r.Title = fittingTitle(ex.lineTitle)
		case nearlyTooLarge(m):
			// With a place and a name it couldn't be imported again.
		default:
			// Not from a file: the name may stand with the account only.
			r.Seq = rank
			if r.SenderName == "" {
				a, err := ex.store.Account(ctx, ex.workspace, m.Sender)
				if err != nil && !errors.Is(err, parlance.NotFound) {
					return fmt.Errorf("read account %q: %w", m.Sender, err)
				}
				r.SenderName = a.Name
			}
		}
		ex.line = AppendRecord(ex.line[:0], r)
	}
	ex.line = append(ex.line, '\n')
	if _, err := ex.w.Write(ex.line); err != nil {
		return fmt.Errorf("write lines: %w", err)
	}
	ex.manifest.Messages++
	if ex.manifest.Messages%pageSize == 0 {
		ex.tell()
		return ctx.Err()
	}
	return nil
}

// fittingTitle returns as much of a title as a line may give.
func fittingTitle(title string) string {
	if len(title) <= parlance.MaxTitle/len(string(utf8.RuneError)) {
		return title
	}
	return parlance.Cut(string([]rune(title)), parlance.MaxTitle) // bytes that aren't UTF-8 are as long as they will be written
}

// nearlyTooLarge reports whether m may be so large that the store wouldn't take it with a place and a name in addition. What
// isn't exported of it isn't counted.
func nearlyTooLarge(m *parlance.Message) bool {
	n := len(m.Text) + len(m.SenderName) + len(m.Role) + len(m.Type) + len(m.Thread)
	for _, s := range m.Synthetic {
		n += len(s)
	}
	for i := range m.Reactions {
		n += len(m.Reactions[i].Emoji) + len(m.Reactions[i].Account)
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		n += len(a.Type) + len(a.Name) + len(a.URL)
	}
	return n > parlance.MaxMessage-slack
}
