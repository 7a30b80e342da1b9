package block

import (
	"context"
	"encoding/binary"
)

// factClass begins the terms of facts, whose postings count pages of columns instead of documents.
const factClass = 'f'

// The kinds of facts.
const (
	conversationFact byte = 'c' // a document is of the conversation of this id
	senderFact       byte = 's' // somebody of this folded id or name wrote one
)

// maxTerm is how many bytes of a term are written.
const maxTerm = 256

// An item is a term in a chunk. Its key is the term, a NUL, and the chunk's number in a byte.
//
// A page of Terms has the streams below one after another, each with its length before it but the last, so that the engine finds
// like beside like when it compresses them. Each has something of every item, in order.
const (
	sharedStream   = iota // how many bytes the term shares with the one before, as varint; the first shares none
	moreStream            // how many more it has, as varint
	headStream            // the chunk's number, if the block has several, and the head of the postings
	termStream            // those more bytes
	postingsStream        // the postings
	streams
)

// termWriter writes the sections Directory and Terms.
type termWriter struct {
	w   *writer
	ctx context.Context

	page  [streams][]byte
	size  int    // of page
	last  []byte // key of the last item
	first []byte // of the page

	directory []byte // pages' first keys, each with its length
	key       []byte // of postings
}

// add writes an item, whose key lies above all before.
func (t *termWriter) add(key []byte, ns []uint32, size int) error {
	head, body := appendPostings(nil, nil, ns, size)
	if t.size > 0 && t.size+len(key)+len(head)+len(body) > pageBytes {
		if err := t.endPage(); err != nil {
			return err
		}
	}
	term, shared := key[:len(key)-2], 0
	if t.size == 0 {
		t.first = append(t.first[:0], key...)
	} else {
		for shared < min(len(term), len(t.last)-2) && term[shared] == t.last[shared] {
			shared++
		}
	}
	t.last = append(t.last[:0], key...)
	if t.w.desc.Documents > ChunkDocuments {
		t.page[headStream] = append(t.page[headStream], key[len(key)-1])
	}
	t.page[sharedStream] = binary.AppendUvarint(t.page[sharedStream], uint64(shared))
	t.page[moreStream] = binary.AppendUvarint(t.page[moreStream], uint64(len(term)-shared))
	t.page[headStream] = append(t.page[headStream], head...)
	t.page[termStream] = append(t.page[termStream], term[shared:]...)
	t.page[postingsStream] = append(t.page[postingsStream], body...)
	t.size += len(term) - shared + len(head) + len(body) + 3
	return nil
}

func (t *termWriter) endPage() error {
	if t.size == 0 {
		return nil
	}
	if len(t.directory)+len(t.first) >= pageBytes {
		if err := t.endDirectory(); err != nil {
			return err
		}
	}
	t.directory = append(binary.AppendUvarint(t.directory, uint64(len(t.first))), t.first...)
	page := make([]byte, 0, t.size+16)
	for i := range t.page {
		if i < streams-1 {
			page = binary.AppendUvarint(page, uint64(len(t.page[i])))
		}
		page = append(page, t.page[i]...)
		t.page[i] = t.page[i][:0]
	}
	t.size = 0
	return t.w.page(t.ctx, Terms, page)
}

func (t *termWriter) endDirectory() error {
	if len(t.directory) == 0 {
		return nil
	}
	page := t.directory
	t.directory = nil
	return t.w.page(t.ctx, Directory, page)
}

func (t *termWriter) end() error {
	if err := t.endPage(); err != nil {
		return err
	}
	return t.endDirectory()
}

// itemKey appends the key of a term in a chunk.
func itemKey(b []byte, term []byte, chunk int) []byte {
	return append(append(b, term...), 0, byte(chunk))
}

// splitKey returns the term and the chunk of a key.
func splitKey(key []byte) (term []byte, chunk int, err error) {
	n := len(key) - 2
	if n < 1 || key[n] != 0 {
		return nil, 0, ErrDamaged
	}
	return key[:n], int(key[n+1]), nil
}

// An itemReader reads the items of a page of Terms of a block of so many documents, in order.
type itemReader struct {
	documents int
	page      [streams]pageReader
	key       []byte
	found     postings
	err       error
}

func newItemReader(documents int, page []byte) *itemReader {
	r := &itemReader{documents: documents}
	p := pageReader{b: page}
	for i := range streams - 1 {
		n := p.uint()
		if p.bad || n > uint64(len(p.b)) {
			r.err = ErrDamaged
			return r
		}
		r.page[i].b, p.b = p.b[:n], p.b[n:]
	}
	r.page[streams-1].b = p.b
	return r
}

// next reads an item: its key is key, its postings are found.
func (r *itemReader) next() bool {
	if r.err != nil {
		return false
	}
	if len(r.page[sharedStream].b) == 0 {
		for i := range r.page {
			if len(r.page[i].b) > 0 {
				r.err = ErrDamaged
			}
		}
		return false
	}
	shared, more := r.page[sharedStream].uint(), r.page[moreStream].uint()
	had := max(len(r.key), 2) - 2
	terms := &r.page[termStream]
	if r.page[sharedStream].bad || r.page[moreStream].bad || shared > uint64(had) || more > uint64(len(terms.b)) || shared+more == 0 {
		r.err = ErrDamaged
		return false
	}
	r.key = append(r.key[:shared], terms.b[:more]...)
	terms.b = terms.b[more:]
	chunk, term := byte(0), len(r.key)
	if r.documents > ChunkDocuments {
		chunk = r.page[headStream].byte()
	}
	r.key = append(r.key, 0, chunk)
	size := sizeOf(r.documents, r.key[:term], int(chunk))
	if size < 1 {
		r.err = ErrDamaged
		return false
	}
	r.found, r.err = readPostings(&r.page[headStream], &r.page[postingsStream], size)
	return r.err == nil
}

// decodeDirectory reads the pages of Directory.
func decodeDirectory(pages [][]byte) (first [][]byte, err error) {
	for _, page := range pages {
		r := &pageReader{b: page}
		for len(r.b) > 0 && !r.bad {
			key := []byte(r.string())
			if _, _, err := splitKey(key); err != nil {
				return nil, err
			}
			first = append(first, key)
		}
		if r.bad {
			return nil, ErrDamaged
		}
	}
	return first, nil
}
