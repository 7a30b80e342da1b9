package query

import (
	"strings"
	"time"

	"parlance/search/internal/fold"
)

// String returns the query as it can be read again, in the same zone, to the same query. It holds folded text.
func (q *Query) String() string {
	s := q.write(q.root)
	if !q.history {
		return s
	}
	if _, either := q.root.(Or); either {
		s = "(" + s + ")"
	}
	return s + " in:history"
}

// write returns a node as it stands by itself.
func (q *Query) write(n Node) string {
	switch n := n.(type) {
	case And:
		parts := make([]string, len(n))
		for i, part := range n {
			if parts[i] = q.write(part); isOr(part) {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, " ")
	case Or:
		parts := make([]string, len(n))
		for i, part := range n {
			parts[i] = q.write(part)
		}
		return strings.Join(parts, " OR ")
	case Not:
		s := q.write(n.Node)
		switch n.Node.(type) {
		case And, Or, Not:
			s = "(" + s + ")"
		}
		return "-" + s
	case Text:
		return n.String()
	case Fact:
		return n.write(q.zone)
	}
	return ""
}

func isOr(n Node) bool {
	_, is := n.(Or)
	return is
}

// String returns t as it stands in a query.
func (t Text) String() string {
	if t.Quoted {
		return quote(t.Signs)
	}
	var b strings.Builder
	colon := false
	for i, r := range t.Signs {
		escape := r == ' ' || r == '(' || r == ')' || r == '"' || i == 0 && r == '-'
		switch {
		case r == ':' && !colon:
			colon = true
			name, rest := t.Signs[:i], t.Signs[i+1:]
			escape = isName(fold.Fold(name)) && rest != "" && name != "mailto" && !strings.HasPrefix(rest, "//")
			if _, known := operators[name]; known {
				escape = true
			}
		case r == '\\':
			escape = true
		}
		if escape {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// quote returns s in quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `＂`, `\＂`).Replace(s) + `"`
}

// write returns f as it stands in a query of the zone.
func (f Fact) write(zone *time.Location) string {
	switch f.Field {
	case Conversation:
		return "in:" + value(f.Value)
	case Sender:
		return "from:" + value(f.Value)
	case Kind:
		return "kind:" + f.Value
	case Platform:
		return "platform:" + f.Value
	case Type:
		return "type:" + f.Value
	case Has:
		return "has:" + f.Value
	case Is:
		return "is:" + f.Value
	}
	switch {
	case f.From == earliest:
		return "before:" + f.To.String()
	case f.To == latest:
		return "after:" + (f.From - 1).String()
	}
	// The day, month or year that begins and ends at these.
	var text string
	for _, form := range [...]string{"2006", "2006-01", "2006-01-02"} {
		text = f.From.Std().In(zone).Format(form)
		if d, err := readDate(text, zone); err == nil && d.before() == f.From && d.after() == f.To {
			break
		}
	}
	return "during:" + text
}

// value returns an operator's value, in quotes if it needs them.
func value(s string) string {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-' && r != '.' && r != '@' {
			return quote(s)
		}
	}
	if fold.Fold(s) == "history" {
		return quote(s)
	}
	return s
}
