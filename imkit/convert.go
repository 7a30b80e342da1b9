package imkit

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"parlance"
)

// types pairs IMKit's message types with the common ones. What isn't here is a
// system message of [systemTypes] or a custom one.
var types = map[string]parlance.Type{
	"text":         parlance.TypeText,
	"url":          parlance.TypeText,
	"encrypted":    parlance.TypeText,
	"image":        parlance.TypeImage,
	"mixed":        parlance.TypeImage,
	"file":         parlance.TypeFile,
	"audio":        parlance.TypeAudio,
	"video":        parlance.TypeVideo,
	"location":     parlance.TypeLocation,
	"sticker":      parlance.TypeSticker,
	"announcement": parlance.TypeAnnouncement,
}

// systemTypes are the types that the platform itself writes.
var systemTypes = map[string]bool{
	"joinRoom": true, "leaveRoom": true, "addMember": true, "addMembers": true,
	"deleteMember": true, "cancelInvitations": true, "assignAdmin": true,
}

// isBase reports whether a message's field is made from the common form, belongs to
// the request or to one reader, or must not be repeated. Such fields aren't kept as sent.
func isBase(name string) bool {
	switch name {
	case "_id", "id", "room", "roomId", "roomID", "sender", "senderId", "message", "mentions",
		"reactions", "reactionCount", "reply", "editedAt", "isDeleted",
		"messageTimeMS", "createdAtMS", "updatedAtMS", "messageTime", "createdAt", "updatedAt",
		"push", "skipTotalBadge", "appID", "__v",
		"data": // IMKit Messages, the key data
		return true
	}
	return false
}

// content turns what a client wrote into the content of m, leaving its id, sender and
// times alone. Fields that the common form lacks go to m.Native: IMKit Messages, kept as sent.
func content(m *parlance.Message, o object) error {
	if _, ok := o.text("messageType"); !ok && o.has("messageType") {
		return badBody("messageType must be a string")
	}
	name := sentType(o)
	switch t, known := types[name]; {
	case known:
		m.Type = t
	case systemTypes[name]:
		m.Type = parlance.TypeSystem
	default:
		m.Type = parlance.TypeCustom
	}
	m.Text = textOf(o.get("message"))
	if err := setMentions(m, o); err != nil {
		return err
	}
	m.Attachments, m.Location, m.Sticker = nil, nil, ""
	switch m.Type {
	case parlance.TypeImage, parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo:
		m.Attachments = attachments(m.Type, o)
	case parlance.TypeLocation:
		m.Location = location(o)
	case parlance.TypeSticker:
		m.Sticker, _ = o.text("sticker")
	}
	rest := o.without(func(f string) bool { return isBase(f) || f == "messageType" })
	if name != typeName(m) || name == "recall" {
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		rest = append(object{{"messageType", quoted}}, rest...)
	}
	m.Native = parlance.Native{}
	if len(rest) > 0 {
		m.Native = parlance.Native{Dialect: parlance.IMKit, JSON: rest.append(nil)}
	}
	return nil
}

// sentType returns the type that o is sent as.
func sentType(o object) string {
	switch name, _ := o.text("messageType"); name {
	case "":
		return "text"
	case "deleteMembers": // no client knows this name
		return "deleteMember"
	default:
		return name
	}
}

// textOf returns a message's text. Anything may be sent as text; what isn't a string
// is taken as its JSON, since clients only read strings: IMKit Messages, text.
func textOf(v json.RawMessage) string {
	var s string
	if v == nil || json.Unmarshal(v, &s) == nil {
		return s
	}
	var short bytes.Buffer
	if json.Compact(&short, v) != nil {
		return string(v)
	}
	return short.String()
}

func setMentions(m *parlance.Message, o object) error {
	m.Mentions = nil
	v := o.get("mentions")
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(v, &m.Mentions); err != nil {
		return badBody("mentions must be a list of user ids")
	}
	if len(m.Mentions) > parlance.MaxMentions {
		return badBody("mentions names too many users")
	}
	for _, id := range m.Mentions {
		if parlance.CheckID("mention", id) != nil {
			return badBody("mentions holds what can't be a user's id")
		}
	}
	return nil
}

// looseImage reads an image whatever its numbers look like.
type looseImage struct {
	OriginalURL  string  `json:"originalUrl"`
	ThumbnailURL string  `json:"thumbnailUrl"`
	Width        float64 `json:"width"`
	Height       float64 `json:"height"`
}

// readImages reads a message's images; what isn't a list of them is none.
func readImages(v json.RawMessage) []looseImage {
	var images []looseImage
	v, _ = imagesShape.read(v)
	if v == nil || json.Unmarshal(v, &images) != nil {
		return nil
	}
	return images
}

// attachments finds the files of a message for the other dialects; its own form is
// kept in any case, so what can't be read here is only left out.
func attachments(t parlance.Type, o object) []parlance.Attachment {
	images := readImages(o.get("images"))
	if len(images) == 0 {
		var flat looseImage
		flat.OriginalURL, _ = o.text("originalUrl")
		flat.ThumbnailURL, _ = o.text("thumbnailUrl")
		flat.Width, flat.Height = number(o.get("width")), number(o.get("height"))
		images = []looseImage{flat}
	}
	extra := extraOf(o.get("extra"))
	var found []parlance.Attachment
	for _, i := range images {
		if i.OriginalURL == "" {
			continue
		}
		a := parlance.Attachment{
			Type: t, URL: i.OriginalURL, Thumb: i.ThumbnailURL,
			Width: pixels(i.Width), Height: pixels(i.Height),
		}
		if t != parlance.TypeImage {
			a.Name, _ = extra.text("fileName")
			if ext, _ := extra.text("fileExtension"); ext != "" && a.Name != "" && !strings.HasSuffix(a.Name, "."+ext) {
				a.Name += "." + ext
			}
			a.MIME, _ = extra.text("mimeType")
			if n := number(extra.get("bytes")); n > 0 && n < 1<<53 {
				a.Size, a.HasSize = int64(n), true
			}
			if sec := number(o.get("duration")); sec > 0 && sec < 1e9 {
				a.Duration = parlance.Millis(math.Round(sec * 1000))
			}
		}
		found = append(found, a)
	}
	return found
}

// extraOf reads the extra field, which may be an object or text that holds one.
func extraOf(v json.RawMessage) object {
	var text string
	if v != nil && json.Unmarshal(v, &text) == nil {
		v = json.RawMessage(text)
	}
	o, err := parseObject(v)
	if err != nil {
		return nil
	}
	return o
}

// number returns a JSON number, or one in a string; 0 if it is neither.
func number(v json.RawMessage) float64 {
	var n json.Number
	if v == nil || json.Unmarshal(v, &n) != nil {
		return 0
	}
	f, err := n.Float64()
	if err != nil {
		return 0
	}
	return f
}

func pixels(f float64) int {
	if f < 0 || f > 1<<20 {
		return 0
	}
	return int(f)
}

func location(o object) *parlance.Location {
	for _, name := range []string{"latitude", "longitude"} {
		if _, fits := readNumber(o.get(name)); fits == wrong {
			return nil
		}
	}
	return &parlance.Location{Latitude: number(o.get("latitude")), Longitude: number(o.get("longitude"))}
}

// typeName returns the IMKit type that m is shown as, by its common form alone. It is
// always one whose fields m can fill, since a message without them breaks clients:
// IMKit Messages, of other platforms.
func typeName(m *parlance.Message) string {
	if m.State == parlance.Recalled {
		return "recall"
	}
	switch m.Type {
	case parlance.TypeAnnouncement, parlance.TypeSystem:
		return "announcement"
	case parlance.TypeImage, parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo:
		switch a := mainAttachment(m); {
		case a == nil:
			return "text"
		case a.Type == parlance.TypeImage && m.Text != "":
			return "mixed"
		case a.Type == parlance.TypeImage || a.Type == parlance.TypeAudio || a.Type == parlance.TypeVideo:
			return string(a.Type) // both sides use the same words
		default:
			return "file"
		}
	case parlance.TypeLocation:
		if l := m.Location; l != nil && !math.IsNaN(l.Latitude+l.Longitude) && !math.IsInf(l.Latitude+l.Longitude, 0) {
			return "location"
		}
	case parlance.TypeSticker:
		if m.Sticker != "" {
			return "sticker"
		}
	case parlance.TypeCustom:
		if m.Text == "" {
			return "custom"
		}
	default:
		if mainAttachment(m) != nil {
			other := *m
			other.Type = parlance.TypeFile
			return typeName(&other)
		}
	}
	return "text"
}

// mainAttachment returns the attachment that decides how m is shown: the first that
// has an address, nil if there is none.
func mainAttachment(m *parlance.Message) *parlance.Attachment {
	for i := range m.Attachments {
		if m.Attachments[i].URL != "" {
			return &m.Attachments[i]
		}
	}
	return nil
}

// shown returns the IMKit type that m is shown as and, of the fields that were kept as
// sent, those that clients can read; and whether the fields that these lack are made from the
// common form: IMKit Messages, safe shapes.
func shown(m *parlance.Message, rest object) (name string, fields object, derive bool) {
	derived := typeName(m)
	if m.State == parlance.Recalled {
		return derived, nil, false
	}
	if len(rest) == 0 {
		return derived, nil, true
	}
	if name = derived; rest.has("messageType") {
		name = sentType(rest)
	}
	rest = rest.without(func(f string) bool { return f == "messageType" })
	fields, _, complete := fit(name, rest)
	switch {
	case complete:
		return name, fields, false
	case name == derived:
		return name, fields, true
	}
	return otherType(name), fields, false
}

func isObject(v json.RawMessage) bool { return len(v) > 0 && v[0] == '{' }
func isArray(v json.RawMessage) bool  { return len(v) > 0 && v[0] == '[' }
