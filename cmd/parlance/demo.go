package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"parlance/internal/config"
)

type demoOptions struct {
	listen string
	given  bool // listen was given
}

func (p *program) demo() *cobra.Command {
	o := demoOptions{}
	cmd := p.command(&cobra.Command{
		Use:   "demo",
		Short: "Serve a made-up shop's chats, to try all three APIs at once",
		Long: `Make a store in memory, fill it with the platforms' own examples and some weeks of a small
shop's chats in five languages, serve it, and print a working request for each API. Nothing
is left behind when it ends, unless --data names a folder. A demo's folder can be used
again: what was written to it is still there, and new credentials take the place of the
old ones.

If the usual address is taken, another port is used; not so if --listen was given.

JSON, once it listens: {"url","workspace","imkit":{"client_key","api_key",
"users":[{"id","token"}],"rooms":[]},"shopline":{"token","conversations":[{"id",
"platform"}]},"imetastore":{"email","password","buyers":[]},"archive":{"token"}}; rooms are those
of which the first user is a member, buyers are 64-bit numbers, the archive's token is for
/archive/v1.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		o.given = cmd.Flag("listen").Changed
		return p.runDemo(ctx, cmd, o)
	})
	cmd.Flags().StringVar(&o.listen, "listen", config.Defaults().Listen, "host:port to listen on, of this machine only; port 0 is any free one")
	engineFlags(cmd)
	cmd.Flag("data").Usage = "folder to keep the demo in; in memory if no store is named"
	return cmd
}

func (p *program) runDemo(ctx context.Context, cmd *cobra.Command, o demoOptions) (err error) {
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	if err := config.CheckAddress(o.listen); err != nil {
		return usage("--listen: %q: %w", o.listen, err)
	}
	if !config.Loopback(o.listen) {
		return usage("--listen: %s can be reached from other machines; a demo is for this one only: use 127.0.0.1, or parlance serve", o.listen)
	}
	log := p.logger(c, quiet)
	l, err := p.listenDemo(o)
	if err != nil {
		return err
	}
	defer l.Close()
	var n engineName
	if cmd.Flag("data").Changed || cmd.Flag("engine").Changed { // variables are for real stores
		if n, err = engineOf(c); err != nil {
			return err
		}
	}
	a, err := openArchive(ctx, n, c, log)
	if err != nil {
		return err
	}
	defer func() { err = a.close(err) }()
	return p.serveDemo(ctx, a, l, log)
}

// listenDemo listens on the address asked for, or, if nobody asked and it is taken, on a free port.
func (p *program) listenDemo(o demoOptions) (net.Listener, error) {
	l, err := net.Listen("tcp", o.listen)
	if err == nil {
		return l, nil
	}
	if o.given || !errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w; choose another address with --listen", err)
	}
	host, _, _ := net.SplitHostPort(o.listen) // was checked
	l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	p.say("%s is taken, so this demo listens on %s", o.listen, l.Addr())
	return l, nil
}

func (p *program) serveDemo(ctx context.Context, a *archive, l net.Listener, log *slog.Logger) error {
	w, secrets, err := prepareDemo(ctx, a)
	if err != nil {
		return err
	}
	d, err := describeDemo(ctx, a, w, secrets)
	if err != nil {
		return err
	}
	d.URL = urlOf(l, false)
	srv := newServer(a, log, config.Config{})

	stop := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { stop <- srv.Serve(ctx, l, nil) }()
	defer background(ctx, a.index)()
	err = p.printDemo(ctx, a, d)
	if err != nil {
		cancel()
	}
	return errors.Join(err, <-stop)
}
