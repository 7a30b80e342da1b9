package query

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"parlance/search/internal/fold"
)

// A Lookup is what the terms of a text (see fold.Terms) must contain if the text matches: one term at least that it takes.
type Lookup struct {
	How  How
	Term string // class byte and folded text; of Infix and Suffix the class is fold.Word
}

// How says which terms a Lookup takes.
type How uint8

// The ways to look terms up. A word that may have been cut after fold.MaxWord bytes (fold.MayBeCut) is taken by Suffix and Infix in any case, since
// nobody knows how it goes on.
const (
	Exact  How = iota // the term
	Prefix            // terms that begin with it
	Suffix            // words that end with it, or may be cut
	Infix             // words that contain it, or may be cut
)

// Takes reports whether l takes a term.
func (l Lookup) Takes(term []byte) bool {
	switch l.How {
	case Exact:
		return string(term) == l.Term
	case Prefix:
		return len(term) >= len(l.Term) && string(term[:len(l.Term)]) == l.Term
	}
	if len(term) == 0 || term[0] != fold.Word {
		return false
	}
	word := term[1:]
	if fold.MayBeCut(word) {
		return true
	}
	if l.How == Suffix {
		return bytes.HasSuffix(word, []byte(l.Term[1:]))
	}
	return bytes.Contains(word, []byte(l.Term[1:]))
}

// Lookups returns lookups that all hold for every text that t matches, each once. None means that any text may match. What
// they let through is checked with Match, so they may let through too much, never too little.
func (t Text) Lookups() []Lookup {
	var all []Lookup
	add := func(how How, class byte, signs string) {
		if l := (Lookup{how, string(class) + signs}); !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	s := t.Signs
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch fold.ClassOf(r) {
		case fold.Space:
			at += size
		case fold.Symbol:
			add(Exact, fold.Sign, s[at:at+size])
			at += size
		case fold.Unspaced:
			end := at + size
			alone := true
			for before := at; end < len(s); {
				r, size := utf8.DecodeRuneInString(s[end:])
				if fold.ClassOf(r) != fold.Unspaced {
					break
				}
				add(Exact, fold.Pair, s[before:end+size])
				before, end, alone = end, end+size, false
			}
			if alone {
				add(Exact, fold.Sign, s[at:end])
			}
			at = end
		case fold.Letter:
			end := fold.EndOfWord(s, at)
			word := s[at:end]
			begins := at > 0 || t.atWord() // where the text's word does
			ends := end < len(s)
			switch cut := fold.CutWord(word); {
			case begins && (ends || cut != word):
				add(Exact, fold.Word, cut)
			case begins:
				add(Prefix, fold.Word, word)
			case ends:
				add(Suffix, fold.Word, word)
			default:
				add(Infix, fold.Word, word)
			}
			at = end
		}
	}
	return all
}
