package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parlance"
	"parlance/access"
	"parlance/files"
)

// linkKind is the kind of the keys that sign addresses of attachments. Unlike those of other credentials, their secret leaves the
// store never: nobody shows it anywhere.
const linkKind access.Kind = "link-key"

func showLinkKey(ws parlance.WorkspaceID, k files.LinkKey) shownCredential {
	s := shownCredential{Workspace: ws, ID: k.ID, Kind: linkKind}
	if k.Created != 0 {
		s.Created = k.Created.String()
	}
	if k.Expires != 0 {
		s.Expires = k.Expires.String()
	}
	return s
}

// linkKeys returns a workspace's link keys as commands show them; none on a store without attachments.
func linkKeys(ctx context.Context, a *archive, ws parlance.WorkspaceID) ([]shownCredential, error) {
	if a.files == nil {
		return nil, nil
	}
	keys, err := a.files.LinkKeys(ctx, ws)
	var shown []shownCredential
	for _, k := range keys {
		shown = append(shown, showLinkKey(ws, k))
	}
	return shown, err
}

func isLinkKey(ctx context.Context, a *archive, ws parlance.WorkspaceID, id string) (bool, error) {
	keys, err := linkKeys(ctx, a, ws)
	return slices.ContainsFunc(keys, func(k shownCredential) bool { return k.ID == id }), err
}

func (p *program) addLinkKey(ctx context.Context, a *archive, ws parlance.WorkspaceID, o credentialOptions) error {
	if err := o.onlyOfOthers(); err != nil {
		return err
	}
	if a.files == nil {
		return parlance.Errorf(parlance.Invalid, "the store has no attachments, and so no link keys: give a folder for them with --files")
	}
	k, err := a.files.AddLinkKey(ctx, ws)
	if err != nil {
		return err
	}
	return p.printLinkKey(ws, k, "what older ones signed stays good")
}

func (p *program) rotateLinkKey(ctx context.Context, a *archive, ws parlance.WorkspaceID, id string, o credentialOptions) error {
	if err := o.onlyOfOthers(); err != nil {
		return err
	}
	var end parlance.Time
	old := id + " is revoked, and with it all addresses that it signed"
	if o.grace > 0 {
		end = a.store.Now() + parlance.Time(o.grace.Milliseconds())
		old = fmt.Sprintf("what %s signed is good for another %s", id, o.grace.Round(time.Second))
	}
	k, err := a.files.RotateLinkKey(ctx, ws, id, end)
	if err != nil {
		return err
	}
	return p.printLinkKey(ws, k, old)
}

// onlyOfOthers refuses flags that link keys know nothing of.
func (o *credentialOptions) onlyOfOthers() error {
	if o.email != "" || o.passwordStdin || o.passwordFile != "" || o.label != "" || o.life != 0 {
		return usage("a %s has no --email, password, --label or --life", linkKind)
	}
	return nil
}

func (p *program) printLinkKey(ws parlance.WorkspaceID, k files.LinkKey, more string) error {
	return p.result(showLinkKey(ws, k), "%s %s signs from now on; %s", linkKind, k.ID, shown(more))
}
