package answers_test

import (
	"bytes"
	"fmt"
	"testing"

	"parlance/internal/answers"
)

func TestKeepsWhatItIsGiven(t *testing.T) {
	c := answers.New(1 << 20)
	c.Put("a", []byte("one"))
	if got, ok := c.Get("a"); !ok || !bytes.Equal(got, []byte("one")) {
		t.Fatalf("Get = %q, %v", got, ok)
	}
	if _, ok := c.Get("b"); ok {
		t.Fatal("an answer that nobody put")
	}
}

func TestStaysWithinItsBytes(t *testing.T) {
	c := answers.New(100_000)
	for i := range 10_000 {
		c.Put(fmt.Sprint(i), make([]byte, 1000))
	}
	kept := 0
	for i := range 10_000 {
		if b, ok := c.Get(fmt.Sprint(i)); ok {
			kept += len(b)
		}
	}
	// Eviction may lag a little behind; it must not be off by much.
	if kept > 300_000 {
		t.Fatalf("%d bytes are kept of at most 100,000", kept)
	}
}
