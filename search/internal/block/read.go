package block

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"sort"

	"parlance"
	"parlance/search/internal/fold"
)

// A Block reads a block. It may be used by many goroutines.
type Block struct {
	Descriptor
	id    string
	get   Get
	cache *Cache
}

// Open returns the block of an id, which no other block of the cache has. Without a cache it can be merged, and nothing else.
func Open(id string, d Descriptor, get Get, cache *Cache) *Block {
	return &Block{d, id, get, cache}
}

// ChunkSize returns how many documents a chunk has.
func (b *Block) ChunkSize(chunk int) int {
	return min(b.Documents-chunk*ChunkDocuments, ChunkDocuments)
}

// page returns a page, decoded.
func page[T any](ctx context.Context, b *Block, s Section, number int, decode func([]byte) (T, int, error)) (v T, err error) {
	name := pageName{b.id, s, number}
	if c, ok := b.cache.pages.GetIfPresent(name); ok {
		return c.value.(T), nil
	}
	raw, err := b.get(ctx, s, number)
	if err != nil {
		return v, err
	}
	v, size, err := decode(raw)
	if err != nil {
		return v, b.damaged(s, number, err)
	}
	b.cache.pages.Set(name, cached{v, size})
	return v, nil
}

func (b *Block) damaged(s Section, number int, err error) error {
	return parlance.Wrap(parlance.Corrupt, err, "block %x of the index: section %c, page %d", b.id, s, number)
}

func raw(p []byte) ([]byte, int, error) { return p, len(p), nil }

// directory returns the first key of each page of Terms.
func (b *Block) directory(ctx context.Context) ([][]byte, error) {
	name := pageName{b.id, Directory, -1}
	if c, ok := b.cache.pages.GetIfPresent(name); ok {
		return c.value.([][]byte), nil
	}
	var pages [][]byte
	size := 0
	for number := range b.pages(Directory) {
		p, err := b.get(ctx, Directory, number)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
		size += len(p)
	}
	first, err := decodeDirectory(pages)
	if err == nil && len(first) != b.pages(Terms) {
		err = ErrDamaged
	}
	if err != nil {
		return nil, b.damaged(Directory, 0, err)
	}
	b.cache.pages.Set(name, cached{first, size + 32*len(first)})
	return first, nil
}

// A Lookup names terms of a block.
type Lookup struct{ keys [][]byte } // what the keys of their items begin with, ascending

// Exact is the lookup of a term.
func Exact(term string) Lookup { return Lookup{[][]byte{append([]byte(term), 0)}} }

// Prefix is the lookup of all terms that begin with prefix.
func Prefix(prefix string) Lookup { return Lookup{[][]byte{[]byte(prefix)}} }

// Words is the lookup of words, ascending, which are given without their class.
func Words(words []string) Lookup {
	l := Lookup{make([][]byte, len(words))}
	for i, w := range words {
		l.keys[i] = append(append([]byte{fold.Word}, w...), 0)
	}
	return l
}

// In is the lookup of a conversation.
func In(id parlance.ConversationID) Lookup { return fact(conversationFact, string(id)) }

// From is the lookup of senders of a folded id or name.
func From(name string) Lookup { return fact(senderFact, name) }

func fact(kind byte, value string) Lookup { return Lookup{[][]byte{append(factTerm(kind, value), 0)}} }

// Find adds the documents of a chunk that a lookup finds; of a lookup that finds pages of columns, all of those.
func (b *Block) Find(ctx context.Context, chunk int, l Lookup, set *Set) error {
	pages := len(l.keys) > 0 && l.keys[0][0] == factClass
	into := set
	if pages {
		into = new(Set)
	}
	err := b.items(ctx, l, func(term []byte, in int, found *postings) (bool, error) {
		if in != chunk {
			return true, nil
		}
		return true, found.each(sizeOf(b.Documents, term, in), into.Add)
	})
	if err != nil || !pages {
		return err
	}
	size := uint32(b.ChunkSize(chunk))
	for p := into.Below(ChunkDocuments / PageDocuments); p >= 0; p = into.Below(p) {
		set.Fill(uint32(p)*PageDocuments, min(uint32(p+1)*PageDocuments, size))
	}
	return nil
}

// Chunks are chunks of a block, a bit each.
type Chunks uint64

// AllChunks returns all chunks of the block.
func (b *Block) AllChunks() Chunks {
	return 1<<((b.Documents+ChunkDocuments-1)/ChunkDocuments) - 1
}

// Below returns the highest chunk below n, or -1.
func (c Chunks) Below(n int) int {
	return bits.Len64(uint64(c&(1<<n-1))) - 1
}

// Where returns the chunks in which a lookup finds something. It reads the terms once, where Find does for each chunk.
func (b *Block) Where(ctx context.Context, l Lookup) (Chunks, error) {
	var found Chunks
	all := b.AllChunks()
	err := b.items(ctx, l, func(_ []byte, chunk int, _ *postings) (bool, error) {
		found |= 1 << chunk
		return found != all, nil
	})
	return found, err
}

// items calls visit with the items of a lookup's terms, in order, until it returns false.
func (b *Block) items(ctx context.Context, l Lookup, visit func(term []byte, chunk int, found *postings) (more bool, err error)) error {
	directory, err := b.directory(ctx)
	if err != nil {
		return err
	}
	at := -1 // the page that r reads
	var r *itemReader
	ahead := false // r's item wasn't looked at by the key before
	for _, key := range l.keys {
		// The first item stands in the last page that doesn't begin above the key, or begins the next one.
		in := max(sort.Search(len(directory), func(i int) bool { return bytes.Compare(directory[i], key) > 0 })-1, 0)
		if in > at && in < len(directory) {
			at, ahead = in, false
			if r, err = b.terms(ctx, at); err != nil {
				return err
			}
		}
		for r != nil {
			if !ahead && !r.next() {
				if r.err != nil {
					return b.damaged(Terms, at, r.err)
				}
				if at+1 == len(directory) || !bytes.HasPrefix(directory[at+1], key) {
					break
				}
				at++
				if r, err = b.terms(ctx, at); err != nil {
					return err
				}
				continue
			}
			ahead = false
			if !bytes.HasPrefix(r.key, key) {
				if bytes.Compare(r.key, key) < 0 {
					continue
				}
				ahead = true // it may be the next key's
				break
			}
			term, chunk, _ := splitKey(r.key)
			more, err := visit(term, chunk, &r.found)
			if err != nil {
				return b.damaged(Terms, at, err)
			}
			if !more {
				return nil
			}
		}
	}
	return nil
}

// terms reads a page of Terms.
func (b *Block) terms(ctx context.Context, number int) (*itemReader, error) {
	p, err := page(ctx, b, Terms, number, raw)
	return newItemReader(b.Documents, p), err
}

// Choose returns the words, ascending and without their class, whose terms take chooses. It goes through all words of the block. The
// term is take's during the call only.
func (b *Block) Choose(ctx context.Context, take func(term []byte) bool) ([]string, error) {
	directory, err := b.directory(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	class := []byte{fold.Word}
	first := max(sort.Search(len(directory), func(i int) bool { return bytes.Compare(directory[i], class) >= 0 })-1, 0)
	for number := first; number < len(directory) && directory[number][0] <= fold.Word; number++ {
		r, err := b.terms(ctx, number)
		if err != nil {
			return nil, err
		}
		for r.next() {
			term := r.key[:len(r.key)-2]
			if term[0] == fold.Word && (len(found) == 0 || found[len(found)-1] != string(term[1:])) && take(term) {
				found = append(found, string(term[1:]))
			}
		}
		if r.err != nil {
			return nil, b.damaged(Terms, number, r.err)
		}
	}
	return found, nil
}

// A Page is the columns of PageDocuments documents.
type Page struct{ c *column }

// Page returns the columns in which a document stands. It is document n%PageDocuments of it.
func (b *Block) Page(ctx context.Context, n int) (Page, error) {
	c, err := page(ctx, b, Columns, n/PageDocuments, func(p []byte) (*column, int, error) {
		c, err := decodeColumn(p)
		return c, 36 * PageDocuments, err
	})
	return Page{c}, err
}

// Len returns how many documents the page has.
func (p Page) Len() int { return p.c.len() }

// Created returns when document i of the page was created.
func (p Page) Created(i int) parlance.Time { return p.c.created[i] }

// Flags returns the flags of document i of the page.
func (p Page) Flags(i int) Flags { return p.c.flags[i] }

// ThreadPlace and SenderPlace name the conversation and the sender of document i among those of the block.
func (p Page) ThreadPlace(i int) int { return int(p.c.thread[i]) }
func (p Page) SenderPlace(i int) int { return int(p.c.sender[i]) }

// Entries returns the numbers of the entry of document i of the page, and of its message's first.
func (p Page) Entries(i int) (first, number uint64) { return p.c.first[i], p.c.number[i] }

// Thread returns the conversation at a place.
func (b *Block) Thread(ctx context.Context, place int) (Thread, error) {
	return entry(ctx, b, Threads, place, decodeThread)
}

// Sender returns the sender at a place.
func (b *Block) Sender(ctx context.Context, place int) (Sender, error) {
	return entry(ctx, b, Senders, place, decodeSender)
}

// entry returns an entry of a table.
func entry[T any](ctx context.Context, b *Block, s Section, place int, decode func(*pageReader) T) (v T, err error) {
	table, err := page(ctx, b, s, place/pageEntries, func(p []byte) ([]T, int, error) {
		all, err := decodeTable(p, decode)
		return all, 2 * len(p), err
	})
	if err != nil {
		return v, err
	}
	if place%pageEntries >= len(table) {
		return v, b.damaged(s, place/pageEntries, fmt.Errorf("%w: it has no entry %d", ErrDamaged, place))
	}
	return table[place%pageEntries], nil
}
