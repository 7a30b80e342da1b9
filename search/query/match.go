package query

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parlance"
	"parlance/search/internal/fold"
)

// Match reports whether d matches. It is what an answer is exact by: a plain scan with Match gives the same messages.
func (q *Query) Match(d *Document) bool { return matches(q.root, d) }

func matches(n Node, d *Document) bool {
	switch n := n.(type) {
	case And:
		return !slices.ContainsFunc(n, func(part Node) bool { return !matches(part, d) })
	case Or:
		return slices.ContainsFunc(n, func(part Node) bool { return matches(part, d) })
	case Not:
		return !matches(n.Node, d)
	case Text:
		return n.Match(d.Folded)
	case Fact:
		return n.Match(d)
	}
	return false
}

// Match reports whether a folded text holds t's signs, one after another. Unless t is quoted, holds a digit, or begins with
// a sign that isn't of a word (CJK, a symbol), they must begin where a word does. Where they end doesn't matter.
// It is linear in the text.
func (t Text) Match(folded string) bool {
	if !t.atWord() {
		return strings.Contains(folded, t.Signs)
	}
	return t.find(folded, 0) >= 0
}

// atWord reports whether t must stand at a word's beginning.
func (t Text) atWord() bool {
	first, _ := utf8.DecodeRuneInString(t.Signs)
	return !t.Quoted && fold.ClassOf(first) == fold.Letter && !strings.ContainsFunc(t.Signs, unicode.IsDigit)
}

// find returns where t's signs stand next in a folded text, from the byte at on; -1 if they don't.
func (t Text) find(folded string, at int) int {
	word := t.atWord()
	for {
		i := strings.Index(folded[at:], t.Signs)
		if i < 0 {
			return -1
		}
		at += i
		if !word || beginsWord(folded, at) {
			return at
		}
		at = fold.EndOfWord(folded, at) // nowhere else in this word does one begin
	}
}

// beginsWord reports whether no word goes on at.
func beginsWord(folded string, at int) bool {
	before, size := utf8.DecodeLastRuneInString(folded[:at])
	return size == 0 || fold.ClassOf(before) != fold.Letter
}

// Match reports whether f is true of d.
func (f Fact) Match(d *Document) bool {
	m := d.Message
	switch f.Field {
	case Conversation:
		return string(d.Conversation) == f.Value
	case Kind:
		return string(d.Kind) == f.Value
	case Platform:
		return string(d.Platform) == f.Value
	case Sender:
		return string(m.Sender) == f.Value || m.Acting != "" && string(m.Acting) == f.Value ||
			m.SenderName != "" && sameName(m.SenderName, f.Value)
	case Type:
		return string(m.Type) == f.Value
	case Has:
		return f.has(d)
	case Time:
		return f.From <= m.Created && m.Created < f.To
	case Is:
		return f.Value == isEdited && m.Edited != 0 || f.Value == isRecalled && m.State == parlance.Recalled
	}
	return false
}

// sameName reports whether two names are the same folded, blanks at their ends aside.
func sameName(a, b string) bool {
	return a == b || fold.Name(a) == fold.Name(b)
}

// has reports whether d's message has what f says.
func (f Fact) has(d *Document) bool {
	switch f.Value {
	case hasFile:
		return len(d.Message.Attachments) > 0
	case hasLink:
		return strings.Contains(d.Folded, "http://") || strings.Contains(d.Folded, "https://")
	case hasPlace:
		return d.Message.Location != nil
	}
	kind := parlance.Type(f.Value)
	return d.Message.Type == kind || slices.ContainsFunc(d.Message.Attachments, func(a parlance.Attachment) bool { return a.Type == kind })
}
