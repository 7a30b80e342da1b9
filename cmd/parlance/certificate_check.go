package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/certificate"
	"parlance/internal/progress"
	"parlance/mirror"
)

// A checkedCertificate is the result of `certificate check`.
type checkedCertificate struct {
	Good          bool                     `json:"good"`
	Key           string                   `json:"key"`       // that signed it
	KeyGiven      bool                     `json:"key_given"` // --key asked for that one
	Workspace     parlance.WorkspaceID     `json:"workspace"`
	Issued        certificate.Instant      `json:"issued"`
	Conversations int                      `json:"conversations"`
	Complete      int                      `json:"complete"`
	Partial       int                      `json:"partial"`
	Unknown       int                      `json:"unknown"`
	Compared      bool                     `json:"compared"` // with a store
	Differences   []certificate.Difference `json:"differences"`
	Limits        []string                 `json:"limits"`
}

// maxTold is how many conversations of a certificate are told one by one.
const maxTold = 20

func (p *program) certificateCheck() *cobra.Command {
	var keyText string
	cmd := p.command(&cobra.Command{
		Use:   "check FILE [--key HEX] [--data DIR]",
		Short: "Check a certificate, on any machine",
		Long: `Check that a certificate is as it was signed, and tell what it states. With --key it must be signed by that key and no other. Without,
anybody may have made it: it tells which key signed it, and whose that is you have to know.

With --data DIR, or --engine cassandra, the logs of the store are read as well, each as far as is stated, and held against the stated hashes. What came
after that is no difference. Settings of the environment alone don't make it look at a store.

The exit code is 0 if the certificate is good, whatever it states, and 5 if it isn't or the store differs.

JSON: {"good","key","key_given","workspace","issued","conversations","complete","partial","unknown","compared",
"differences":[{"conversation","text"}],"limits"}. A certificate that isn't good has no result.`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		var by *certificate.PublicKey
		if cmd.Flag("key").Changed {
			k, err := certificate.ParseKey(keyText)
			if err != nil {
				return usage("--key: %w", err)
			}
			by = &k
		}
		if cmd.Flag("data").Changed || cmd.Flag("engine").Changed {
			return p.onStore(ctx, cmd, func(a *archive) error { return p.check(ctx, args[0], by, a) })
		}
		return p.check(ctx, args[0], by, nil)
	})
	engineFlags(cmd)
	cmd.Flags().StringVar(&keyText, "key", "", "public key that must have signed it, 64 hexadecimal digits")
	return cmd
}

// check checks a certificate, against the archive too unless that is nil.
func (p *program) check(ctx context.Context, file string, by *certificate.PublicKey, a *archive) error {
	path, err := p.path(file)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	st, err := certificate.Parse(b, by)
	if errors.Is(err, parlance.Corrupt) {
		return coded(exitDiffers, "%s is not good: %w", file, err)
	}
	if err != nil {
		return err
	}
	n := st.States()
	c := checkedCertificate{
		Good: true, Key: st.Key.String(), KeyGiven: by != nil, Workspace: st.Workspace, Issued: st.Issued, Conversations: len(st.Conversations),
		Complete: n[mirror.Complete], Partial: n[mirror.Partial], Unknown: n[mirror.Unknown],
		Compared: a != nil, Differences: []certificate.Difference{}, Limits: st.Limits,
	}
	if a != nil {
		differences, err := st.Compare(ctx, a.store)
		if err != nil {
			return err
		}
		c.Differences = append(c.Differences, differences...)
	}
	c.Good = len(c.Differences) == 0
	if p.json {
		err = writeLine(p.stdout, c)
	} else {
		_, err = p.stdout.Write([]byte(c.text(st)))
	}
	if err != nil {
		return err
	}
	if !c.Good {
		return coded(exitDiffers, "the signature is good, but the store differs in %s conversations", progress.Number(len(c.Differences)))
	}
	return nil
}

func (c *checkedCertificate) text(st *certificate.Statement) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("The signature is good: nothing was changed since %s signed it.", c.Key)
	if !c.KeyGiven {
		line("Whose key that is can't be seen here: compare it, or give --key.")
	}
	line("It states of workspace %s, as of %s: %s", c.Workspace, c.Issued, statesText(st))
	for i := range min(len(st.Conversations), maxTold) {
		line("  %s", conversationText(&st.Conversations[i], st))
	}
	if more := len(st.Conversations) - maxTold; more > 0 {
		line("  and %s more", progress.Number(more))
	}
	line("It does not claim more than this:")
	for _, l := range st.Limits {
		line("  - %s", l)
	}
	switch {
	case !c.Compared:
	case c.Good:
		line("The store's logs come to the stated hashes.")
	default:
		for _, d := range c.Differences {
			line("DIFFERS: %s: %s", d.Conversation, d.Text)
		}
	}
	return b.String()
}

// printable returns s without what could move a terminal's cursor, or begin a line: a certificate is anybody's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// conversationText says in a line what is stated of a conversation.
func conversationText(c *certificate.Conversation, st *certificate.Statement) string {
	v := &c.Coverage
	for i := range st.Streams {
		if s := &st.Streams[i]; c.Stream != "" && s.Source == c.Source && s.ID == c.Stream {
			v = &s.Coverage
		}
	}
	text := fmt.Sprintf("%s: %s, %s messages, last checked %s", c.ID, c.State, progress.Number(c.Log.Messages), v.Checked)
	if v.Checked == 0 {
		text = fmt.Sprintf("%s: %s, %s messages, never checked", c.ID, c.State, progress.Number(c.Log.Messages))
	}
	if n := len(v.Gaps); n > 0 {
		text += fmt.Sprintf("; %d gaps, the first: %s", n, v.Gaps[0].Reason)
	}
	if n := len(v.Acknowledged); n > 0 {
		text += fmt.Sprintf("; %d gaps that somebody said may stay", n)
	}
	return text
}
