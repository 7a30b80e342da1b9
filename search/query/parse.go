package query

import (
	"time"
	"unicode"
	"unicode/utf8"

	"parlance"
	"parlance/search/internal/fold"
)

// Parse reads a query. Dates are those of zone; without one, of UTC. An error is of kind [parlance.Invalid] and says what was wrong and where
// (in signs, from 1): an operator that doesn't exist, a value that an operator doesn't take, an open quote or parenthesis,
// OR without a side, text of which folding leaves nothing. An empty query is an error too, and one of more than MaxTerms terms or
// MaxBytes bytes.
func Parse(text string, zone *time.Location) (*Query, error) {
	if len(text) > MaxBytes {
		return nil, parlance.Errorf(parlance.Invalid, "the query has %d bytes; at most %d are read", len(text), MaxBytes)
	}
	if !utf8.ValidString(text) {
		return nil, parlance.Errorf(parlance.Invalid, "the query is no valid UTF-8")
	}
	if zone == nil {
		zone = time.UTC
	}
	p := parser{lexer: lexer{text: text}, zone: zone}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.either()
	if err != nil {
		return nil, err
	}
	switch {
	case p.now.kind == tokenClose:
		return nil, p.fail(p.now.at, `")" closes no parenthesis; to search for the sign itself, write ")" in quotes`)
	case root == nil && len(p.histories) > 0:
		return nil, p.fail(p.histories[0], "in:history only says that earlier versions are searched, too; add what to search for")
	}
	return &Query{root: root, history: len(p.histories) > 0, zone: zone}, nil
}

// A parser reads a query by descent, one token ahead. Its methods return no node for what holds in:history alone.
type parser struct {
	lexer
	zone      *time.Location
	now       token
	terms     int
	histories []int // where in:history stands
}

// advance reads the next token.
func (p *parser) advance() (err error) {
	p.now, err = p.next()
	return err
}

// either reads what stands beside OR.
func (p *parser) either() (Node, error) {
	var sides Or
	histories := len(p.histories)
	for alternatives := 1; ; alternatives++ {
		side, err := p.together()
		if err != nil {
			return nil, err
		}
		switch side := side.(type) {
		case nil:
		case Or:
			sides = append(sides, side...)
		default:
			sides = append(sides, side)
		}
		or := p.now.kind == tokenOr
		if (or || alternatives > 1) && len(p.histories) > histories {
			return nil, p.fail(p.histories[histories], "in:history is about the whole query and can't stand beside OR; put the rest in parentheses")
		}
		if !or {
			break
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	switch len(sides) {
	case 0:
		return nil, nil
	case 1:
		return sides[0], nil
	}
	return sides, nil
}

// together reads what stands side by side, at least one part.
func (p *parser) together() (Node, error) {
	var parts And
	begin := p.now
	for p.now.kind != tokenEnd && p.now.kind != tokenClose && p.now.kind != tokenOr {
		part, err := p.part()
		if err != nil {
			return nil, err
		}
		switch part := part.(type) {
		case nil:
		case And:
			parts = append(parts, part...)
		default:
			parts = append(parts, part)
		}
	}
	switch {
	case begin.at == p.now.at && begin.kind == p.now.kind:
		return nil, p.nothing()
	case len(parts) == 0:
		return nil, nil
	case len(parts) == 1:
		return parts[0], nil
	}
	return parts, nil
}

// nothing says why nothing stands where something must.
func (p *parser) nothing() error {
	switch {
	case p.now.kind == tokenOr:
		return p.fail(p.now.at, `nothing stands before OR; to search for the word, write "or" in quotes`)
	case p.now.at == 0 && p.now.kind == tokenEnd:
		return p.fail(0, "the query is empty")
	case p.now.kind == tokenClose:
		return p.fail(p.now.at, `nothing stands before ")"`)
	}
	for _, r := range p.text {
		if !isBlank(r) {
			return p.fail(p.now.at, `nothing stands behind OR or "("`)
		}
	}
	return p.fail(0, "the query is empty")
}

// part reads a text, a fact or a group, or what excludes one.
func (p *parser) part() (Node, error) {
	t := p.now
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch t.kind {
	case tokenNot:
		histories := len(p.histories)
		node, err := p.part()
		if err != nil {
			return nil, err
		}
		if len(p.histories) > histories {
			return nil, p.fail(t.at, `in:history can't stand below "-": without it, only current versions are searched`)
		}
		return Not{node}, nil
	case tokenOpen:
		node, err := p.either()
		if err != nil {
			return nil, err
		}
		if p.now.kind != tokenClose {
			return nil, p.fail(t.at, `the parenthesis isn't closed; to search for the sign itself, write "(" in quotes`)
		}
		return node, p.advance()
	case tokenOr:
		return nil, p.fail(t.at, `OR can't be excluded; to exclude the word, write -"or"`)
	}
	if p.terms++; p.terms > MaxTerms {
		return nil, p.fail(t.at, "the query has more than %d terms", MaxTerms)
	}
	if t.kind == tokenFact {
		if t.operator == "in" && !t.quoted && fold.Fold(t.text) == "history" {
			p.histories = append(p.histories, t.at)
			return nil, nil
		}
		f, err := operators[t.operator].read(t, p.zone)
		if err != nil {
			return nil, p.fail(t.at, "%s: %s", t.operator, err)
		}
		return f, nil
	}
	signs := fold.Fold(t.text)
	if !searchable(signs) {
		return nil, p.fail(t.at, "%q holds no sign that could be searched for", t.text)
	}
	return Text{Signs: signs, Quoted: t.kind == tokenPhrase}, nil
}

// searchable reports whether a folded text is more than blanks and marks on nothing.
func searchable(signs string) bool {
	for _, r := range signs {
		if r != ' ' && !(unicode.Is(unicode.M, r) && unicode.Is(unicode.Inherited, r)) {
			return true
		}
	}
	return false
}
