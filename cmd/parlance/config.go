package main

import (
	"context"
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
  engine         what keeps the rows: pebble, in the folder, or cassandra (pebble)
  hosts          some of the cluster's nodes: HOST[:PORT],...
  keyspace       keyspace of the store in the cluster (parlance)
  replication    copies of each row, of a keyspace that is made (3)
  consistency    quorums of the local data centre or of all: local_quorum or quorum
  files          folder of attachments beside a cluster; without one they aren't kept
  listen         host:port to listen on (127.0.0.1:8080)
  metrics_listen host:port for /metrics, /healthz and /readyz, which are not at the other one then
  tls_cert       certificate chain, PEM
  tls_key        its key, PEM
  behind_proxy   true if something in front speaks TLS
  trusted_proxies  networks of proxies, such as 10.1.2.0/24,... or single addresses, whose
                 X-Forwarded-For says whose wrong logins are slowed (none)
  memory         bytes of memory to stay within, such as 2Gi; the engine's are counted (1344Mi)
  public_url     where the world finds the server: attachments that are kept are then shown
                 under it, in the place of the platform's addresses (none)
  shopline_rate  requests per second and SHOPLINE token; 0 = no limit
  bus            how nodes on one cluster tell each other news: none, nats://HOST:PORT,...,
                 tls://HOST:PORT,..., or embedded://HOST:PORT?routes=HOST:PORT,... for a
                 server inside each node (none)
  log_level      debug, info, warn or error (info)

What signs certificates; this is no flag:

  certificate_key                     file of the key, PEM (certificate.key in the store's folder)

How much room attachments may take, in bytes or as 64Gi (Ki, Mi, Gi, Ti); these are no flags:

  files_quota                         all of them together (256Gi)
  files_workspace_quota               those of one workspace (64Gi)
  files_reserve                       what they leave free on the disk; 0 = nothing (512Mi)

How to reach a cluster; these are no flags:

  cassandra_user, cassandra_password  who to log in as
  cassandra_dc                        local data centre (that of the host that answers first)
  cassandra_tls                       true to encrypt connections; so do the next three
  cassandra_ca                        certificates to trust, PEM (the system's)
  cassandra_cert, cassandra_key       our own certificate and its key, PEM
  cassandra_protocol                  5, or 4 for ScyllaDB (5)

How nodes prove to each other, or to a NATS server, who they are; these are no flags:

  bus_user, bus_password              the same for all nodes if they are embedded
  bus_token, bus_creds                or a token, or a file of NATS's own form; not if embedded
  bus_ca                              certificates to trust, PEM (the system's)
  bus_cert, bus_key                   our own certificate and its key, PEM

Each is also a variable, such as PARLANCE_SHOPLINE_RATE, and, but for the last ones, a flag of
the commands that use it, such as --shopline-rate. Flags win over variables, variables over the file.`,
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
			printf(&b, "%-18s %-24v %s\n", s.Key, s.Value, s.Origin)
		}
		b.WriteString("ok\n")
		_, err = p.stdout.Write([]byte(b.String()))
		return err
	})
}
