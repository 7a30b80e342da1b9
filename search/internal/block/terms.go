package block

import (
	"bytes"
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

// wordClass begins the terms of words. It is fold.Word.
const wordClass = 'w'

// maxTerm is how many bytes of a term are written.
const maxTerm = 256

// An item is a term in a chunk. Its key is the term, a NUL, and the chunk's number in a byte.
//
// A page of Terms is a sequence of items: how many bytes the key shares with the one before, how many more it has, those, and its
// postings. The first shares none.

// termWriter writes the sections Directory, Terms and Words.
type termWriter struct {
	w   *writer
	ctx context.Context

	page  []byte
	last  []byte // key of the last item
	first []byte // of the page

	directory []byte // pages' first keys, each with its length
	words     []byte
	word      []byte // the last one written
	key       []byte // of postings
}

// add writes an item, whose key lies above all before.
func (t *termWriter) add(key []byte, ns []uint32, size int) error {
	if key[0] == wordClass {
		if word := key[1 : len(key)-2]; !bytes.Equal(word, t.word) {
			if len(t.words)+len(word) >= pageBytes {
				if err := t.endWords(); err != nil {
					return err
				}
			}
			t.words = append(append(t.words, word...), '\n')
			t.word = append(t.word[:0], word...)
		}
	}
	start := len(t.page)
	t.item(key, ns, size)
	if len(t.page) <= pageBytes || start == 0 {
		t.last = append(t.last[:0], key...)
		return nil
	}
	t.page = t.page[:start]
	if err := t.endPage(); err != nil {
		return err
	}
	t.item(key, ns, size)
	t.last = append(t.last[:0], key...)
	return nil
}

func (t *termWriter) item(key []byte, ns []uint32, size int) {
	shared := 0
	if len(t.page) == 0 {
		t.first = append(t.first[:0], key...)
	} else {
		for shared < min(len(key), len(t.last)) && key[shared] == t.last[shared] {
			shared++
		}
	}
	t.page = binary.AppendUvarint(t.page, uint64(shared))
	t.page = binary.AppendUvarint(t.page, uint64(len(key)-shared))
	t.page = append(t.page, key[shared:]...)
	t.page = appendPostings(t.page, ns, size)
}

func (t *termWriter) endPage() error {
	if len(t.page) == 0 {
		return nil
	}
	if len(t.directory)+len(t.first) >= pageBytes {
		if err := t.endDirectory(); err != nil {
			return err
		}
	}
	t.directory = append(binary.AppendUvarint(t.directory, uint64(len(t.first))), t.first...)
	page := t.page
	t.page = nil
	return t.w.page(t.ctx, Terms, page)
}

func (t *termWriter) endWords() error {
	if len(t.words) == 0 {
		return nil
	}
	page := t.words
	t.words = nil
	return t.w.page(t.ctx, Words, page)
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
	if err := t.endWords(); err != nil {
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

// An itemReader reads the items of a page of Terms in order.
type itemReader struct {
	rest  []byte
	key   []byte
	size  func(term []byte, chunk int) int
	found postings
	err   error
}

// next reads an item: its key is key, its postings are found.
func (r *itemReader) next() bool {
	if len(r.rest) == 0 || r.err != nil {
		return false
	}
	p := pageReader{b: r.rest}
	shared, more := p.uint(), p.uint()
	if p.bad || shared > uint64(len(r.key)) || more > uint64(len(p.b)) {
		r.err = ErrDamaged
		return false
	}
	r.key = append(r.key[:shared], p.b[:more]...)
	term, chunk, err := splitKey(r.key)
	if err != nil {
		r.err = err
		return false
	}
	r.found, r.rest, r.err = readPostings(p.b[more:], r.size(term, chunk))
	return r.err == nil
}

// decodeDirectory reads the pages of Directory.
func decodeDirectory(pages [][]byte) (first [][]byte, err error) {
	for _, page := range pages {
		r := &pageReader{b: page}
		for len(r.b) > 0 && !r.bad {
			first = append(first, []byte(r.string()))
		}
		if r.bad {
			return nil, ErrDamaged
		}
	}
	return first, nil
}
