package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parlance"
	"parlance/files"
	"parlance/history"
)

// newFetcher returns what fetches the upstream's files, with its credential where they are on its own host.
func (r *run) newFetcher() *files.Fetcher {
	origin, err := url.Parse(r.c.URL)
	if err != nil {
		origin = nil
	}
	return files.NewFetcher(files.FetcherOptions{
		Origin: origin, AllowPrivate: r.c.AllowPrivate, Transport: r.m.o.FileTransport,
		Authorize: func(req *http.Request) {
			if a, ok := r.asked().(history.Authorizer); ok {
				a.Authorize(req)
			}
		},
	})
}

func (r *run) files() files.Source {
	return files.Source{Workspace: r.c.Workspace, Name: string(r.c.Name), Fetcher: r.fetcher}
}

// wantFiles records, before messages are stored, what files they mention. Whatever happens then, they are known to be wanted.
func (r *run) wantFiles(ctx context.Context, c parlance.ConversationID, ms []parlance.Message) (files.Wanted, error) {
	if r.queue == nil {
		return files.Wanted{}, nil
	}
	var mentions []files.Mention
	for i := range ms {
		mentions = append(mentions, files.Mentions(c, &ms[i])...)
	}
	if len(mentions) == 0 {
		return files.Wanted{}, nil
	}
	wanted, err := r.queue.Want(ctx, mentions)
	if err != nil {
		return wanted, fmt.Errorf("note the files of %s: %w", c, err)
	}
	return wanted, nil
}

// filesWait is how long a run that has read everything goes on fetching files.
const filesWait = 10 * time.Minute

// finishFiles fetches what is still wanted, and what failed before and is due. What can't be had now is no error: it waits for another run.
func (r *run) finishFiles(ctx context.Context) error {
	if r.queue == nil {
		return nil
	}
	wait := r.m.o.FilesWait
	if wait == 0 {
		wait = filesWait
	}
	_, err := r.queue.Finish(wait)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var noRoom *files.NoRoom
	reason := ""
	switch {
	case errors.As(err, &noRoom):
		reason = noRoom.Reason
		r.m.o.Logger.Warn("attachments wait for room", "source", r.c.Name, "reason", reason)
	case err != nil:
		return fmt.Errorf("fetch files: %w", err)
	}
	return r.m.update(ctx, r.c.Name, func(c *Config) { c.NoRoom = reason })
}
