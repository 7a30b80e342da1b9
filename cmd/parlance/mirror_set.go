package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/upstream"
	"parlance/mirror"
)

// A changedUpstream is the result of `mirror set`.
type changedUpstream struct {
	Source            mirror.Name `json:"source"`
	URL               string      `json:"url"`
	SecretFile        string      `json:"secret_file"` // empty: the environment has the credential
	EverySeconds      float64     `json:"every_seconds"`
	FullEverySeconds  float64     `json:"full_every_seconds"`
	RetentionSeconds  float64     `json:"retention_seconds"` // 0: as documented
	Rate              float64     `json:"rate"`              // 0: as documented
	AllowPrivateFiles bool        `json:"allow_private_files"`
	InsecureHTTP      bool        `json:"insecure_http"`
}

func (p *program) mirrorSet() *cobra.Command {
	var o mirrorSettings
	cmd := p.command(&cobra.Command{
		Use:   "set NAME --data DIR",
		Short: "Change how an upstream is read",
		Long: `Change an upstream's settings. What isn't given stays as it is, and so does all that is known of the upstream. A new
address must lead to the same account: another one's is refused by the next run. A run that is under way goes on with the old ones.

JSON: {"source","url","secret_file","every_seconds","full_every_seconds","retention_seconds","rate","allow_private_files","insecure_http"}`,
		Args: cobra.ExactArgs(1),
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		given := cmd.Flags().Changed
		if !slices.ContainsFunc(settingFlags, given) {
			return usage("say what is to be changed: --%s", strings.Join(settingFlags, ", --"))
		}
		return p.onStore(ctx, cmd, func(a *archive) error {
			return p.changeUpstream(ctx, p.mirrorOf(a), mirror.Name(args[0]), &o, given)
		})
	})
	engineFlags(cmd)
	o.flags(cmd)
	return cmd
}

func (p *program) changeUpstream(ctx context.Context, m *mirror.Mirror, n mirror.Name, o *mirrorSettings, given func(flag string) bool) error {
	if err := o.check(p, given); err != nil {
		return err
	}
	if given("secret-file") {
		c, err := m.Upstream(ctx, n)
		if err != nil {
			return err
		}
		o.apply(&c.Settings, given)
		if _, err := secretOf(c, p.env); err != nil {
			return usage("%w", err)
		}
	}
	if given("url") && !given("insecure-http") {
		// What was allowed of one address isn't of another.
		o.insecureHTTP = false
		before := given
		given = func(flag string) bool { return flag == "insecure-http" || before(flag) }
	}
	s, err := m.Change(ctx, n, func(s *mirror.Settings) { o.apply(s, given) })
	switch {
	case errors.Is(err, parlance.Invalid):
		return usage("%w", err)
	case err != nil:
		return err
	}
	return p.result(changedUpstream{
		n, s.URL, s.SecretFile, s.Every.Seconds(), s.FullEvery.Seconds(), s.Retention.Seconds(), s.Rate, s.AllowPrivate, s.InsecureHTTP,
	}, "%s is read as you said from its next run on", n)
}

// mirrorSettings are the flags for what can be changed of an upstream.
type mirrorSettings struct {
	url, secretFile             string
	every, fullEvery, retention daysFlag
	rate                        float64
	allowPrivate, insecureHTTP  bool
}

// settingFlags are their names.
var settingFlags = []string{"url", "secret-file", "every", "full-every", "retention", "rate", "allow-private-files", "insecure-http"}

// flags declares the flags; their defaults are what they say now.
func (o *mirrorSettings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.url, "url", o.url, "the platform's address, as its clients are given it")
	f.StringVar(&o.secretFile, "secret-file", o.secretFile, "file with the credential; without it the environment must have it")
	f.Var(&o.every, "every", "how often a server reads it; 0: only when told")
	f.Var(&o.fullEvery, "full-every", "how often a run reads everything again, to find what changed or vanished untold; 0: only when told")
	f.Var(&o.retention, "retention", "how long the platform keeps messages; 0: as its documentation says")
	f.Float64Var(&o.rate, "rate", o.rate, "calls a second at most; 0: as the platform's documentation advises")
	f.BoolVar(&o.insecureHTTP, "insecure-http", o.insecureHTTP, "let the credential go to another machine by http://, in the clear")
	f.BoolVar(&o.allowPrivate, "allow-private-files", o.allowPrivate, "fetch attachments from addresses of private networks too")
}

// check looks at what was given, and makes the file's path absolute.
func (o *mirrorSettings) check(p *program, given func(flag string) bool) error {
	if given("url") {
		if _, err := upstream.Open(o.url, upstream.Options{}); err != nil {
			return usage("--url: %w", err)
		}
		if err := checkClear(o.url, o.insecureHTTP); err != nil {
			return usage("--url: %w", err)
		}
	}
	if given("secret-file") && o.secretFile != "" {
		path, err := p.path(o.secretFile)
		if err != nil {
			return usage("--secret-file: %w", err)
		}
		o.secretFile = path
		return p.checkSecretFile(path)
	}
	return nil
}

// checkSecretFile warns of a credential that others on this machine can read.
func (p *program) checkSecretFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return usage("--secret-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		p.say("%s can be read by others on this machine; shut them out with: chmod 600 %s", path, shell(path))
	}
	if info.IsDir() {
		return usage("--secret-file: %w", fmt.Errorf("%s is a folder", path))
	}
	return nil
}

// apply takes over the flags that were given.
func (o *mirrorSettings) apply(s *mirror.Settings, given func(flag string) bool) {
	for _, flag := range settingFlags {
		if !given(flag) {
			continue
		}
		switch flag {
		case "url":
			s.URL = o.url
		case "secret-file":
			s.SecretFile = o.secretFile
		case "every":
			s.Every = time.Duration(o.every)
		case "full-every":
			s.FullEvery = time.Duration(o.fullEvery)
		case "retention":
			s.Retention = time.Duration(o.retention)
		case "rate":
			s.Rate = o.rate
		case "insecure-http":
			s.InsecureHTTP = o.insecureHTTP
		case "allow-private-files":
			s.AllowPrivate = o.allowPrivate
		}
	}
}
