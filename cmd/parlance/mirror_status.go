package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/internal/progress"
	"parlance/mirror"
)

// An upstreamStatus is the result of `mirror status` for one upstream.
type upstreamStatus struct {
	Source        mirror.Name          `json:"source"`
	Workspace     parlance.WorkspaceID `json:"workspace"`
	Platform      parlance.Dialect     `json:"platform"`
	URL           string               `json:"url"`
	Account       string               `json:"account"` // the platform's id of who reads; empty if it doesn't tell
	State         mirror.State         `json:"state"`
	Conversations int                  `json:"conversations"`
	Complete      int                  `json:"complete"` // conversations
	Partial       int                  `json:"partial"`
	Unknown       int                  `json:"unknown"`
	Messages      int                  `json:"messages"` // that are here
	Missing       int                  `json:"missing"`  // of them, marked so
	Gaps          int                  `json:"gaps"`
	FilesWaiting  int                  `json:"files_waiting"`
	FilesLost     int                  `json:"files_lost"`

	RetentionSeconds float64 `json:"retention_seconds"`          // 0: the platform keeps messages for ever, as far as is known
	MeasuredSeconds  float64 `json:"measured_retention_seconds"` // 0: not measured
	Loses            string  `json:"loses"`                      // RFC 3339: when what isn't here may vanish; empty: never
	Warning          string  `json:"warning"`                    // empty: none

	Gone        int     `json:"gone"`         // conversations that the platform doesn't have any more
	GoneSince   string  `json:"gone_since"`   // RFC 3339: when that showed first; empty: of none
	LookedAt    string  `json:"looked_at"`    // RFC 3339: when the one was that wasn't for the longest time; empty: one never was
	LookSeconds float64 `json:"look_seconds"` // within so long each is looked at; 0: in each run

	AsOf      string `json:"as_of"`    // RFC 3339: when the oldest of it was read; empty: not all was yet
	LastRun   string `json:"last_run"` // RFC 3339; empty: never
	LastState string `json:"last_state"`
	LastError string `json:"last_error"`

	StaleSince string `json:"stale_since"` // RFC 3339: since when it is known not to be kept up to date; empty: that isn't known
	Stale      string `json:"stale"`       // why
	NextRun    string `json:"next_run"`    // by a server; empty: none
}

func (p *program) mirrorStatus() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "status [NAME...] --data DIR",
		Short: "Say how much of each upstream is here, and what will be lost when",
		Long: `Say of each upstream how many of its conversations are complete, partial or unknown, when it was last run, and when the first
message that isn't here may vanish from the platform, by the retention that "mirror add" was told or that is documented.

The exit code is 0 if all are complete and nothing will be lost soon, 4 if a platform refuses the credential, and else 3. Soon
is when a quarter of the retention is left. What is known not to be kept up to date, since runs fail or don't come, is stale and not
complete.

JSON, one line for each upstream: {"source","workspace","platform","url","account","state","conversations","complete","partial",
"unknown","messages","missing","gaps","files_waiting","files_lost","retention_seconds","measured_retention_seconds","loses",
"warning","gone","gone_since","looked_at","look_seconds","as_of","last_run","last_state","last_error","stale_since","stale","next_run"}`,
	}, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error { return p.listStatus(ctx, a, args) })
	})
	engineFlags(cmd)
	return cmd
}

func (p *program) listStatus(ctx context.Context, a *archive, names []string) error {
	m := p.mirrorOf(a)
	upstreams, err := namedUpstreams(ctx, m, names)
	if err != nil {
		return err
	}
	var worst error
	for _, c := range upstreams {
		s, err := m.Status(ctx, c.Name)
		if err != nil {
			return err
		}
		u := statusOf(&s)
		if p.json {
			err = writeLine(p.stdout, u)
		} else {
			_, err = p.stdout.Write([]byte(u.text(p.pasted(a, "mirror gaps", string(c.Name)))))
		}
		if err != nil {
			return err
		}
		worst = worse(worst, u.outcome(&s))
	}
	return worst
}

func (u *upstreamStatus) outcome(s *mirror.Status) error {
	switch {
	case s.Last != nil && s.Last.Login, s.Failed != nil && s.Failed.Login:
		return coded(exitLogin, "%s: the platform wants another login", u.Source)
	case u.Warning != "":
		return coded(exitPartial, "%s: %w", u.Source, errors.New(u.Warning))
	case u.State == mirror.Stale:
		return coded(exitPartial, "%s is stale since %s", u.Source, u.StaleSince)
	case u.State != mirror.Complete:
		return coded(exitPartial, "%s is %s, not complete", u.Source, u.State)
	}
	return nil
}

func statusOf(s *mirror.Status) upstreamStatus {
	u := upstreamStatus{
		Source: s.Name, Workspace: s.Workspace, Platform: s.Platform, URL: s.URL, Account: s.Account, State: s.State,
		Conversations: s.Conversations, Complete: s.Complete, Partial: s.Partial, Unknown: s.Unknown,
		Messages: s.Messages, Missing: s.Missing, Gaps: len(s.Gaps), FilesWaiting: s.FilesWaiting, FilesLost: s.FilesLost,
		RetentionSeconds: s.Retention.Seconds(), MeasuredSeconds: s.Measured.Seconds(),
	}
	if s.Loses != parlance.MaxTime {
		u.Loses = max(s.Loses, s.Now).String()
	}
	if s.Warns() {
		u.Warning = "messages that aren't here may vanish from the platform from " + u.Loses + " on"
		if s.Loses <= s.Now {
			u.Warning = "messages that aren't here may be vanishing from the platform now"
		}
	}
	u.Gone, u.GoneSince = s.Gone, stamp(s.GoneSince)
	u.LookedAt, u.LookSeconds = stamp(s.Looked), s.Rotation.Seconds()
	u.AsOf = stamp(s.AsOf)
	if s.Last != nil {
		u.LastRun, u.LastState, u.LastError = stamp(s.Last.Ended), string(s.Last.State), s.Last.Error
	}
	u.StaleSince, u.Stale = stamp(s.StaleSince), s.Stale
	if s.Every > 0 {
		u.NextRun = stamp(s.Next())
	}
	return u
}

func (u *upstreamStatus) text(gaps string) string {
	var b strings.Builder
	printf(&b, "%s: %s; %s messages of %s conversations are here (%s complete, %s partial, %s unknown)\n", u.Source, u.State,
		progress.Number(u.Messages), progress.Number(u.Conversations), progress.Number(u.Complete), progress.Number(u.Partial), progress.Number(u.Unknown))
	printf(&b, "  %s at %s, into workspace %s\n", u.Platform, u.URL, u.Workspace)
	line := func(format string, args ...any) { printf(&b, "  "+format+"\n", args...) }
	switch {
	case u.LastRun == "":
		line("never run")
	case u.LastError != "":
		line("last run %s, stopped: %s", u.LastRun, u.LastError)
	default:
		line("last run %s", u.LastRun)
	}
	if u.Stale != "" {
		line("STALE since %s: %s", u.StaleSince, u.Stale)
	}
	switch {
	case u.LookedAt != "" && u.LookSeconds > 0:
		line("each conversation was looked at %s or later; those that the list shows unchanged are within %s", u.LookedAt, shortDuration(u.LookSeconds))
	case u.LookedAt != "":
		line("each conversation was looked at %s or later", u.LookedAt)
	}
	if u.Gone > 0 {
		line("%s conversations are gone from the platform, the first since %s; what was read of them is kept", progress.Number(u.Gone), u.GoneSince)
	}
	if u.AsOf != "" {
		line("all was read %s or later; changes since then that the platform doesn't tell of show in the next full reading", u.AsOf)
	}
	if u.Missing > 0 {
		line("%s messages are missing there by now, and kept here", progress.Number(u.Missing))
	}
	if u.FilesWaiting+u.FilesLost > 0 {
		line("%s files are still to be fetched, %s can't be had any more", progress.Number(u.FilesWaiting), progress.Number(u.FilesLost))
	}
	if u.Gaps > 0 {
		line("%s gaps: %s", progress.Number(u.Gaps), gaps)
	}
	if u.RetentionSeconds > 0 {
		line("the platform keeps messages for %s; what isn't here may be lost from %s on", shortDuration(u.RetentionSeconds), u.Loses)
	}
	if u.MeasuredSeconds > 0 {
		line("the oldest message that it gave was %s old, and older ones are here", shortDuration(u.MeasuredSeconds))
	}
	if u.Warning != "" {
		line("WARNING: %s", u.Warning)
	}
	return b.String()
}

func shortDuration(seconds float64) string {
	d := daysFlag(time.Duration(seconds * float64(time.Second)).Round(time.Minute))
	return d.String()
}
