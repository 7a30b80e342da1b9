package imkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"parlance"
	"parlance/internal/body"
)

// A roomFilter is a conjunction of conditions on rooms: IMKit Rooms, q. It is for one request.
type roomFilter struct {
	conditions []roomCondition
	steps      int // that matching regular expressions has taken
}

// A roomCondition is one condition on one field. Exactly one of the tests is set.
type roomCondition struct {
	field   string // name, roomTags, members or roomType
	in      map[string]bool
	all     map[string]bool
	matches *regexp.Regexp
	size    int // instructions of matches
}

// errQuery refuses a filter.
func errQuery(format string, args ...any) error {
	return badRequest("INVALID_QUERY", fmt.Sprintf(format, args...))
}

// parseRoomFilter reads a filter. No text is no condition.
func parseRoomFilter(text string) (*roomFilter, error) {
	if text == "" {
		return nil, nil
	}
	if err := body.Check([]byte(text)); err != nil {
		return nil, errQuery("the %s", err)
	}
	o, err := parseObject([]byte(text))
	if err != nil {
		return nil, errQuery("q is no JSON object")
	}
	f := new(roomFilter)
	for _, entry := range o {
		switch entry.name {
		case "name", "roomTags", "members", "roomType":
		default:
			return nil, errQuery("q can't ask for %q: it takes name, roomTags, members and roomType", entry.name)
		}
		conditions, err := parseRoomCondition(entry.name, entry.value)
		if err != nil {
			return nil, err
		}
		f.conditions = append(f.conditions, conditions...)
	}
	return f, nil
}

func parseRoomCondition(name string, value json.RawMessage) ([]roomCondition, error) {
	var equal string
	if isString(value) && json.Unmarshal(value, &equal) == nil {
		return []roomCondition{{field: name, in: map[string]bool{equal: true}}}, nil
	}
	o, err := parseObject(value)
	if err != nil || len(o) == 0 {
		return nil, errQuery("the condition on %s is neither text nor an operator", name)
	}
	options := ""
	if o.has("$options") {
		if options, _ = o.text("$options"); options == "" || strings.Trim(options, "ims") != "" || !o.has("$regex") {
			return nil, errQuery("$options takes i, m and s, beside $regex")
		}
	}
	var cs []roomCondition
	for _, op := range o {
		c := roomCondition{field: name}
		switch op.name {
		case "$in":
			c.in, err = textSet(op.value) // an empty list matches nothing
		case "$all":
			c.all, err = textSet(op.value)
		case "$regex":
			text, ok := o.text("$regex")
			if !ok {
				return nil, errQuery("$regex on %s must be text", name)
			}
			if len(text) > parlance.MaxPattern {
				return nil, errQuery("$regex on %s is longer than %d bytes", name, parlance.MaxPattern)
			}
			if options != "" {
				text = "(?" + options + ")" + text
			}
			if c.matches, err = regexp.Compile(text); err == nil {
				c.size, err = programSize(text)
			}
		case "$options":
			continue
		default:
			return nil, errQuery("the operator %q is not supported: use $in, $all or $regex", op.name)
		}
		if err != nil || string(op.value) == "null" {
			return nil, errQuery("the value of %s on %s can't be read", op.name, name)
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// textSet reads a list of texts.
func textSet(v json.RawMessage) (map[string]bool, error) {
	var list []string
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, err
	}
	if len(list) > parlance.MaxAlternative {
		return nil, errors.New("too many texts")
	}
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[s] = true
	}
	return set, nil
}

// programSize returns how many instructions a regular expression is compiled to: for each byte of a text each is looked at once at most.
func programSize(text string) (int, error) {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 0, err
	}
	p, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(p.Inst), nil
}

func isString(v json.RawMessage) bool { return len(v) > 0 && v[0] == '"' }

// matches reports whether c fulfils f. members gives the room's members if they are asked for.
func (f *roomFilter) matches(c *parlance.Conversation, members func() ([]string, error)) (bool, error) {
	if f == nil {
		return true, nil
	}
	for _, condition := range f.conditions {
		var values []string
		switch condition.field {
		case "name":
			values = []string{c.Title}
		case "roomTags":
			values = c.Tags
		case "roomType":
			values = []string{roomType(c)}
		case "members":
			var err error
			if values, err = members(); err != nil {
				return false, err
			}
		}
		if condition.matches != nil {
			for _, v := range values {
				f.steps += condition.size * (len(v) + 1)
			}
			if f.steps > parlance.MaxMatching {
				return false, errQuery("$regex is too costly for so many rooms: use a simpler one")
			}
		}
		if !condition.test(values) {
			return false, nil
		}
	}
	return true, nil
}

// test reports whether the field's values fulfil c: for $in and $regex one of them is
// enough, for $all each that is listed must be there, and at least one is.
func (c *roomCondition) test(values []string) bool {
	switch {
	case c.matches != nil:
		return slices.ContainsFunc(values, c.matches.MatchString)
	case c.all != nil:
		found := map[string]bool{}
		for _, v := range values {
			if c.all[v] {
				found[v] = true
			}
		}
		return len(c.all) > 0 && len(found) == len(c.all)
	default:
		return slices.ContainsFunc(values, func(v string) bool { return c.in[v] })
	}
}
