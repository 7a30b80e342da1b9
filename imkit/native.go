package imkit

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"parlance"
)

// A mirrored message is shown as its platform wrote it, byte for byte, unless a client couldn't
// read it so: then the fields in question are written anew from what they say, or from the
// common form. What is stored stays as it came: IMKit Messages, mirrored.

// appendNative appends a mirrored message. Only isDeleted is the reader's own.
func (v *view) appendNative(ctx context.Context, b []byte, m *parlance.Message, o object, form messageForm) ([]byte, error) {
	fitted, same, err := v.fitNative(ctx, m, o, form)
	if err != nil {
		return nil, err
	}
	_, marked := o.find("isDeleted")
	if same && !marked {
		b = append(b, strings.TrimSpace(string(m.Native.JSON))...)
	} else {
		b = fitted.without(func(name string) bool { return name == "isDeleted" }).append(b)
	}
	if _, hidden := v.hidden[m.ID]; hidden && form == listed {
		b = append(b[:len(b)-1], `,"isDeleted":true}`...)
	}
	return b, nil
}

// fitNative returns the fields o of a mirrored message as clients can read them, and whether
// they are as they were.
func (v *view) fitNative(ctx context.Context, m *parlance.Message, o object, form messageForm) (object, bool, error) {
	quotes := maxQuotes
	if form == nested {
		quotes = 0
	}
	var failed error
	fitted, same := fitMessage(o, form == nested, quotes, func(field string) json.RawMessage {
		switch field {
		case "_id", "id":
			return appendString(nil, m.ID)
		case "room":
			return appendString(nil, v.ref.Conversation)
		case "message":
			return appendString(nil, m.Text)
		case "mentions":
			return appendMentions(nil, m.Mentions)
		case "reactions":
			return appendReactions(nil, m.Reactions)
		case "reactionCount":
			return strconv.AppendInt(nil, int64(len(m.Reactions)), 10)
		case "createdAtMS":
			return strconv.AppendInt(nil, int64(m.Created), 10)
		case "updatedAtMS":
			return strconv.AppendInt(nil, int64(m.Updated), 10)
		case "messageTimeMS":
			return strconv.AppendInt(nil, int64(m.Sent), 10)
		case "extra":
			if a := mainAttachment(m); a != nil {
				return appendFileExtra(nil, a)
			}
		case "editedAt":
			if !m.Edited.IsZero() {
				return append(m.Edited.Append([]byte{'"'}), '"')
			}
		case "sender":
			var sender json.RawMessage
			sender, failed = v.appendSender(ctx, nil, m)
			return sender
		}
		return nil
	})
	return fitted, same, failed
}

// commonFields are the fields that a message of every type has, what clients can read there, and
// whether a row or a quoted message can't be without.
var commonFields = []struct {
	name        string
	shape       shape
	row, quoted bool
}{
	{"_id", textShape, true, true},
	{"id", textShape, false, false},
	{"room", textShape, true, false},
	{"sender", senderShape, true, true},
	{"message", textShape, false, true},
	{"mentions", textsShape, false, false},
	{"reactions", reactionsShape, false, false},
	{"reactionCount", wholeShape, false, false},
	{"editedAt", momentShape, false, false},
	{"createdAtMS", timeShape, true, false},
	{"updatedAtMS", timeShape, false, false},
	{"messageTimeMS", timeShape, false, false},
	{"isDeleted", boolShape, false, false},
	{"truncated", boolShape, false, false},
	{"data", nothing, false, false}, // IMKit Messages, the key data
}

// maxQuotes is how deep quoted messages may quote others.
const maxQuotes = 2

// fitMessage returns o, a message as another server wrote it, as clients can read it, and
// whether it was so. instead returns what to show in place of a field that is needed or can't be
// read, nil for nothing.
func fitMessage(o object, quoted bool, quotes int, instead func(field string) json.RawMessage) (object, bool) {
	name := sentType(o)
	fitted, same, complete := fit(name, o)
	if !complete {
		if extra := instead("extra"); name == "file" && extra != nil && fitted.has("originalUrl") {
			fitted, same = fitted.with("extra", extra), false
		} else {
			name = otherType(name)
		}
	}
	if given, _ := fitted.text("messageType"); given != name {
		fitted, same = fitted.with("messageType", appendString(nil, name)), false
	}
	for _, f := range commonFields {
		value := fitted.get(f.name)
		_, given := fitted.find(f.name)
		needed := f.row && !quoted || f.quoted && quoted
		if value == nil && !needed && (!given || f.name == "editedAt") { // null: never edited
			continue
		}
		fixed, fits := f.shape.read(value)
		if fits == fine {
			continue
		}
		if fits == wrong {
			if other := instead(f.name); other != nil {
				fixed = other
			}
		}
		fitted, same = fitted.with(f.name, fixed), false
	}
	if reply := fitted.get("reply"); reply != nil {
		if fixed, fits := readQuote(reply, quotes); fits != fine {
			fitted, same = fitted.with("reply", fixed), false
		}
	}
	return fitted, same
}

// readQuote takes what a message quotes: another message, or its id.
func readQuote(v json.RawMessage, quotes int) (json.RawMessage, verdict) {
	if isString(v) {
		return v, fine
	}
	if !isObject(v) || quotes == 0 {
		return nil, wrong
	}
	o, err := parseObject(v)
	if err != nil || idOf(o) == "" {
		return nil, wrong
	}
	fitted, same := fitMessage(o, true, quotes-1, func(field string) json.RawMessage {
		switch field {
		case "_id", "id":
			return appendString(nil, idOf(o))
		case "message":
			return appendString(nil, textOf(o.get("message")))
		case "sender":
			sender := o.get("sender")
			if user, fits := readUserShape(sender); isString(sender) && fits == mended {
				return user
			}
			return appendUser(nil, &User{ID: string(unknownSender), IDAgain: string(unknownSender)})
		}
		return nil
	})
	if same {
		return v, fine
	}
	return fitted.append(nil), mended
}

// The shapes of the fields that the server itself fills in.
var (
	nothing     = shape{"absent", func(json.RawMessage) (json.RawMessage, verdict) { return nil, wrong }}
	senderShape = shape{"a user", func(v json.RawMessage) (json.RawMessage, verdict) {
		user, fits := userObject.read(v)
		if user == nil {
			return nil, wrong
		}
		if o, err := parseObject(user); err != nil || !isString(o.get("_id")) {
			return nil, wrong
		}
		return user, min(fits, mended)
	}}
	momentShape = shape{"an ISO-8601 time", func(v json.RawMessage) (json.RawMessage, verdict) {
		var t time.Time // reads what clients' own libraries read
		if !isString(v) || json.Unmarshal(v, &t) != nil {
			return nil, wrong
		}
		return v, fine
	}}
	timeShape = shape{"a time in milliseconds", func(v json.RawMessage) (json.RawMessage, verdict) {
		whole, fits := readWhole(v)
		if fits == wrong {
			return nil, wrong
		}
		if n, err := strconv.ParseInt(string(whole), 10, 64); err != nil || n < leastMillis || n > int64(parlance.MaxTime) {
			return nil, wrong
		}
		return whole, fits
	}}
	reactionsShape = listOf("a list of reactions", func(v json.RawMessage) (json.RawMessage, verdict) {
		if !isObject(v) {
			return nil, wrong
		}
		o, err := parseObject(v)
		if err != nil || !isString(o.get("client")) || !isString(o.get("reaction")) {
			return nil, wrong
		}
		return v, fine
	})
)
