package block

import (
	"bytes"
	"context"
	"fmt"
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

// Chunks returns how many chunks the block has.
func (b *Block) Chunks() int { return (b.Documents + ChunkDocuments - 1) / ChunkDocuments }

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

// Exact adds the documents of a chunk that have a term.
func (b *Block) Exact(ctx context.Context, chunk int, term string, set *Set) error {
	return b.union(ctx, chunk, []string{term}, false, set)
}

// Prefix adds the documents of a chunk that have a term which begins with prefix.
func (b *Block) Prefix(ctx context.Context, chunk int, prefix string, set *Set) error {
	return b.union(ctx, chunk, []string{prefix}, true, set)
}

// Union adds the documents of a chunk that have one of some words, ascending, which are given without their class.
func (b *Block) Union(ctx context.Context, chunk int, words []string, set *Set) error {
	terms := make([]string, len(words))
	for i, w := range words {
		terms[i] = string(fold.Word) + w
	}
	return b.union(ctx, chunk, terms, false, set)
}

// From adds the documents of a chunk whose page of columns has a sender of this folded id or name.
func (b *Block) From(ctx context.Context, chunk int, name string, set *Set) error {
	return b.fact(ctx, chunk, factTerm(senderFact, name), set)
}

// In adds the documents of a chunk whose page of columns has one of a conversation.
func (b *Block) In(ctx context.Context, chunk int, id parlance.ConversationID, set *Set) error {
	return b.fact(ctx, chunk, factTerm(conversationFact, string(id)), set)
}

func (b *Block) fact(ctx context.Context, chunk int, term []byte, set *Set) error {
	var pages Set
	if err := b.union(ctx, chunk, []string{string(term)}, false, &pages); err != nil {
		return err
	}
	size := uint32(b.ChunkSize(chunk))
	for p := pages.Below(ChunkDocuments / PageDocuments); p >= 0; p = pages.Below(p) {
		set.Fill(uint32(p)*PageDocuments, min(uint32(p+1)*PageDocuments, size))
	}
	return nil
}

// union adds the postings of terms, ascending, or of all that begin with them.
func (b *Block) union(ctx context.Context, chunk int, terms []string, prefix bool, set *Set) error {
	directory, err := b.directory(ctx)
	if err != nil {
		return err
	}
	at := -1 // the page that r reads
	var r *itemReader
	ahead := false // r's item wasn't looked at by the term before
	for _, term := range terms {
		key := []byte(term)
		if !prefix {
			key = itemKey(nil, key, chunk)
		}
		// The item stands in the last page that doesn't begin above it.
		in := max(sort.Search(len(directory), func(i int) bool { return bytes.Compare(directory[i], key) > 0 })-1, 0)
		if in > at && in < len(directory) {
			at, ahead = in, false
			if r, err = b.items(ctx, at); err != nil {
				return err
			}
		}
		for r != nil {
			if !ahead && !r.next() {
				if r.err != nil {
					return b.damaged(Terms, at, r.err)
				}
				if !prefix || at+1 == len(directory) || !bytes.HasPrefix(directory[at+1], key) {
					break
				}
				at++
				if r, err = b.items(ctx, at); err != nil {
					return err
				}
				continue
			}
			ahead = false
			c := bytes.Compare(r.key, key)
			if c < 0 {
				continue
			}
			if prefix && !bytes.HasPrefix(r.key, key) || !prefix && c > 0 {
				ahead = true
				break
			}
			t, in, _ := splitKey(r.key)
			if in == chunk {
				if err := r.found.each(sizeOf(b.Documents, t, in), set.Add); err != nil {
					return b.damaged(Terms, at, err)
				}
			}
			if !prefix {
				break
			}
		}
	}
	return nil
}

func (b *Block) items(ctx context.Context, number int) (*itemReader, error) {
	p, err := page(ctx, b, Terms, number, raw)
	return newItemReader(b.Documents, p), err
}

// Words returns the words, ascending and without their class, whose terms take chooses. It goes through all words of the block. The
// term is take's during the call only.
func (b *Block) Words(ctx context.Context, take func(term []byte) bool) ([]string, error) {
	directory, err := b.directory(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	class := []byte{fold.Word}
	first := max(sort.Search(len(directory), func(i int) bool { return bytes.Compare(directory[i], class) >= 0 })-1, 0)
	for number := first; number < len(directory) && directory[number][0] <= fold.Word; number++ {
		r, err := b.items(ctx, number)
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
