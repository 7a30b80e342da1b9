package cassandratest

import (
	"slices"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	for n, want := range map[int]string{
		1: "-9223372036854775808",
		2: "-9223372036854775808 0",
		3: "-9223372036854775808 -3074457345618258604 3074457345618258600",
		4: "-9223372036854775808 -4611686018427387904 0 4611686018427387904",
	} {
		var tokens []string
		for i := range n {
			tokens = append(tokens, token(i, n))
		}
		if got := strings.Join(tokens, " "); got != want {
			t.Errorf("the tokens of %d nodes are %s, want %s", n, got, want)
		}
	}
}

// Two clusters never have an address in common.
func TestSubnets(t *testing.T) {
	var numbers []byte
	for range 3 {
		s, err := claimSubnet(0, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer s.release()
		if slices.Contains(numbers, s.number) {
			t.Errorf("subnet %d was given twice", s.number)
		}
		numbers = append(numbers, s.number)
	}
	if s, err := claimSubnet(numbers[0], 3); err == nil {
		s.release()
		t.Errorf("subnet %d was given again", numbers[0])
	}
}

func TestJavaVersions(t *testing.T) {
	for said, good := range map[string]bool{
		`openjdk version "17.0.15" 2025-04-15`: true,
		`openjdk version "17" 2021-09-14`:      true,
		`openjdk version "11.0.2" 2019-01-15`:  true,
		`openjdk version "17-ea" 2021-09-14`:   false,
		`openjdk version "25.0.1" 2025-10-21`:  false,
		`openjdk version "21.0.17" 2025-10-21`: false,
		`java version "1.8.0_171"`:             false,
	} {
		if goodJava.MatchString(said) != good {
			t.Errorf("%s: want good to be %t", said, good)
		}
	}
}
