package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/access"
)

// A shownCredential is a credential as the commands print it, the secret included where it was just made.
type shownCredential struct {
	Workspace parlance.WorkspaceID `json:"workspace"`
	ID        string               `json:"id"`
	Kind      access.Kind          `json:"kind"`
	Label     string               `json:"label"`
	Name      string               `json:"name"`              // a client key or an e-mail; empty for the others
	Created   string               `json:"created"`           // RFC 3339; empty: not known
	Expires   string               `json:"expires"`           // RFC 3339; empty: never
	Reading   *access.Reading      `json:"reading,omitempty"` // of a read token alone; times in ms since 1970
	Secret    string               `json:"secret,omitempty"`  // shown once
}

func showCredential(ws parlance.WorkspaceID, c access.Credential, secret string) shownCredential {
	s := shownCredential{Workspace: ws, ID: c.ID, Kind: c.Kind, Label: c.Label, Name: c.Name, Created: c.Created.String(), Reading: c.Reading, Secret: secret}
	if c.Expires != 0 {
		s.Expires = c.Expires.String()
	}
	return s
}

// credentialOptions are the flags of the commands below.
type credentialOptions struct {
	workspace, kind, label, email string
	passwordFile                  string
	passwordStdin                 bool
	life, grace                   time.Duration
	read                          readOptions
}

func (p *program) workspaceCredential() *cobra.Command {
	return p.group(&cobra.Command{
		Use:   "credential",
		Short: "Add, list, revoke and rotate a workspace's credentials",
		Long: `Add, list, revoke and rotate a workspace's credentials, also while the store is served. The
kinds are client-key and api-key (IMKit), shopline-token, seller-login (iMetaStore), read-token
(reading alone, by /archive/v1, of what its flags say), and link-key, which signs the addresses of
attachments in answers: with a key end all addresses that it signed.

A secret is printed once, when it is made: the store keeps its hash. No command takes one as an
argument, where others on the machine could read it: a password comes from a file or from standard
input, or is made up.`,
	}, p.credentialAdd(), p.credentialList(), p.credentialRevoke(), p.credentialRotate())
}

// credentialCommand is what the commands have in common.
func (p *program) credentialCommand(cmd *cobra.Command, o *credentialOptions, do func(ctx context.Context, a *archive, ws parlance.WorkspaceID, args []string) error) *cobra.Command {
	cmd = p.command(cmd, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error {
			w, err := a.workspace(ctx, o.workspace)
			if err != nil {
				return err
			}
			return do(ctx, a, w.ID, args)
		})
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace whose credentials these are (required)")
	cmd.MarkFlagRequired("workspace")
	return cmd
}

func passwordFlags(cmd *cobra.Command, o *credentialOptions) {
	cmd.Flags().StringVar(&o.passwordFile, "password-file", "", "file with the login's password; made up if none is given")
	cmd.Flags().BoolVar(&o.passwordStdin, "password-stdin", false, "read the login's password from standard input")
	cmd.Flags().DurationVar(&o.life, "life", 0, "how long it is good, such as 720h; 0 = until it is revoked")
}

func (p *program) credentialAdd() *cobra.Command {
	var o credentialOptions
	var cmd *cobra.Command
	cmd = p.credentialCommand(&cobra.Command{
		Use:   "add --data DIR --workspace NAME --kind KIND",
		Short: "Add a credential and print its secret",
		Long: `Add a credential beside those that there are, and print its secret, which is shown this once. A
seller-login needs --email. A read-token reads the whole workspace but staff notes, earlier versions and
what was deleted or recalled, unless flags say otherwise.

JSON: {"workspace","id","kind","label","name","created","expires","secret"}; expires is empty if it
doesn't. A read-token has "reading" too, its bounds, with times in milliseconds since 1970.`,
		Args: cobra.NoArgs,
	}, &o, func(ctx context.Context, a *archive, ws parlance.WorkspaceID, _ []string) error {
		c := access.Credential{Kind: access.Kind(o.kind), Label: o.label, Name: o.email}
		var err error
		if c.Reading, err = o.read.reading(cmd, c.Kind); err != nil {
			return err
		}
		if c.Kind == linkKind {
			return p.addLinkKey(ctx, a, ws, o)
		}
		login := c.Kind == access.SellerLogin
		switch {
		case !login && c.Kind != access.ClientKey && c.Kind != access.APIKey && c.Kind != access.ShoplineToken && c.Kind != access.ReadToken:
			return usage("--kind %q: want %s, %s, %s, %s, %s or %s", o.kind, access.ClientKey, access.APIKey, access.ShoplineToken, access.ReadToken, access.SellerLogin, linkKind)
		case login && o.email == "":
			return usage("a %s needs --email", c.Kind)
		case !login && (o.email != "" || o.passwordStdin || o.passwordFile != ""):
			return usage("--email and passwords are for --kind %s", access.SellerLogin)
		}
		password, err := p.password(o)
		if err != nil {
			return err
		}
		if c.Expires, err = o.expiry(a); err != nil {
			return err
		}
		add := a.keeper.AddKey
		if login {
			add = func(ctx context.Context, ws parlance.WorkspaceID, c access.Credential) (access.Credential, string, error) {
				return a.keeper.AddLogin(ctx, ws, c, password)
			}
		}
		c, secret, err := add(ctx, ws, c)
		if err != nil {
			return err
		}
		return p.printCredential(showCredential(ws, c, secret), "")
	})
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", "", "client-key, api-key, shopline-token, read-token, seller-login or link-key (required)")
	cmd.MarkFlagRequired("kind")
	f.StringVar(&o.label, "label", "", "what to call it, at most 200 bytes")
	f.StringVar(&o.email, "email", "", "e-mail of a seller-login")
	passwordFlags(cmd, &o)
	o.read.flags(cmd)
	return cmd
}

func (p *program) credentialList() *cobra.Command {
	var o credentialOptions
	return p.credentialCommand(&cobra.Command{
		Use:   "list --data DIR --workspace NAME",
		Short: "List a workspace's credentials, without their secrets",
		Long: `List a workspace's credentials, without their secrets, expired ones too.

JSON: {"workspace","credentials":[{"workspace","id","kind","label","name","created","expires"}]}.`,
		Args: cobra.NoArgs,
	}, &o, func(ctx context.Context, a *archive, ws parlance.WorkspaceID, _ []string) error {
		all := []shownCredential{}
		for c, err := range a.keeper.Credentials(ctx, ws) {
			if err != nil {
				return err
			}
			all = append(all, showCredential(ws, c, ""))
		}
		links, err := linkKeys(ctx, a, ws)
		if err != nil {
			return err
		}
		all = append(all, links...)
		if p.json {
			return writeLine(p.stdout, map[string]any{"workspace": ws, "credentials": all})
		}
		for _, c := range all {
			until := "for ever"
			if c.Expires != "" {
				until = "until " + c.Expires
			}
			since := ""
			if c.Created != "" {
				since = "since " + c.Created
			}
			if err := printf(p.stdout, "%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.Kind, c.Name, c.Label, since, until); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *program) credentialRevoke() *cobra.Command {
	var o credentialOptions
	return p.credentialCommand(&cobra.Command{
		Use:   "revoke ID --data DIR --workspace NAME",
		Short: "End a credential at once",
		Long: `End a credential at once, by the id that "list" shows. With a seller-login all sessions end that
it opened. Other processes that serve the same store hear of it at once, and in ten seconds at worst.

JSON: {"workspace","revoked"}.`,
		Args: cobra.ExactArgs(1),
	}, &o, func(ctx context.Context, a *archive, ws parlance.WorkspaceID, args []string) error {
		link, err := isLinkKey(ctx, a, ws, args[0])
		switch {
		case err != nil:
			return err
		case link:
			err = a.files.RevokeLinkKey(ctx, ws, args[0])
		default:
			err = a.keeper.Revoke(ctx, ws, args[0])
		}
		if err != nil {
			return err
		}
		return p.result(map[string]any{"workspace": ws, "revoked": args[0]}, "%s is revoked", args[0])
	})
}

func (p *program) credentialRotate() *cobra.Command {
	var o credentialOptions
	cmd := p.credentialCommand(&cobra.Command{
		Use:   "rotate ID --data DIR --workspace NAME",
		Short: "Replace a credential by a new one, and print that one's secret",
		Long: `Make a new credential of the same kind, and end the old one: at once, or with --grace after a while
in which both are good. No other credential changes. A seller-login keeps its e-mail; the
sessions that the old password opened end with it. The secret is shown this once.

JSON: {"workspace","id","kind","label","name","created","expires","secret"}, of the new one.`,
		Args: cobra.ExactArgs(1),
	}, &o, func(ctx context.Context, a *archive, ws parlance.WorkspaceID, args []string) error {
		if link, err := isLinkKey(ctx, a, ws, args[0]); err != nil {
			return err
		} else if link {
			return p.rotateLinkKey(ctx, a, ws, args[0], o)
		}
		password, err := p.password(o)
		if err != nil {
			return err
		}
		r := access.Rotation{Grace: o.grace, Password: password}
		if r.Expires, err = o.expiry(a); err != nil {
			return err
		}
		c, secret, err := a.keeper.Rotate(ctx, ws, args[0], r)
		if secret == "" {
			return err
		}
		// Also if the old one could not be ended: the new one works and must not be lost.
		old := args[0] + " is revoked"
		switch {
		case err != nil:
			old = args[0] + " may still be good"
		case o.grace > 0:
			old = fmt.Sprintf("%s is good for another %s", args[0], o.grace)
		}
		return errors.Join(p.printCredential(showCredential(ws, c, secret), old), err)
	})
	cmd.Flags().DurationVar(&o.grace, "grace", 0, "how long the old one stays good, such as 24h")
	passwordFlags(cmd, &o)
	return cmd
}

func (p *program) printCredential(c shownCredential, more string) error {
	if more != "" {
		more = "\n" + shown(more)
	}
	if p.json {
		return writeLine(p.stdout, c)
	}
	name := ""
	if c.Kind == access.SellerLogin {
		name = " of " + shown(c.Name)
	}
	err := printf(p.stdout, "%s %s%s. Keep the secret: it can't be shown again.\n\n  %s\n", c.Kind, c.ID, name, c.Secret)
	if err == nil && more != "" {
		_, err = io.WriteString(p.stdout, more+"\n")
	}
	return err
}

// expiry returns when a credential ends that is made now.
func (o *credentialOptions) expiry(a *archive) (parlance.Time, error) {
	if o.life < 0 {
		return 0, usage("--life: want a time that isn't below 0")
	}
	if o.life == 0 {
		return 0, nil
	}
	return a.store.Now() + parlance.Time(o.life.Milliseconds()), nil
}

// maxPasswordInput is how much is read of a password, in bytes: more than one may have.
const maxPasswordInput = 4096

// password returns the password that is given, empty if none is. An end of line behind it isn't part of it.
func (p *program) password(o credentialOptions) (string, error) {
	in := p.stdin
	switch {
	case o.passwordFile != "" && o.passwordStdin:
		return "", usage("--password-file and --password-stdin: give one of them")
	case o.passwordFile != "":
		f, err := os.Open(p.at(o.passwordFile))
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer f.Close()
		in = f
	case !o.passwordStdin:
		return "", nil
	}
	b, err := io.ReadAll(io.LimitReader(in, maxPasswordInput))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if password == "" {
		return "", usage("the password is empty")
	}
	return password, nil
}
