package readapi

import (
	"encoding/base64"
	"hash/fnv"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parlance"
)

// params are a request's parameters.
type params struct{ values url.Values }

// parse reads the parameters of a request: those of names, each at most once.
func parse(raw string, names ...string) (params, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return params{}, parlance.Errorf(parlance.Invalid, "the address's parameters are not well-formed")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(names, name):
			return params{}, parlance.Errorf(parlance.Invalid, "there is no parameter %q here: there are %s", name, strings.Join(names, ", "))
		case len(values[name]) > 1:
			return params{}, parlance.Errorf(parlance.Invalid, "the parameter %q is given more than once", name)
		case values[name][0] == "":
			return params{}, parlance.Errorf(parlance.Invalid, "the parameter %q is empty", name)
		}
	}
	return params{values}, nil
}

func (p params) get(name string) string { return p.values.Get(name) }

// limit returns how many are asked for.
func (p params) limit(usual, most int) (int, error) {
	text := p.get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, parlance.Errorf(parlance.Invalid, "limit %q: want 1 to %d", text, most)
	}
	return n, nil
}

// oneOf returns a parameter that must be one of some words, empty if it isn't given.
func (p params) oneOf(name string, words ...string) (string, error) {
	text := p.get(name)
	if text != "" && !slices.Contains(words, text) {
		return "", parlance.Errorf(parlance.Invalid, "%s %q: want %s", name, text, strings.Join(words, ", "))
	}
	return text, nil
}

// time returns a time, zero if it isn't given.
func (p params) time(name string) (parlance.Time, error) {
	text := p.get(name)
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, parlance.Errorf(parlance.Invalid, "%s %q: want a time such as 2026-11-05T09:00:00+08:00", name, text)
	}
	return parlance.TimeOf(t), nil
}

// A cursor is a place in a list, as text that is good for the same list only.
//
// encode and decode bind it to what else is asked for: all parameters but cursor and limit.
func (p params) list(path string) string {
	all := maps.Clone(p.values)
	delete(all, "cursor")
	delete(all, "limit")
	return path + "?" + all.Encode()
}

func encodeCursor(list, place string) string {
	return base64.RawURLEncoding.EncodeToString(append(sum(list), place...))
}

// cursor returns the place that a cursor names, empty for the beginning.
func (p params) cursor(list string) (string, error) {
	text := p.get("cursor")
	if text == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 5 {
		return "", errCursor
	}
	if string(b[:4]) != string(sum(list)) {
		return "", parlance.Errorf(parlance.Invalid, "the cursor is of another list; leave it out to begin at the beginning")
	}
	return string(b[4:]), nil
}

var errCursor = parlance.Errorf(parlance.Invalid, "the cursor isn't one that was given; leave it out to begin at the beginning")

func sum(list string) []byte {
	h := fnv.New32a()
	h.Write([]byte(list))
	return h.Sum(nil)
}
