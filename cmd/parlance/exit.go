package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parlance"
	"parlance/store/pebblestore"
)

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitLogin       = 4
	exitDiffers     = 5
	exitInterrupted = 130
)

// A codedError ends the program with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usage says that the command line, or a setting, can't be.
func usage(format string, args ...any) error { return coded(exitUsage, format, args...) }

func coded(code int, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...)}
}

// keepsHalf are the commands whose work lasts as far as it went.
var keepsHalf = map[string]bool{"import": true, "mirror": true, "files": true, "copy": true}

// exit tells why cmd failed, if it did, and returns the exit code.
func (p *program) exit(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	var c *codedError
	var elsewhere carriedOut
	if readOnly := new(pebblestore.ReadOnlyError); errors.As(err, &readOnly) {
		err = readOnly // what was to be written doesn't matter
	}
	switch {
	case errors.As(err, &elsewhere):
		return int(elsewhere)
	case errors.As(err, &c):
	case !p.started:
		c = &codedError{exitUsage, err}
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))):
		c = &codedError{exitInterrupted, errors.New("interrupted")}
		if keepsHalf[topOf(cmd).Name()] {
			c.err = errors.New("interrupted; what was done until then is kept")
		}
	case errors.Is(err, parlance.Corrupt):
		c = &codedError{exitDiffers, err}
	default:
		c = &codedError{exitFailed, err}
	}
	p.say("parlance: %s", sentence(c.err))
	if c.code == exitUsage {
		p.say("Try: %s --help", cmd.CommandPath())
	}
	return c.code
}

// sentence returns what an error says in one line, also if it is several errors.
func sentence(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
