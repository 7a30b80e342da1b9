package mirror_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets CI try a thousand upstreams of each platform, where others are content with what -rapid.checks says.
func TestMain(m *testing.M) {
	flag.Parse()
	if given := isGiven("rapid.checks"); os.Getenv("CI") == "true" && !given {
		if err := flag.Set("rapid.checks", "1000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func isGiven(name string) (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}
