package block

import "github.com/maypok86/otter/v2"

// A Cache keeps what was read of blocks, decoded, up to a number of bytes. What it keeps never changes.
type Cache struct {
	pages *otter.Cache[pageName, cached]
}

type pageName struct {
	block   string
	section Section
	number  int
}

type cached struct {
	value any
	bytes int
}

// NewCache returns a cache of at most so many bytes.
func NewCache(bytes int) *Cache {
	return &Cache{otter.Must(&otter.Options[pageName, cached]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(k pageName, v cached) uint32 { return uint32(len(k.block) + 128 + v.bytes) },
	})}
}

// Close ends the cache's upkeep.
func (c *Cache) Close() { c.pages.StopAllGoroutines() }
