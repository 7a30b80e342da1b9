package shopline_test

import (
	"regexp"
	"testing"

	"parlance/internal/dialecttest"
)

// TestCitations checks that what comments cite of the dialect's page is there: a
// heading, and below it the term in bold.
func TestCitations(t *testing.T) {
	dialecttest.Citations{
		Page:    "../docs/dialects/shopline.md",
		Pattern: regexp.MustCompile(`// (?:IMKit|SHOPLINE|iMetaStore) ([a-z ]+), ([a-z_ ]+)[:.]`),
		Defined: func(term string) string { return "\n- **" + term + "**:" },
	}.Check(t)
}
