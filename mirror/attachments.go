package mirror

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

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
func (r *run) wantFiles(ctx context.Context, c parlance.ConversationID, ms []parlance.Message) ([]files.Mention, error) {
	if r.fetcher == nil {
		return nil, nil
	}
	var mentions []files.Mention
	for i := range ms {
		mentions = append(mentions, files.Mentions(c, &ms[i])...)
	}
	if len(mentions) == 0 {
		return nil, nil
	}
	if err := r.m.o.Files.Want(ctx, r.files(), mentions, r.m.o.Now()); err != nil {
		return nil, fmt.Errorf("note the files of %s: %w", c, err)
	}
	return mentions, nil
}

// fetchFiles fetches what is mentioned and not known yet. A file that can't be had is recorded and no error.
func (r *run) fetchFiles(ctx context.Context, mentions []files.Mention) error {
	if len(mentions) == 0 {
		return nil
	}
	if _, err := r.m.o.Files.Fetch(ctx, r.files(), mentions, r.m.o.Now()); err != nil {
		return fmt.Errorf("fetch files: %w", err)
	}
	return nil
}

// retryFiles fetches what was wanted and not fetched, and what failed before and is due.
func (r *run) retryFiles(ctx context.Context) error {
	if r.fetcher == nil {
		return nil
	}
	if _, err := r.m.o.Files.Retry(ctx, r.files(), r.m.o.Now()); err != nil {
		return fmt.Errorf("fetch files that failed before: %w", err)
	}
	return nil
}
