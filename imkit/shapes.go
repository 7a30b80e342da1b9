package imkit

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// A verdict says how well a value fits where it stands.
type verdict uint8

const (
	fine   verdict = iota // clients can read it as it is
	mended                // it says something that clients can read once it is written otherwise
	wrong                 // it, or a part of it, is nothing that belongs there
)

// A shape is what clients can read in one place. Its read returns v in that shape, as it
// is if that is fine, and nil if there is nothing to show. Costs are linear in v's length.
type shape struct {
	kind string // completes "must be"
	read func(v json.RawMessage) (json.RawMessage, verdict)
}

// The shapes of single values.
var (
	textShape = shape{"a string", func(v json.RawMessage) (json.RawMessage, verdict) {
		if isString(v) {
			return v, fine
		}
		return nil, wrong
	}}
	boolShape = shape{"true or false", func(v json.RawMessage) (json.RawMessage, verdict) {
		if s := string(v); s == "true" || s == "false" {
			return v, fine
		}
		return nil, wrong
	}}
	numberShape = shape{"a number", readNumber}
	wholeShape  = shape{"a whole number", readWhole}
	labelShape  = shape{"a string or a number", func(v json.RawMessage) (json.RawMessage, verdict) {
		if isString(v) {
			return v, fine
		}
		return readNumber(v)
	}}
)

// The shapes that are made of others.
var (
	userShape        = shape{"a user", readUserShape}
	usersShape       = listOf("a list of users", readUserShape)
	textsShape       = listOf("a list of strings", textShape.read)
	imagesShape      = listOf("a list of objects", objectOf("", imageFields).read)
	templateShape    = shape{"a template with its actions", readTemplate}
	quickReplyShape  = shape{"an object", readQuickReply}
	flexShape        = shape{"a flex container", readFlex}
	extraShape       = shape{"an object, or a string", readExtra}
	systemExtraShape = unfolded(objectOf("an object with lists of users", map[string]shape{"invitees": usersShape, "members": usersShape}))
	mediaExtraShape  = orText(objectOf("an object, or a string that holds one", map[string]shape{
		"fileName": textShape, "fileExtension": textShape, "mimeType": textShape, "bytes": wholeShape,
	}))
	linkExtraShape = orText(objectOf("an object, or a string that holds one", map[string]shape{
		"title": textShape, "description": textShape, "images": textShape,
	}))
	stickerExtraShape = unfolded(objectOf("an object", map[string]shape{"type": textShape, "stickerId": labelShape}))
	paymentExtraShape = unfolded(objectOf("an object", map[string]shape{
		"id": textShape, "type": textShape, "payer": userShape, "payee": userShape, "value": numberShape, "timestamp": numberShape,
		"currency": textShape, "method": textShape, "availableMethods": textsShape, "remark": textShape, "status": numberShape,
	}))
)

var userShapes = map[string]shape{
	"_id": textShape, "id": textShape, "nickname": textShape, "description": textShape, "avatarUrl": textShape,
	"clientType": textShape, "country": textShape, "city": textShape, "isRobot": boolShape, "lastLoginTimeMS": wholeShape,
}

var imageFields = map[string]shape{
	"originalUrl": textShape, "thumbnailUrl": textShape, "width": wholeShape, "height": wholeShape,
}

// everyType are the fields that clients read whatever the type says.
var everyType = map[string]shape{
	"originalUrl": textShape, "thumbnailUrl": textShape, "sticker": textShape, "images": imagesShape,
	"width": wholeShape, "height": wholeShape, "duration": numberShape, "latitude": numberShape, "longitude": numberShape,
	"extra": extraShape,
}

// A need is what clients need of a type beyond [everyType].
type need struct {
	fields map[string]shape
	fill   func(object) object // adds what is missing and can be told from the rest
	has    func(object) bool   // nil: nothing is needed
	other  string              // the type that it is shown as without that; "": text
}

// needs is the table of all types that a client knows: IMKit Messages, safe shapes.
var needs = map[string]need{
	"text":         {},
	"encrypted":    {},
	"announcement": {},
	"recall":       {},
	"joinRoom":     {},
	"leaveRoom":    {},
	"assignAdmin":  {fields: systemFields},
	"url":          {fields: map[string]shape{"url": textShape, "extra": linkExtraShape}},
	"image":        {},
	"mixed":        {},
	"video":        {fields: map[string]shape{"extra": mediaExtraShape}},
	"audio":        {fields: map[string]shape{"extra": mediaExtraShape}},
	"file": {
		fields: map[string]shape{"extra": mediaExtraShape},
		has:    func(o object) bool { return o.has("extra") },
	},
	"location": {has: func(o object) bool { return o.has("latitude") && o.has("longitude") }},
	"sticker": {
		fields: map[string]shape{"extra": stickerExtraShape},
		has: func(o object) bool {
			name, _ := o.text("sticker")
			return name != "" || extraOf(o.get("extra")).has("stickerId")
		},
	},
	"line": {
		fields: map[string]shape{"extra": stickerExtraShape},
		has: func(o object) bool {
			extra := extraOf(o.get("extra"))
			kind, _ := extra.text("type")
			return kind == "sticker" && extra.has("stickerId")
		},
	},
	"template": {
		fields: map[string]shape{"template": templateShape},
		has:    func(o object) bool { return o.has("template") },
	},
	"flex": {
		fields: map[string]shape{"contents": flexShape},
		has:    func(o object) bool { return o.has("contents") },
	},
	"payment":        paymentNeed,
	"payment-select": paymentNeed,
	"addMember": {
		fields: systemFields,
		fill:   func(o object) object { return fillMember(o, "invitees") },
		has:    func(o object) bool { return o.has("member") },
		other:  "announcement",
	},
	"addMembers":        listNeed("invitees"),
	"deleteMember":      listNeed("members"),
	"cancelInvitations": listNeed("invitees"),
	"ai_streaming": {
		fields: map[string]shape{"text": textShape},
		has:    func(o object) bool { return o.has("text") },
	},
	// Only an event of a socket: as a row it would want who is typing.
	"typing": {has: func(object) bool { return false }},
}

var systemFields = map[string]shape{"member": userShape, "extra": systemExtraShape}

var paymentNeed = need{
	fields: map[string]shape{"extra": paymentExtraShape},
	has:    func(o object) bool { return extraOf(o.get("extra")).has("payer") },
}

// listNeed is the need of a system message about the users that extra has below name.
func listNeed(name string) need {
	return need{
		fields: systemFields,
		fill:   func(o object) object { return fillUsers(o, name) },
		has:    func(o object) bool { return len(usersIn(o, name)) > 0 },
		other:  "announcement",
	}
}

// usersIn returns the list name of a message's extra.
func usersIn(o object, name string) []json.RawMessage {
	var users []json.RawMessage
	readList(extraOf(o.get("extra")).get(name), &users)
	return users
}

// shapesOf returns what stands in the way of the shape of field in a message of the type name.
func shapesOf(name, field string) (shape, bool) {
	n, known := needs[name]
	if s, ok := n.fields[field]; ok {
		return s, true
	}
	if s, ok := everyType[field]; ok || !known {
		return s, ok
	}
	switch field { // of other types, but there they are
	case "member":
		return userShape, true
	case "template":
		return quickReplyShape, true
	case "contents":
		return flexShape, true
	}
	return shape{}, false
}

// plainlyWrong refuses fields that a client can't mean: IMKit Messages, safe shapes.
func plainlyWrong(name string, o object) error {
	for _, f := range o {
		s, ok := shapesOf(name, f.name)
		if !ok || string(f.value) == "null" {
			continue
		}
		if _, v := s.read(f.value); v == wrong {
			return badBody(f.name + " must be " + s.kind)
		}
	}
	return nil
}

// fit returns the fields o of a message of the type name in the shapes that clients can
// read, whether they are as they were, and whether the type has what it needs.
func fit(name string, o object) (fitted object, same, complete bool) {
	fitted, same = fitFields(o, func(field string) (shape, bool) { return shapesOf(name, field) })
	n := needs[name]
	if n.fill != nil && !n.has(fitted) {
		if filled := n.fill(fitted); n.has(filled) {
			return filled, false, true
		}
	}
	complete = n.has == nil || n.has(fitted)
	if !same && hasAddress(name, o) && !hasAddress(name, fitted) {
		complete = false
	}
	return fitted, same, complete
}

// hasAddress reports whether a message of media says where they are, or tries to.
func hasAddress(name string, o object) bool {
	switch name {
	case "image", "mixed":
		return o.has("originalUrl") || o.has("images") && string(o.get("images")) != "[]"
	case "video", "audio", "file":
		return o.has("originalUrl")
	}
	return false
}

// otherType is the type that a message of the type name is shown as without what it needs.
func otherType(name string) string {
	if other := needs[name].other; other != "" {
		return other
	}
	return "text"
}

// fitFields returns o with its fields in the shapes that of tells, and whether all were so.
// A field that has nothing to show is left out.
func fitFields(o object, of func(field string) (shape, bool)) (object, bool) {
	var changed object
	same := true
	for i, f := range o {
		s, ok := of(f.name)
		value, v := f.value, fine
		if ok && (string(value) != "null" || f.name == "images") {
			value, v = s.read(f.value)
		}
		if v != fine && same {
			same = false
			changed = append(make(object, 0, len(o)), o[:i]...)
		}
		if !same && value != nil {
			changed = append(changed, field{f.name, value})
		}
	}
	if same {
		return o, true
	}
	return changed, false
}

// fillMember makes member of the first of those whom extra lists below name.
func fillMember(o object, name string) object {
	users := usersIn(o, name)
	if len(users) == 0 {
		return o
	}
	o = o.without(func(field string) bool { return field == "member" })
	return append(o[:len(o):len(o)], field{"member", users[0]})
}

// fillUsers makes the list name of extra of the message's member.
func fillUsers(o object, name string) object {
	member := o.get("member")
	if member == nil {
		return o
	}
	extra := extraOf(o.get("extra")).without(func(field string) bool { return field == name })
	extra.set(name, append(append(json.RawMessage{'['}, member...), ']'))
	o = o.without(func(field string) bool { return field == "extra" })
	return append(o, field{"extra", extra.append(nil)})
}

// readNumber takes numbers, and such in a string.
func readNumber(v json.RawMessage) (json.RawMessage, verdict) {
	var n json.Number // reads both
	if v == nil || json.Unmarshal(v, &n) != nil || n == "" {
		return nil, wrong
	}
	if f, err := n.Float64(); err != nil || math.IsInf(f, 0) {
		return nil, wrong
	}
	if isString(v) {
		return json.RawMessage(n), mended
	}
	return v, fine
}

// maxExact is the first whole number that JavaScript can't tell from the next.
const maxExact = 1 << 53

// readWhole takes whole numbers, written as such, and rounds others.
func readWhole(v json.RawMessage) (json.RawMessage, verdict) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n < maxExact && n > -maxExact && string(v) != "-0" {
		return v, fine
	}
	number, fits := readNumber(v)
	if fits == wrong {
		return nil, wrong
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if f = math.Round(f); err != nil || math.Abs(f) >= maxExact {
		return nil, wrong
	}
	return strconv.AppendInt(nil, int64(f), 10), mended
}

// readUserShape takes users. An id alone stands for a user of whom nothing else is known.
func readUserShape(v json.RawMessage) (json.RawMessage, verdict) {
	if isString(v) {
		var id string
		if json.Unmarshal(v, &id) != nil || id == "" {
			return nil, wrong
		}
		return appendUser(nil, &User{ID: id, IDAgain: id, Nickname: id}), mended
	}
	return userObject.read(v)
}

var userObject = objectOf("a user", userShapes)

// objectOf is the shape of an object whose fields, where it has them, are of these shapes.
func objectOf(kind string, fields map[string]shape) shape {
	return shape{kind, func(v json.RawMessage) (json.RawMessage, verdict) {
		if !isObject(v) {
			return nil, wrong
		}
		o, err := parseObject(v)
		if err != nil {
			return nil, wrong
		}
		worst := fine
		fitted, same := fitFields(o, func(field string) (shape, bool) {
			s, ok := fields[field]
			return shape{s.kind, func(v json.RawMessage) (json.RawMessage, verdict) {
				value, fits := s.read(v)
				worst = max(worst, fits)
				return value, fits
			}}, ok
		})
		switch {
		case same:
			return v, fine
		case len(fitted) == 0:
			return json.RawMessage("{}"), worst
		}
		return fitted.append(nil), worst
	}}
}

// listOf is the shape of a list of what read reads. What isn't that is left out of it.
func listOf(kind string, read func(json.RawMessage) (json.RawMessage, verdict)) shape {
	return shape{kind, func(v json.RawMessage) (json.RawMessage, verdict) {
		var values []json.RawMessage
		if !isArray(v) || json.Unmarshal(v, &values) != nil {
			return nil, wrong
		}
		worst := fine
		list := make([]json.RawMessage, 0, len(values))
		for _, v := range values {
			value, fits := read(v)
			worst = max(worst, fits)
			if value != nil {
				list = append(list, value)
			}
		}
		if worst == fine {
			return v, fine
		}
		return append(append(json.RawMessage{'['}, bytes.Join(rawBytes(list), []byte{','})...), ']'), worst
	}}
}

func rawBytes(values []json.RawMessage) [][]byte {
	all := make([][]byte, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// held returns the object that v holds as text, or v.
func held(v json.RawMessage) (json.RawMessage, bool) {
	var text string
	if !isString(v) || json.Unmarshal(v, &text) != nil {
		return v, false
	}
	return bytes.TrimSpace([]byte(text)), true
}

// unfolded is the shape s where clients don't read text that holds it.
func unfolded(s shape) shape {
	return shape{s.kind, func(v json.RawMessage) (json.RawMessage, verdict) {
		inner, text := held(v)
		value, fits := s.read(inner)
		if text {
			fits = max(fits, mended)
		}
		return value, fits
	}}
}

// orText is the shape s where clients read text that holds it as well.
func orText(s shape) shape {
	return shape{s.kind, func(v json.RawMessage) (json.RawMessage, verdict) {
		inner, _ := held(v)
		value, fits := s.read(inner)
		if fits == fine {
			return v, fine
		}
		return value, fits
	}}
}

// readExtra takes what stands as extra where nothing is known of it: IMKit Messages, kept as sent.
func readExtra(v json.RawMessage) (json.RawMessage, verdict) {
	if isObject(v) || isString(v) {
		return v, fine
	}
	return nil, wrong
}

// maxNesting is how deep templates and flex containers may be nested. Clients draw them by recursion.
const maxNesting = 32

// A tree walks through a template or a flex container and takes out what can't be drawn.
type tree struct{ worst verdict }

// readTree reads v, or the object that it holds as text, and lets walk take out what can't be
// drawn. walk reports whether anything is left.
func readTree(v json.RawMessage, walk func(*tree, map[string]any) bool) (json.RawMessage, verdict) {
	inner, text := held(v)
	if !isObject(inner) || nesting(inner) > maxNesting {
		return nil, wrong
	}
	d := json.NewDecoder(bytes.NewReader(inner))
	d.UseNumber()
	var root map[string]any
	if d.Decode(&root) != nil || d.More() {
		return nil, wrong
	}
	var t tree
	if text {
		t.worst = mended
	}
	if !walk(&t, root) {
		return nil, wrong
	}
	switch {
	case t.worst == fine:
		return v, fine
	case t.worst == mended && text:
		return inner, mended
	}
	b, err := appendJSON(nil, root)
	if err != nil {
		return nil, wrong
	}
	return b, t.worst
}

// nesting returns how deep the objects and lists of v are nested.
func nesting(v json.RawMessage) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// drop takes the field name out of o.
func (t *tree) drop(o map[string]any, name string) {
	delete(o, name)
	t.worst = wrong
}

// texts takes those of the fields out of o that aren't text.
func (t *tree) texts(o map[string]any, names ...string) {
	for _, name := range names {
		if v, there := o[name]; there && v != nil {
			if _, ok := v.(string); !ok {
				t.drop(o, name)
			}
		}
	}
}

// objects reads the list o[name], takes out of it what keep doesn't want or isn't an object,
// and reports whether it is a list.
func (t *tree) objects(o map[string]any, name string, keep func(map[string]any) bool) bool {
	list, ok := o[name].([]any)
	if !ok {
		return false
	}
	kept := make([]any, 0, len(list))
	for _, v := range list {
		if x, ok := v.(map[string]any); ok && keep(x) {
			kept = append(kept, v)
		}
	}
	if len(kept) != len(list) {
		t.worst = wrong
		o[name] = kept
	}
	return true
}

func readTemplate(v json.RawMessage) (json.RawMessage, verdict) {
	return readTree(v, (*tree).template)
}

// template reports whether o can be drawn as a template: every kind has actions, its own or those
// of its columns.
func (t *tree) template(o map[string]any) bool {
	t.texts(o, "type", "title", "text", "thumbnailImageUrl", "altText")
	actions := t.objects(o, "actions", t.action)
	columns := t.objects(o, "columns", t.column)
	for name, there := range map[string]bool{"actions": actions, "columns": columns} {
		if _, given := o[name]; given && !there {
			t.drop(o, name)
		}
	}
	switch kind, _ := o["type"].(string); kind {
	case "carousel", "image_carousel":
		return columns
	case "confirm":
		list, _ := o["actions"].([]any)
		return len(list) > 1 // both are named
	case "buttons":
		return actions
	}
	return actions || columns
}

func (t *tree) action(o map[string]any) bool {
	t.texts(o, "type", "label", "uri", "text", "data", "displayText")
	return true
}

// column reports whether o can be drawn as a column of a carousel, of buttons or of pictures.
func (t *tree) column(o map[string]any) bool {
	t.texts(o, "title", "text", "thumbnailImageUrl", "imageUrl")
	if one, ok := o["action"].(map[string]any); ok {
		t.action(one)
		if _, given := o["actions"]; given && !t.objects(o, "actions", t.action) {
			t.drop(o, "actions")
		}
		return true
	}
	if _, given := o["action"]; given {
		t.drop(o, "action")
	}
	return t.objects(o, "actions", t.action)
}

// readQuickReply reads the template of a message that isn't one: answers to choose from, below it.
func readQuickReply(v json.RawMessage) (json.RawMessage, verdict) {
	return readTree(v, func(t *tree, o map[string]any) bool {
		quick, given := o["quickReply"]
		if !given {
			return true
		}
		q, ok := quick.(map[string]any)
		if !ok || !t.objects(q, "items", func(item map[string]any) bool {
			action, ok := item["action"].(map[string]any)
			return ok && t.action(action)
		}) {
			t.drop(o, "quickReply")
		}
		return true
	})
}

func readFlex(v json.RawMessage) (json.RawMessage, verdict) {
	return readTree(v, func(t *tree, o map[string]any) bool {
		kind, ok := o["type"].(string)
		return ok && t.flex(o) && (kind != "carousel" || o["contents"] != nil)
	})
}

// flex reports whether o can be drawn as a part of a flex container.
func (t *tree) flex(o map[string]any) bool {
	t.texts(o, "type", "layout", "text", "url", "altText")
	for _, block := range []string{"header", "hero", "body", "footer", "action", "styles"} {
		if v, given := o[block]; given {
			if part, ok := v.(map[string]any); !ok || !t.flex(part) {
				t.drop(o, block)
			}
		}
	}
	if _, given := o["contents"]; given && !t.objects(o, "contents", t.flex) {
		t.drop(o, "contents")
	}
	return true
}
