package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/certificate"
	"parlance/internal/durable"
	"parlance/internal/progress"
	"parlance/mirror"
)

type certificateOptions struct {
	workspace, source, output string
	conversations             []string
}

// An issuedCertificate is the result of `certificate` when it writes to a file.
type issuedCertificate struct {
	File          string               `json:"file"`
	Workspace     parlance.WorkspaceID `json:"workspace"`
	Complete      int                  `json:"complete"` // conversations
	Partial       int                  `json:"partial"`
	Unknown       int                  `json:"unknown"`
	WholeComplete bool                 `json:"whole_complete"` // they and, unless they were named, their sources
	Key           string               `json:"key"`
}

func (p *program) certificate() *cobra.Command {
	var o certificateOptions
	cmd := p.command(&cobra.Command{
		Use:   "certificate --data DIR --workspace W",
		Short: "State what is here of the mirrored conversations, signed, for others to check",
		Long: `State of each mirrored conversation which stretches of its history were read and how that is known, what the platform counts, what is missing
and why, when that was last checked, and the hash of its log; and sign it. It asks no platform. On another machine,
without the store, "parlance certificate check FILE" checks it; docs/certificate.md tells how to do that by other means.

The key is certificate.key in the store's folder, made when it is first needed; "certificate_key" in the configuration file, or
PARLANCE_CERTIFICATE_KEY, names another file, and has to with a cluster. Give others the public one, which "parlance certificate key" prints.

The certificate goes to standard output, or whole or not at all to the file that --output names. It is two lines of JSON, with and without --json. With
--output and --json the result is {"file","workspace","complete","partial","unknown","whole_complete","key"}; complete, partial and unknown
count conversations.

The exit code is 3 if it states anything but that all is complete.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
		if o.output, err = outputFile(cmd); err != nil {
			return err
		}
		return p.onStore(ctx, cmd, func(a *archive) error { return p.issue(ctx, a, o) })
	})
	engineFlags(cmd)
	workspaceFlag(cmd, &o.workspace, "workspace to state the conversations of (required)")
	f := cmd.Flags()
	f.StringVar(&o.source, "source", "", "name of the upstream to state; all that mirror into the workspace if not given")
	f.StringArrayVar(&o.conversations, "conversation", nil, "id of a conversation to state; may be given several times")
	outputFlag(cmd)
	cmd.MarkFlagRequired("workspace")
	cmd.AddCommand(p.certificateCheck(), p.certificateKey())
	return cmd
}

func (p *program) issue(ctx context.Context, a *archive, o certificateOptions) error {
	w, err := a.workspace(ctx, o.workspace)
	if err != nil {
		return err
	}
	about := certificate.Options{Workspace: w.ID, Source: mirror.Name(o.source)}
	for _, id := range o.conversations {
		if err := parlance.CheckID("conversation", parlance.ConversationID(id)); err != nil {
			return usage("--conversation: %w", err)
		}
		about.Conversations = append(about.Conversations, parlance.ConversationID(id))
	}
	key, err := a.openKey()
	if err != nil {
		return err
	}
	st, err := certificate.State(ctx, a.store, p.mirrorOf(a), about)
	if err != nil {
		return err
	}
	signed, err := certificate.Sign(st, key)
	if err != nil {
		return err
	}
	if err := p.deliver(signed, st, o.output); err != nil {
		return err
	}
	if !st.Complete() {
		return coded(exitPartial, "the certificate doesn't state that all is complete: %s", statesText(st))
	}
	return nil
}

// deliver writes a certificate to standard output, or to a file and then says so.
func (p *program) deliver(signed []byte, st *certificate.Statement, output string) error {
	if output == "" {
		_, err := p.data.Write(signed)
		return err
	}
	if err := durable.WriteFile(p.at(output), func(w io.Writer) error {
		_, err := w.Write(signed)
		return err
	}); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	n := st.States()
	return p.result(issuedCertificate{
		output, st.Workspace, n[mirror.Complete], n[mirror.Partial], n[mirror.Unknown], st.Complete(), st.Key.String(),
	}, "%s: %s\nsigned by %s", output, statesText(st), st.Key)
}

// statesText says how many of a statement's conversations are complete.
func statesText(st *certificate.Statement) string {
	n := st.States()
	text := fmt.Sprintf("%s conversations complete, %s partial, %s unknown",
		progress.Number(n[mirror.Complete]), progress.Number(n[mirror.Partial]), progress.Number(n[mirror.Unknown]))
	if !st.Named {
		for _, s := range st.Sources {
			text += fmt.Sprintf("; %s is %s", s.Name, s.State)
		}
	}
	return text
}

// openKey returns the key that signs the archive's certificates.
func (a *archive) openKey() (*certificate.Key, error) {
	if a.certificateKey == "" {
		return nil, usage(`name the file of the signing key: PARLANCE_CERTIFICATE_KEY, or "certificate_key" in the configuration file`)
	}
	return certificate.OpenKey(a.certificateKey)
}

// A signingKey is the result of `certificate key`.
type signingKey struct {
	Key string `json:"ed25519"`
	PEM string `json:"pem"`
}

func (p *program) certificateKey() *cobra.Command {
	cmd := p.command(&cobra.Command{
		Use:   "key --data DIR",
		Short: "Print the public key that certificates are checked with",
		Long: `Print the public key of what signs the store's certificates, as "parlance certificate check --key" takes it. A store that has none
yet gets one.

JSON: {"ed25519","pem"}; pem is the key as openssl takes it.`,
		Args: cobra.NoArgs,
	}, func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		return p.onStore(ctx, cmd, func(a *archive) error {
			key, err := a.openKey()
			if err != nil {
				return err
			}
			public := key.Public()
			text, err := public.PEM()
			if err != nil {
				return err
			}
			return p.result(signingKey{public.String(), string(text)}, "%s", public)
		})
	})
	engineFlags(cmd)
	return cmd
}
