package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/mirror"
)

func (p *program) mirror() *cobra.Command {
	return p.group(&cobra.Command{
		Use:   "mirror",
		Short: "Copy a platform's history, and know what is missing",
		Long: `Copy the conversations that an account sees on IMKit, SHOPLINE or iMetaStore into the store, under the same ids,
through the platform's own read calls; keep them up to date; and know what is missing.

A credential is never an argument. It is in a file, as lines of "name: value", or in the environment:

  IMKit       client_key and token, or api_key    PARLANCE_MIRROR_CLIENT_KEY, ..._TOKEN, ..._API_KEY
  SHOPLINE    token                               PARLANCE_MIRROR_TOKEN
  iMetaStore  email and password                  PARLANCE_MIRROR_EMAIL, ..._PASSWORD

These variables are for upstreams without a file. PARLANCE_MIRROR_NAME_TOKEN is for the upstream called NAME alone, and beats its
file. The file is YAML: what it would read otherwise than it looks, as abc #1 without quotes, is refused. A file that changes is read again when
the platform refuses what it said before.

While "parlance serve" holds the store these commands are carried out by it, and it runs the
upstreams by itself, as often as "mirror add --every" says.`,
	}, p.mirrorAdd(), p.mirrorSet(), p.mirrorRun(), p.mirrorStatus(), p.mirrorGaps(), p.mirrorRemove())
}

// newMirror returns the archive's mirror, whose credentials come from p's environment unless a run brings its own.
func (p *program) newMirror(a *archive) *mirror.Mirror {
	return mirror.New(a.store, mirror.Options{
		Secret: func(c mirror.Config) (mirror.Secret, error) { return secretOf(c, p.env) },
		Files:  a.files,
		Shared: a.name.dir == "",
		Logger: a.log,
	})
}

// mirrorOf returns the mirror of the archive, the same one for all who use it.
func (p *program) mirrorOf(a *archive) *mirror.Mirror {
	a.mirrorOnce.Do(func() { a.mirrored = p.newMirror(a) })
	return a.mirrored
}

// days reads a length of time, with days too: 90m, 12h, 7d.
func days(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		f, err := strconv.ParseFloat(n, 64)
		if err == nil && f >= 0 && f < 36500 {
			return time.Duration(f * float64(24*time.Hour)), nil
		}
		return 0, errors.New("want a length of time like 12h or 7d")
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("want a length of time like 90m, 12h or 7d")
	}
	return d, nil
}

// A daysFlag is a flag for a length of time.
type daysFlag time.Duration

// Set reads the flag.
func (d *daysFlag) Set(s string) error {
	v, err := days(s)
	*d = daysFlag(v)
	return err
}

// String returns the flag as it is shown.
func (d *daysFlag) String() string {
	switch v := time.Duration(*d); {
	case v == 0:
		return "0"
	case v%(24*time.Hour) == 0:
		return strconv.Itoa(int(v/(24*time.Hour))) + "d"
	default:
		return v.String()
	}
}

// Type names what the flag takes.
func (*daysFlag) Type() string { return "duration" }

// stamp returns t in RFC 3339, empty for zero.
func stamp(t parlance.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}
