package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"parlance"
	"parlance/fake"
	"parlance/internal/config"
)

type fakeOptions struct {
	platform string
	fake.Options
	faults string
	lines  string
	listen string
	public bool
}

// A fakeDescription is what `fake` prints once it listens.
type fakeDescription struct {
	URL           string           `json:"url"`
	Platform      parlance.Dialect `json:"platform"`
	Credentials   fake.Credentials `json:"credentials"`
	Conversations []string         `json:"conversations"`
	Messages      int              `json:"messages"`
	Faults        []fake.Fault     `json:"faults"`
}

func (p *program) fake() *cobra.Command {
	var o fakeOptions
	cmd := p.command(&cobra.Command{
		Use:   "fake --platform NAME",
		Short: "Be one of the three platforms, with faults, to practise on",
		Long: `Serve what one of the platforms IMKit, SHOPLINE and iMetaStore lets people read of their
history: made-up conversations, or those of a JSON Lines file. Faults can be switched on, alone or mixed,
to see how a program that reads the platform bears them. Nothing is stored. The same
flags and the same requests in the same order get the same answers.

The credentials are printed, are the same each time, and are no secret.

Faults; docs/fake.md says more of them:

` + faultList() + `
JSON, once it listens: {"url","platform","credentials":{},"conversations":[],"messages",
"faults":[]}; credentials has what the platform asks for: client_key, token and api_key, or token, or email
and password; conversations are ids, on iMetaStore buyers.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, _ *cobra.Command, _ []string) error {
		return p.runFake(ctx, o)
	})
	f := cmd.Flags()
	f.StringVar(&o.platform, "platform", "", "imkit, shopline or imetastore (required)")
	f.Uint64Var(&o.Seed, "seed", 0, "what chance begins with")
	f.IntVar(&o.Messages, "messages", fake.DefaultMessages, "how many messages all conversations have together")
	f.IntVar(&o.Conversations, "conversations", fake.DefaultConversations, "how many conversations there are")
	f.IntVar(&o.Page, "page", 0, "how many messages a page holds at most; 0 is as on the platform")
	f.IntVar(&o.Every, "every", fake.DefaultEvery, "passing faults and changes happen at one in so many requests")
	f.StringVar(&o.faults, "faults", "", "faults to switch on: NAME,...")
	f.StringVar(&o.lines, "lines", "", "JSON Lines file, plain or gzip, whose conversations are served")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "host:port to listen on; port 0 is any free one")
	f.BoolVar(&o.public, "public", false, "let --listen name an address that other machines can reach: they can read all that is served")
	cmd.MarkFlagRequired("platform")
	return cmd
}

// Columns of the list of faults.
const (
	faultIndent = 20
	faultWidth  = 88
)

// faultList describes the faults for people.
func faultList() string {
	var b strings.Builder
	for _, d := range fake.Descriptions() {
		text := d.Text
		if !slices.Equal(d.Platforms, fake.Platforms()) {
			var names []string
			for _, p := range d.Platforms {
				names = append(names, string(p))
			}
			text += " (" + strings.Join(names, ", ") + ")"
		}
		column := faultIndent
		fmt.Fprintf(&b, "  %-*s", faultIndent-3, d.Fault)
		for word := range strings.FieldsSeq(text) {
			if column += 1 + len(word); column > faultWidth {
				column = faultIndent + len(word)
				fmt.Fprintf(&b, "\n%*s", faultIndent-1, "")
			}
			b.WriteString(" " + word)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (p *program) runFake(ctx context.Context, o fakeOptions) error {
	if err := config.CheckAddress(o.listen); err != nil {
		return usage("--listen: %q: %w", o.listen, err)
	}
	if !o.public && !config.Loopback(o.listen) {
		return usage("--listen: %s can be reached from other machines, which may read all that is served; add --public if they should", o.listen)
	}
	u, err := openFake(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	defer l.Close()
	d := describeFake(u, urlOf(l, false))
	if err := p.printFake(d); err != nil {
		return err
	}
	return serveFake(ctx, l, p.tellingTokens(u))
}

// openFake makes the upstream that the flags ask for.
func openFake(o fakeOptions) (*fake.Upstream, error) {
	var err error
	if o.Faults, err = fake.ParseFaults(o.faults); err != nil {
		return nil, usage("--faults: %w", err)
	}
	o.Platform = parlance.Dialect(o.platform)
	if o.lines != "" {
		f, err := os.Open(o.lines)
		if err != nil {
			return nil, fmt.Errorf("find the lines to serve: %w", err)
		}
		defer f.Close()
		if o.Lines, err = inflated(f); err != nil {
			return nil, fmt.Errorf("read %s: %w", o.lines, err)
		}
	}
	u, err := fake.New(o.Options)
	switch {
	case err != nil && o.lines != "":
		return nil, fmt.Errorf("serve %s: %w", o.lines, err)
	case err != nil:
		return nil, usage("%w", err)
	}
	return u, nil
}

// inflated returns what r holds, inflated if it is gzip.
func inflated(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(b)
	}
	return b, nil
}

func describeFake(u *fake.Upstream, url string) fakeDescription {
	truth := u.Truth()
	d := fakeDescription{
		URL: url, Platform: u.Platform(), Credentials: u.Credentials(), Messages: truth.Messages,
		Conversations: []string{}, Faults: append([]fake.Fault{}, u.Faults()...),
	}
	for _, c := range truth.Conversations {
		d.Conversations = append(d.Conversations, c.ID)
	}
	return d
}

// tellingTokens serves u and tells a person when the credentials have changed.
func (p *program) tellingTokens(u *fake.Upstream) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before := u.Credentials()
		u.ServeHTTP(w, r)
		if c := u.Credentials(); c != before {
			p.say("the credentials have died; what works now:")
			fmt.Fprintln(p.stderr, secretFile(c))
		}
	})
}

// Times of a server that is only practised on.
const (
	fakeHeaderTime   = 10 * time.Second
	fakeShutdownTime = 2 * time.Second
)

// serveFake serves until ctx ends.
func serveFake(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: fakeHeaderTime}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fakeShutdownTime)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}
