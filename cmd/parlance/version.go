package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"parlance/store"
)

// A build is what is known of this program.
type build struct {
	Version  string `json:"version"`  // as "make build" set it, else the module's; "(devel)" if neither is known
	Commit   string `json:"commit"`   // empty if not known
	Modified bool   `json:"modified"` // the sources differed from the commit
	Go       string `json:"go"`
	Format   int    `json:"format"` // of the store: the newest that this program reads, and the one it writes
}

// version is set by the linker.
var version string

// thisBuild returns what the linker left in the program.
func thisBuild() build {
	b := build{Version: "(unknown)", Go: runtime.Version(), Format: store.FormatVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	switch {
	case version != "":
		b.Version = version
	case info.Main.Version != "":
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (p *program) version() *cobra.Command {
	return p.command(&cobra.Command{
		Use:   "version",
		Short: "Print the program's version",
		Long: `Print the program's version, the commit that it was built from, the version of Go, and
the store format that it writes.

JSON: {"version","commit","modified","go","format"}`,
		Args: cobra.NoArgs,
	}, func(context.Context, *cobra.Command, []string) error {
		b := thisBuild()
		commit := b.Commit
		if commit == "" {
			commit = "unknown"
		} else if b.Modified {
			commit += ", modified"
		}
		return p.result(b, "parlance %s (commit %s, %s, store format %d)", b.Version, commit, b.Go, b.Format)
	})
}
