package imkit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"parlance"
)

// A roomFilter is a conjunction of conditions on rooms: IMKit Rooms, q.
type roomFilter []roomCondition

// A roomCondition is one condition on one field. Exactly one of the tests is set.
type roomCondition struct {
	field   string // name, roomTags, members or roomType
	in      []string
	all     []string
	matches *regexp.Regexp
}

// errQuery refuses a filter.
func errQuery(format string, args ...any) error {
	return badRequest("INVALID_QUERY", fmt.Sprintf(format, args...))
}

// parseRoomFilter reads a filter. No text is no condition.
func parseRoomFilter(text string) (roomFilter, error) {
	if text == "" {
		return nil, nil
	}
	o, err := parseObject([]byte(text))
	if err != nil {
		return nil, errQuery("q is no JSON object")
	}
	var f roomFilter
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
		f = append(f, conditions...)
	}
	return f, nil
}

func parseRoomCondition(name string, value json.RawMessage) ([]roomCondition, error) {
	var equal string
	if isString(value) && json.Unmarshal(value, &equal) == nil {
		return []roomCondition{{field: name, in: []string{equal}}}, nil
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
			err = json.Unmarshal(op.value, &c.in)
			c.in = append([]string{}, c.in...) // an empty list matches nothing
		case "$all":
			err = json.Unmarshal(op.value, &c.all)
			c.all = append([]string{}, c.all...)
		case "$regex":
			text, ok := o.text("$regex")
			if !ok {
				return nil, errQuery("$regex on %s must be text", name)
			}
			if options != "" {
				text = "(?" + options + ")" + text
			}
			c.matches, err = regexp.Compile(text)
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

func isString(v json.RawMessage) bool { return len(v) > 0 && v[0] == '"' }

// matches reports whether c fulfils f. members gives the room's members if they are asked for.
func (f roomFilter) matches(c *parlance.Conversation, members func() ([]string, error)) (bool, error) {
	for _, condition := range f {
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
		if !condition.test(values) {
			return false, nil
		}
	}
	return true, nil
}

// test reports whether the field's values fulfil c: for $in and $regex one of them is
// enough, for $all each that is listed must be there, and at least one is.
func (c *roomCondition) test(values []string) bool {
	has := func(s string) bool { return slices.Contains(values, s) }
	switch {
	case c.matches != nil:
		return slices.ContainsFunc(values, c.matches.MatchString)
	case c.all != nil:
		return len(c.all) > 0 && !slices.ContainsFunc(c.all, func(s string) bool { return !has(s) })
	default:
		return slices.ContainsFunc(c.in, has)
	}
}
