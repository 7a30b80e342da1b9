package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parlance/internal/config"
)

func (p *program) configCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use:   "config",
		Short: "Check the configuration",
		Long: `The configuration file is YAML with any of these keys:

  data           the store's folder
  listen         host:port to listen on (127.0.0.1:8080)
  tls_cert       certificate chain, PEM
  tls_key        its key, PEM
  behind_proxy   true if something in front speaks TLS
  shopline_rate  requests per second and SHOPLINE token; 0 = no limit
  log_level      debug, info, warn or error (info)

Each is also a variable, such as PARLANCE_SHOPLINE_RATE, and a flag of the commands that use
it, such as --shopline-rate. Flags win over variables, variables over the file.`,
	}, p.configCheck())
}

// A configReport is the result of `config check`.
type configReport struct {
	File     string           `json:"file"` // empty: none
	OK       bool             `json:"ok"`
	Settings []config.Setting `json:"settings"`
}

func (p *program) configCheck() *cobra.Command {
	return p.command(&cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file and the environment without starting anything",
		Long: `Read the configuration as "parlance serve" would, and print each key with its value and
where that came from. FILE is the file to check; without it the one of --config or
PARLANCE_CONFIG, if any. Unknown keys and values that can't be are errors.

JSON: {"file","ok","settings":[{"key","value","origin"}]}`,
		Args: cobra.MaximumNArgs(1),
	}, func(_ context.Context, cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			p.config = args[0]
		}
		c, err := p.settings(cmd)
		if err != nil {
			return err
		}
		if err := c.Check(); err != nil {
			return usage("%w", err)
		}
		file := p.config
		if file == "" {
			file, _ = p.env("PARLANCE_CONFIG")
		}
		report := configReport{File: file, OK: true, Settings: c.Settings()}
		if p.json {
			return writeLine(p.stdout, report)
		}
		var b strings.Builder
		for _, s := range report.Settings {
			fmt.Fprintf(&b, "%-14s %-24v %s\n", s.Key, s.Value, s.Origin)
		}
		b.WriteString("ok\n")
		_, err = p.stdout.Write([]byte(b.String()))
		return err
	})
}
