package imkit_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// A reader does with an answer what the official clients do with it, and notes where one of them
// would throw or fail to parse. It is written from the contract of the clients and knows nothing of
// how the server makes its answers.
type reader struct{ broken []string }

func (r *reader) fail(path, format string, args ...any) {
	r.broken = append(r.broken, path+" "+fmt.Sprintf(format, args...))
}

// decode reads JSON with numbers as they are written.
func decode(b []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func (r *reader) text(path string, v any) string {
	s, ok := v.(string)
	if !ok {
		r.fail(path, "is no string: %v", v)
	}
	return s
}

// optional runs read on the field unless it is absent or null.
func optional(o map[string]any, path, name string, read func(string, any)) {
	if v := o[name]; v != nil {
		read(path+"."+name, v)
	}
}

func (r *reader) optionalTexts(o map[string]any, path string, names ...string) {
	for _, name := range names {
		optional(o, path, name, func(path string, v any) { r.text(path, v) })
	}
}

// integer is Dart's cast to int: 1.0 and 1e3 are no integers.
func (r *reader) integer(path string, v any) {
	n, ok := v.(json.Number)
	if _, err := n.Int64(); !ok || err != nil {
		r.fail(path, "is no int: %v", v)
	}
}

func (r *reader) number(path string, v any) {
	n, ok := v.(json.Number)
	if f, err := n.Float64(); !ok || err != nil || math.IsInf(f, 0) {
		r.fail(path, "is no number: %v", v)
	}
}

func (r *reader) object(path string, v any) map[string]any {
	o, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "is no object: %v", v)
	}
	return o
}

func (r *reader) list(path string, v any) []any {
	l, ok := v.([]any)
	if !ok {
		r.fail(path, "is no list: %v", v)
	}
	return l
}

// objects is a loop over a list that dereferences each element.
func (r *reader) objects(path string, v any, each func(path string, o map[string]any)) {
	for i, v := range r.list(path, v) {
		path := fmt.Sprintf("%s[%d]", path, i)
		if o := r.object(path, v); o != nil && each != nil {
			each(path, o)
		}
	}
}

func (r *reader) texts(path string, v any) {
	for i, v := range r.list(path, v) {
		r.text(fmt.Sprintf("%s[%d]", path, i), v)
	}
}

func (r *reader) user(path string, v any) {
	o := r.object(path, v)
	r.optionalTexts(o, path, "_id", "id", "nickname", "description", "avatarUrl", "clientType")
	optional(o, path, "lastLoginTimeMS", r.integer)
	optional(o, path, "isRobot", r.boolean)
}

func (r *reader) boolean(path string, v any) {
	if _, ok := v.(bool); !ok {
		r.fail(path, "is no bool: %v", v)
	}
}

// message reads a row of a page or a room's last message.
func (r *reader) message(path string, v any) {
	o := r.object(path, v)
	if o == nil {
		return
	}
	r.text(path+"._id", o["_id"])
	r.text(path+".room", o["room"])
	r.integer(path+".createdAtMS", o["createdAtMS"])
	if sender := r.object(path+".sender", o["sender"]); sender != nil {
		r.text(path+".sender._id", sender["_id"])
	}
	r.content(path, o)
	optional(o, path, "reply", func(path string, v any) {
		if _, id := v.(string); !id {
			r.quoted(path, v)
		}
	})
}

// quoted reads a message that another one quotes.
func (r *reader) quoted(path string, v any) {
	o := r.object(path, v)
	if o == nil {
		return
	}
	r.text(path+"._id", o["_id"])
	r.text(path+".messageType", o["messageType"])
	r.text(path+".message", o["message"])
	r.object(path+".sender", o["sender"])
	r.content(path, o)
	optional(o, path, "reply", func(path string, v any) {
		if _, id := v.(string); !id {
			r.quoted(path, v)
		}
	})
}

// content reads what rows and quoted messages have in common.
func (r *reader) content(path string, o map[string]any) {
	kind := r.text(path+".messageType", o["messageType"])
	r.optionalTexts(o, path, "id", "room", "message", "editedAt", "sticker", "originalUrl", "thumbnailUrl")
	for _, name := range []string{"createdAtMS", "updatedAtMS", "messageTimeMS", "reactionCount", "width", "height"} {
		optional(o, path, name, r.integer)
	}
	for _, name := range []string{"duration", "latitude", "longitude"} {
		optional(o, path, name, r.number)
	}
	optional(o, path, "sender", r.user)
	optional(o, path, "mentions", r.texts)
	optional(o, path, "reactions", func(path string, v any) {
		r.objects(path, v, func(path string, o map[string]any) {
			r.text(path+".client", o["client"])
			r.text(path+".reaction", o["reaction"])
		})
	})
	if images, given := o["images"]; given {
		r.objects(path+".images", images, func(path string, o map[string]any) {
			r.optionalTexts(o, path, "originalUrl", "thumbnailUrl")
			optional(o, path, "width", r.integer)
			optional(o, path, "height", r.integer)
		})
	}
	if o["data"] != nil {
		r.fail(path, "holds data")
	}
	optional(o, path, "extra", func(path string, v any) {
		if _, text := v.(string); !text {
			r.object(path, v)
		}
	})
	r.byType(path, kind, o)
}

// byType reads what only messages of one type have.
func (r *reader) byType(path, kind string, o map[string]any) {
	extra := path + ".extra"
	switch kind {
	case "addMember":
		r.user(path+".member", o["member"])
		optional(o, path, "extra", func(path string, v any) {
			optional(r.object(path, v), path, "invitees", r.users)
		})
	case "addMembers":
		r.users(extra+".invitees", r.object(extra, o["extra"])["invitees"])
		optional(o, path, "member", r.user)
	case "deleteMember":
		r.users(extra+".members", r.object(extra, o["extra"])["members"])
		optional(o, path, "member", r.user)
	case "deleteMembers", "typing":
		r.fail(path, "no client knows rows of the type %s", kind)
	case "payment", "payment-select":
		e := r.object(extra, o["extra"])
		r.user(extra+".payer", e["payer"])
		optional(e, extra, "payee", r.user)
		optional(e, extra, "availableMethods", r.texts)
		optional(e, extra, "value", r.number)
	case "sticker":
		if o["sticker"] == nil || o["sticker"] == "" {
			if r.object(extra, o["extra"])["stickerId"] == nil {
				r.fail(path, "is a sticker without one")
			}
		}
	case "line":
		if e := r.object(extra, o["extra"]); e["type"] != "sticker" || e["stickerId"] == nil {
			r.fail(extra, "is no sticker of LINE's: %v", e)
		}
	case "file":
		if o["extra"] == nil {
			r.fail(path, "is a file without extra")
		}
		r.media(path, o)
	case "audio", "video":
		r.media(path, o)
	case "location":
		r.number(path+".latitude", o["latitude"])
		r.number(path+".longitude", o["longitude"])
	case "template":
		r.template(path+".template", r.object(path+".template", o["template"]))
	case "flex":
		if c := r.object(path+".contents", o["contents"]); c != nil {
			r.text(path+".contents.type", c["type"])
			if c["type"] == "carousel" {
				r.list(path+".contents.contents", c["contents"])
			}
			r.flex(path+".contents", c)
		}
	case "ai_streaming":
		r.text(path+".text", o["text"])
	case "text":
		optional(o, path, "template", func(path string, v any) {
			if t := r.object(path, v); t["quickReply"] != nil {
				path += ".quickReply"
				r.objects(path+".items", r.object(path, t["quickReply"])["items"], func(path string, o map[string]any) {
					r.action(path+".action", r.object(path+".action", o["action"]))
				})
			}
		})
	}
}

func (r *reader) users(path string, v any) {
	r.objects(path, v, func(path string, o map[string]any) { r.user(path, o) })
}

// media parses extra, be it an object or text that holds one.
func (r *reader) media(path string, o map[string]any) {
	optional(o, path, "extra", func(path string, v any) {
		if text, ok := v.(string); ok {
			var err error
			if v, err = decode([]byte(text)); err != nil {
				r.fail(path, "is text that isn't JSON: %q", text)
				return
			}
		}
		e := r.object(path, v)
		r.optionalTexts(e, path, "fileName", "fileExtension", "mimeType")
		optional(e, path, "bytes", r.integer)
	})
}

func (r *reader) action(path string, o map[string]any) {
	r.optionalTexts(o, path, "type", "label", "uri", "text", "data")
}

func (r *reader) template(path string, o map[string]any) {
	r.optionalTexts(o, path, "type", "title", "text", "thumbnailImageUrl")
	actions := func(path string, o map[string]any) { r.objects(path+".actions", o["actions"], r.action) }
	switch o["type"] {
	case "confirm":
		actions(path, o)
		if l, _ := o["actions"].([]any); len(l) < 2 {
			r.fail(path, "asks to confirm with %d actions", len(l))
		}
	case "carousel", "image_carousel":
		r.objects(path+".columns", o["columns"], func(path string, o map[string]any) {
			r.optionalTexts(o, path, "title", "text", "thumbnailImageUrl", "imageUrl")
			if o["action"] != nil {
				r.action(path+".action", r.object(path+".action", o["action"]))
				return
			}
			actions(path, o)
		})
	default:
		if o["columns"] == nil {
			actions(path, o)
		}
	}
}

func (r *reader) flex(path string, o map[string]any) {
	r.optionalTexts(o, path, "type", "layout", "text", "url")
	for _, block := range []string{"header", "hero", "body", "footer", "action"} {
		if v, given := o[block]; given {
			if part := r.object(path+"."+block, v); part != nil {
				r.flex(path+"."+block, part)
			}
		}
	}
	if v, given := o["contents"]; given {
		r.objects(path+".contents", v, r.flex)
	}
}

// room reads a room, of a list or by itself.
func (r *reader) room(path string, v any) {
	o := r.object(path, v)
	if o == nil {
		return
	}
	r.text(path+"._id", o["_id"])
	r.text(path+".id", o["id"])
	r.optionalTexts(o, path, "name", "cover", "description", "roomType", "webhook", "botState")
	r.integer(path+".createdTimeMS", o["createdTimeMS"])
	for _, name := range []string{"unread", "status", "opening", "serviceStatus"} {
		optional(o, path, name, r.integer)
	}
	for _, name := range []string{"muted", "isMentioned", "isSuperuser", "botMode", "encrypted"} {
		optional(o, path, name, r.boolean)
	}
	optional(o, path, "roomTags", r.texts)
	optional(o, path, "managers", r.texts)
	optional(o, path, "owner", r.user)
	if text, given := o["extParams"]; given {
		if v, err := decode([]byte(r.text(path+".extParams", text))); err == nil && v == nil {
			r.fail(path, "extParams are null")
		}
	}
	r.objects(path+".members", o["members"], func(path string, o map[string]any) {
		for _, name := range []string{"_id", "id", "nickname"} {
			r.text(path+"."+name, o[name])
		}
		if o["clientType"] != "user" {
			r.fail(path, "is a member of no type")
		}
		r.user(path, o)
	})
	r.objects(path+".memberProperties", o["memberProperties"], func(path string, o map[string]any) {
		r.text(path+".client", o["client"])
		r.optionalTexts(o, path, "lastRead", "role")
		optional(o, path, "badge", r.integer)
	})
	if last := o["lastMessage"]; last != nil {
		r.message(path+".lastMessage", last)
	}
	r.object(path+".pref", o["pref"])
	if o["data"] != nil {
		r.fail(path, "holds data")
	}
}
