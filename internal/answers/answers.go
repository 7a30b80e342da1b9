// Package answers keeps whole answers that are still true, so that the page
// everybody asks for is made once. It hides how much is kept and what goes first.
//
// The key must hold all that the answer depends on: an answer is never taken back.
package answers

import "github.com/maypok86/otter/v2"

// A Cache keeps answers up to a number of bytes. It may be used by many goroutines.
type Cache struct{ kept *otter.Cache[string, []byte] }

// Largest is the size in bytes of the largest answers that are worth keeping: larger ones would put too many others out.
const Largest = 2 << 20

// overhead is what an answer costs besides its key and bytes, roughly.
const overhead = 100

// New returns a cache of at most maxBytes, keys included.
func New(maxBytes int) *Cache {
	return &Cache{otter.Must(&otter.Options[string, []byte]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(k string, v []byte) uint32 { return uint32(len(k) + len(v) + overhead) },
	})}
}

// Get returns the answer under key. The bytes are shared: don't change them.
func (c *Cache) Get(key string) ([]byte, bool) { return c.kept.GetIfPresent(key) }

// Put keeps answer under key. The cache owns the bytes from then on.
func (c *Cache) Put(key string, answer []byte) { c.kept.Set(key, answer) }
