package main

import (
	"fmt"
	"io"
	"strings"

	"parlance/export"
	"parlance/internal/progress"
)

// A badReason is why some lines of a file could not be imported.
type badReason struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // the first of them; 0 if the reasons were too many to be told apart
	Reason string `json:"reason"`
	Lines  int    `json:"lines"`

	kind string
	more []int // the lines behind the first, up to maxMore
}

const (
	maxReasons = 16 // of a file
	maxMore    = 10 // lines that are named behind the first of a reason
)

// badLines gathers the bad lines of a file by reason, so that a million of them don't take a million lines to tell.
type badLines struct {
	file    string
	reasons []badReason
}

// add notes a line and reports whether it is the first with its reason.
func (b *badLines) add(e export.LineError) bool {
	kind := withoutDigits(e.Reason)
	for i := range b.reasons {
		r := &b.reasons[i]
		if r.kind == kind || r.kind == "" {
			r.Lines++
			if len(r.more) <= maxMore {
				r.more = append(r.more, e.Line)
			}
			return false
		}
	}
	if len(b.reasons) == maxReasons {
		b.reasons = append(b.reasons, badReason{File: b.file, Reason: "other reasons", Lines: 1})
		return false
	}
	b.reasons = append(b.reasons, badReason{File: b.file, Line: e.Line, Reason: e.Reason, Lines: 1, kind: kind})
	return true
}

// tell says how many lines followed the first of each reason.
func (b *badLines) tell(w io.Writer) {
	for _, r := range b.reasons {
		var text strings.Builder
		switch {
		case r.kind == "":
			fmt.Fprintf(&text, "%s: %s more lines for other reasons", r.File, progress.Number(r.Lines))
		case r.Lines == 1:
			continue
		default:
			fmt.Fprintf(&text, "%s: %s more like line %d", r.File, progress.Number(r.Lines-1), r.Line)
			if len(r.more) <= maxMore {
				text.WriteString(": " + strings.Trim(strings.ReplaceAll(fmt.Sprint(r.more), " ", ", "), "[]"))
			}
		}
		printf(w, "%s\n", text.String())
	}
}

// withoutDigits returns a reason without the numbers in it, which differ from line to line.
func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, s)
}
