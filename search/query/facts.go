package query

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"parlance"
	"parlance/search/internal/fold"
)

// An operator is what stands before a colon.
type operator struct {
	takes string // what its value may be, for errors
	read  func(t token, zone *time.Location) (Fact, error)
}

const operatorNames = "in:, from:, kind:, platform:, type:, has:, before:, after:, during:, is:"

// operators are all there are.
var operators = map[string]operator{
	"in":       {"a conversation's id, or history", readID(Conversation)},
	"from":     {"an account's id, or a name as it was shown", readID(Sender)},
	"kind":     {choices(kinds), readChoice(Kind, kinds)},
	"platform": {choices(platforms), readChoice(Platform, platforms)},
	"type":     {"a message's type, such as text or image", readType},
	"has":      {choices(havings), readChoice(Has, havings)},
	"is":       {choices(states), readChoice(Is, states)},
	"before":   {dateForms, readBefore},
	"after":    {dateForms, readAfter},
	"during":   {"a day (2026-11-05), a month (2026-11) or a year (2026)", readDuring},
}

// The values of operators that take few.
var (
	kinds     = []string{string(parlance.Room), string(parlance.Direct), string(parlance.Shop), string(parlance.Order)}
	platforms = []string{string(parlance.IMKit), string(parlance.Shopline), string(parlance.IMetaStore)}
	havings   = []string{hasFile, hasImage, hasAudio, hasVideo, hasLink, hasPlace}
	states    = []string{isEdited, isRecalled}
	types     = []parlance.Type{
		parlance.TypeText, parlance.TypeAction, parlance.TypeNote, parlance.TypeSystem, parlance.TypeAnnouncement, parlance.TypeImage,
		parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo, parlance.TypeLocation, parlance.TypeSticker, parlance.TypeCustom,
	}
)

// The values of has: and is:.
const (
	hasFile  = "file"  // an attachment of any type
	hasImage = "image" // an attachment of that type, or the message itself is of it
	hasAudio = "audio"
	hasVideo = "video"
	hasLink  = "link"  // an address of the web in the text
	hasPlace = "place" // a place on earth

	isEdited   = "edited"
	isRecalled = "recalled"
)

// choices tells what can be chosen from.
func choices(values []string) string {
	n := len(values) - 1
	return strings.Join(values[:n], ", ") + " or " + values[n]
}

func readID(f Field) func(token, *time.Location) (Fact, error) {
	return func(t token, _ *time.Location) (Fact, error) {
		if f == Conversation {
			if err := parlance.CheckID("conversation", parlance.ConversationID(t.text)); err != nil {
				return Fact{}, err
			}
		}
		return Fact{Field: f, Value: t.text}, nil
	}
}

func readChoice(f Field, values []string) func(token, *time.Location) (Fact, error) {
	return func(t token, _ *time.Location) (Fact, error) {
		value := fold.Fold(t.text)
		if !slices.Contains(values, value) {
			return Fact{}, fmt.Errorf("%q isn't one of its values, which are %s", t.text, choices(values))
		}
		return Fact{Field: f, Value: value}, nil
	}
}

var foreignType = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

func readType(t token, _ *time.Location) (Fact, error) {
	if value := fold.Fold(t.text); slices.Contains(types, parlance.Type(value)) {
		return Fact{Field: Type, Value: value}, nil
	}
	if !foreignType.MatchString(t.text) {
		return Fact{}, fmt.Errorf("%q is no message's type: those have at most 64 of letters, digits, and the signs _ . -", t.text)
	}
	return Fact{Field: Type, Value: t.text}, nil
}

func readBefore(t token, zone *time.Location) (Fact, error) {
	d, err := readDate(t.text, zone)
	return Fact{Field: Time, From: earliest, To: d.before()}, err
}

func readAfter(t token, zone *time.Location) (Fact, error) {
	d, err := readDate(t.text, zone)
	return Fact{Field: Time, From: d.after(), To: latest}, err
}

func readDuring(t token, zone *time.Location) (Fact, error) {
	d, err := readDate(t.text, zone)
	switch {
	case err != nil:
	case d.instant:
		err = errors.New("an instant has no length; give a day, a month or a year")
	case d.begin.Equal(d.end):
		err = fmt.Errorf("clocks in %s were moved over the whole of %s", zone, t.text)
	}
	return Fact{Field: Time, From: d.before(), To: d.after()}, err
}
