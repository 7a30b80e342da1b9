package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parlance"
	"parlance/search/internal/fold"
)

// A token is what a query is made of.
type token struct {
	kind tokenKind
	at   int // byte of the query at which it begins
	text string
	// Of a fact: the operator's name, and whether its value, which is text, was in quotes.
	operator string
	quoted   bool
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenOpen
	tokenClose
	tokenOr
	tokenNot
	tokenWord
	tokenPhrase
	tokenFact
)

// A lexer cuts a query into tokens.
type lexer struct {
	text string
	at   int
}

// fail returns an error about what stands at the byte at.
func (l *lexer) fail(at int, format string, args ...any) error {
	sign := utf8.RuneCountInString(l.text[:at]) + 1
	return parlance.Errorf(parlance.Invalid, "query, sign %d: "+format, append([]any{sign}, args...)...)
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	r, size := l.peek()
	for isBlank(r) && size > 0 {
		l.at += size
		r, size = l.peek()
	}
	t := token{at: l.at}
	switch {
	case size == 0:
		return t, nil
	case isOpen(r):
		t.kind = tokenOpen
	case isClose(r):
		t.kind = tokenClose
	case isDash(r):
		t.kind = tokenNot
	case isQuote(r):
		t.kind = tokenPhrase
		var err error
		t.text, err = l.quoted()
		return t, err
	default:
		return l.word()
	}
	l.at += size
	if t.kind == tokenNot {
		switch r, size := l.peek(); {
		case size == 0 || isBlank(r) || isClose(r):
			return t, l.fail(t.at, `"-" must stand right before what it excludes; to search for the sign itself, write "-" in quotes`)
		case isDash(r):
			return t, l.fail(t.at, `"-" stands twice; to search for text that begins with it, put that in quotes`)
		}
	}
	return t, nil
}

// peek returns the sign at which the lexer is; its size is 0 at the end.
func (l *lexer) peek() (rune, int) { return utf8.DecodeRuneInString(l.text[l.at:]) }

// quoted reads what stands in quotes. In it, a backslash takes its meaning from a quote or a backslash.
func (l *lexer) quoted() (string, error) {
	begin := l.at
	_, size := l.peek()
	l.at += size
	var b strings.Builder
	for {
		r, size := l.peek()
		if size == 0 {
			return "", l.fail(begin, `the quote isn't closed; to search for the sign " itself, write \"`)
		}
		l.at += size
		if isQuote(r) {
			return b.String(), nil
		}
		if r == '\\' {
			if next, n := l.peek(); isQuote(next) || next == '\\' {
				r = next
				l.at += n
			}
		}
		b.WriteRune(r)
	}
}

// word reads a word or a fact. In a word, a backslash takes its meaning from a sign that has one.
func (l *lexer) word() (token, error) {
	t := token{kind: tokenWord, at: l.at}
	var b strings.Builder
	escaped, colon := false, false
	for {
		r, size := l.peek()
		if size == 0 || isBlank(r) || isOpen(r) || isClose(r) || isQuote(r) {
			break
		}
		l.at += size
		if isColon(r) && !colon && !escaped && t.operator == "" {
			colon = true
			name := fold.Fold(b.String())
			fact, err := l.operator(t, name)
			if err != nil || fact.kind == tokenFact {
				return fact, err
			}
		}
		if r == '\\' {
			if next, n := l.peek(); n > 0 && hasMeaning(next) {
				r = next
				l.at += n
				escaped = true
			}
		}
		b.WriteRune(r)
	}
	t.text = b.String()
	if !escaped && (t.text == "OR" || t.text == "ＯＲ") {
		t.kind = tokenOr
	}
	return t, nil
}

// operator reads the value of an operator, of which name and colon have been read as the word t. It returns t itself if they are text.
func (l *lexer) operator(t token, name string) (token, error) {
	rest := l.text[l.at:]
	next, size := l.peek()
	none := size == 0 || isBlank(next) || isClose(next)
	if !isName(name) {
		return t, nil
	}
	op, known := operators[name]
	if !known {
		if none || name == "mailto" || strings.HasPrefix(rest, "//") {
			return t, nil
		}
		return t, l.fail(t.at, "there is no operator %s: (there are %s); to search for this text, put it in quotes", name, operatorNames)
	}
	fact := token{kind: tokenFact, at: t.at, operator: name}
	switch {
	case none:
		return t, l.fail(t.at, "%s: has no value; what it takes is %s, right behind the colon", name, op.takes)
	case isOpen(next):
		return t, l.fail(t.at, "%s: takes one value; for several, write (%s:A OR %s:B)", name, name, name)
	case isQuote(next):
		var err error
		fact.quoted = true
		if fact.text, err = l.quoted(); err != nil {
			return t, err
		}
	default:
		begin := l.at
		for size > 0 && !isBlank(next) && !isOpen(next) && !isClose(next) && !isQuote(next) {
			l.at += size
			next, size = l.peek()
		}
		fact.text = l.text[begin:l.at]
	}
	if fact.text == "" {
		return t, l.fail(t.at, "%s: has no value; what it takes is %s", name, op.takes)
	}
	return fact, nil
}

// isName reports whether a folded text has the form of an operator's name.
func isName(s string) bool {
	for _, r := range s {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return s != ""
}

// hasMeaning reports whether a sign means something else in a query than itself.
func hasMeaning(r rune) bool {
	return isBlank(r) || isOpen(r) || isClose(r) || isQuote(r) || isDash(r) || isColon(r) || r == '\\'
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
func isOpen(r rune) bool  { return r == '(' || r == '（' }
func isClose(r rune) bool { return r == ')' || r == '）' }
func isQuote(r rune) bool { return r == '"' || r == '＂' }
func isDash(r rune) bool  { return r == '-' || r == '－' || r == '﹣' }
func isColon(r rune) bool { return r == ':' || r == '：' || r == '﹕' || r == '︓' }
