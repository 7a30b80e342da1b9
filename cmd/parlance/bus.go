package main

import (
	"context"
	"crypto/tls"
	"log/slog"

	"parlance"
	"parlance/internal/config"
	"parlance/live"
	"parlance/shopline"
	"parlance/store"
)

// openBus returns the bus that the settings name; one without other nodes if they name none. The
// caller closes it after the store.
func openBus(ctx context.Context, c config.Config, log *slog.Logger) (*live.Bus, error) {
	n := c.Nodes()
	if n.URL == "" && n.Listen == "" {
		return live.Local(), nil
	}
	secure, err := busTLS(c)
	if err != nil {
		return nil, err
	}
	o := live.Options{
		User: c.BusUser, Password: c.BusPassword, Token: c.BusToken, CredentialsFile: c.BusCreds,
		TLS: secure, Logger: log,
	}
	if n.URL != "" {
		return live.Connect(ctx, n.URL, o)
	}
	return live.Embedded(ctx, n.Listen, n.Routes, o)
}

// busTLS returns what the bus's connections are encrypted with; nil if the settings name no file.
func busTLS(c config.Config) (*tls.Config, error) {
	if c.BusCA == "" && c.BusCert == "" {
		return nil, nil
	}
	return clientTLS("bus", c.BusCA, c.BusCert, c.BusKey)
}

// announceOn returns what tells the other nodes which records a store changed.
func announceOn(b *live.Bus) func(parlance.WorkspaceID, []string) {
	return func(ws parlance.WorkspaceID, names []string) {
		b.Publish(live.Event{Kind: live.Records, Workspace: ws, Names: names})
	}
}

// appendedOn returns what tells the other nodes how far a conversation's log goes.
func appendedOn(b *live.Bus) func(parlance.Ref, uint64) {
	return func(ref parlance.Ref, number uint64) {
		b.Publish(live.Event{Kind: live.Appended, Workspace: ref.Workspace, Conversation: ref.Conversation, Number: number})
	}
}

// hearRecords has the store hear what other nodes changed.
func hearRecords(b *live.Bus, s *store.Store) {
	b.Subscribe(func(e live.Event) {
		switch {
		case e.Kind == live.Missed:
			s.Missed()
		case e.Remote:
			s.Heard(e.Workspace, e.Names)
		}
	}, live.Records, live.Missed)
}

// usageOn returns what tells the other nodes which requests were let through.
func usageOn(b *live.Bus) func(map[string]int) {
	return func(usage map[string]int) { b.Publish(live.Event{Kind: live.Usage, Usage: usage}) }
}

// hearUsage has the server count what other nodes let through.
func hearUsage(b *live.Bus, s *shopline.Server) {
	b.Subscribe(func(e live.Event) {
		if !e.Remote {
			return
		}
		for reader, n := range e.Usage {
			s.Used(reader, n)
		}
	}, live.Usage)
}
