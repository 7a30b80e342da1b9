package imkit

import (
	"regexp"
	"strings"
	"testing"

	"parlance/internal/dialecttest"
)

// Each citation names a heading of the dialect's page, and a term that it defines.
func TestCitationsExist(t *testing.T) {
	dialecttest.Citations{
		Page:    "../docs/dialects/imkit.md",
		Pattern: regexp.MustCompile(`IMKit ([A-Z][a-z]+), ([a-zA-Z' ]+)`),
		Wrapped: true,
		Defined: func(term string) string { return "**" + strings.TrimSpace(term) },
	}.Check(t)
}
