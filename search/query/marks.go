package query

import (
	"slices"
	"strings"
)

// Marks returns the half-open spans of folded text that the query's texts match (those below Not excepted), ascending
// and not overlapping; those that touch are one. It is linear in the text for each of the query's texts.
func (q *Query) Marks(folded string) [][2]int {
	var spans [][2]int
	for _, t := range q.texts() {
		spans = t.spans(spans, folded, 0)
	}
	return merged(spans)
}

// marksFromFirst is Marks of the first mark and at least so many bytes behind where it begins.
func (q *Query) marksFromFirst(folded string, bytes int) [][2]int {
	texts := q.texts()
	first, longest := len(folded), 0
	for _, t := range texts {
		longest = max(longest, len(t.Signs))
		if at := t.find(folded[:min(len(folded), first+len(t.Signs))], 0); at >= 0 {
			first = min(first, at)
		}
	}
	folded = folded[:min(len(folded), first+bytes+longest)]
	var spans [][2]int
	for _, t := range texts {
		spans = t.spans(spans, folded, first)
	}
	return merged(spans)
}

// texts returns the query's texts but for those below Not, each once.
func (q *Query) texts() []Text {
	var all []Text
	var walk func(Node)
	walk = func(n Node) {
		switch n := n.(type) {
		case And:
			for _, part := range n {
				walk(part)
			}
		case Or:
			for _, part := range n {
				walk(part)
			}
		case Text:
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	walk(q.root)
	return all
}

// spans appends where t's signs stand in a folded text from the byte from on, ascending, those that overlap or touch as one.
func (t Text) spans(spans [][2]int, folded string, from int) [][2]int {
	mine := len(spans)
	add := func(at int) {
		if n := len(spans); n > mine && spans[n-1][1] >= at {
			spans[n-1][1] = at + len(t.Signs)
			return
		}
		spans = append(spans, [2]int{at, at + len(t.Signs)})
	}
	borders := borders(t.Signs)
	if borders[len(borders)-1] == 0 {
		for at := t.find(folded, from); at >= 0; at = t.find(folded, at+len(t.Signs)) {
			add(at)
		}
		return spans
	}
	// The signs overlap themselves, as in "anana": Knuth, Morris and Pratt find all of them in one go.
	word, length := t.atWord(), 0
	for at := from; at < len(folded); at++ {
		if length == 0 {
			skip := strings.IndexByte(folded[at:], t.Signs[0])
			if skip < 0 {
				break
			}
			at += skip
		}
		for length > 0 && (length == len(t.Signs) || folded[at] != t.Signs[length]) {
			length = borders[length-1]
		}
		if folded[at] == t.Signs[length] {
			length++
		}
		if length == len(t.Signs) && (!word || beginsWord(folded, at+1-length)) {
			add(at + 1 - length)
		}
	}
	return spans
}

// borders returns for each beginning of s how long the longest text is that it both begins and ends with, itself excepted.
func borders(s string) []int {
	all := make([]int, len(s))
	for i, n := 1, 0; i < len(s); i++ {
		for n > 0 && s[i] != s[n] {
			n = all[n-1]
		}
		if s[i] == s[n] {
			n++
		}
		all[i] = n
	}
	return all
}

// merged returns the spans in order, those that overlap or touch as one. It changes its argument.
func merged(spans [][2]int) [][2]int {
	slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && out[n-1][1] >= s[0] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out = append(out, s)
	}
	return out
}
