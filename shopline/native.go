package shopline

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/access"
)

// requestPrefix begins the native form of a message that was written here with fields
// that no answer shows. Everything else under this dialect's name is an item as the
// platform sent it.
const requestPrefix = `{"request":`

// A requestExtra is what a request to send said besides what its message says. It is
// kept with the message and never served.
type requestExtra struct {
	SenderEmail string         `json:"sender_email,omitzero"`
	RefData     jsontext.Value `json:"ref_data,omitzero"`
	CustomData  jsontext.Value `json:"custom_data,omitzero"`
}

// native returns the native form of a message written here; it is empty if the common
// form says everything. The error is of kind Invalid.
func (x requestExtra) native() (parlance.Native, error) {
	for name, v := range map[string]*jsontext.Value{"ref_data": &x.RefData, "custom_data": &x.CustomData} {
		switch v.Kind() {
		case '{':
		case 'n', 0:
			*v = nil
		default:
			return parlance.Native{}, parlance.Errorf(parlance.Invalid, "%s is of the wrong type", name)
		}
	}
	if x.SenderEmail == "" && x.RefData == nil && x.CustomData == nil {
		return parlance.Native{}, nil
	}
	b, err := json.Marshal(struct {
		Request requestExtra `json:"request"`
	}{x})
	if err != nil {
		return parlance.Native{}, parlance.Wrap(parlance.Invalid, err, "request can't be kept")
	}
	return parlance.Native{Dialect: parlance.Shopline, JSON: b}, nil
}

// appendMessage appends m as an item of platform p: as the platform sent it if it came
// from there, else made from the common form.
//
// SHOPLINE messages, mirrored: byte for byte.
func (x *itemSpace) appendMessage(b []byte, ws access.Workspace, p Platform, m *parlance.Message) []byte {
	mirrored := m.Native.Dialect == parlance.Shopline && !bytes.HasPrefix(m.Native.JSON, []byte(requestPrefix))
	if mirrored && !m.Native.Stale && isObject(m.Native.JSON) {
		return append(b, m.Native.JSON...)
	}
	it := x.itemOf(ws, p, m)
	if mirrored && m.Native.Stale {
		return appendStale(b, &it, m)
	}
	return appendItem(b, &it)
}

// asSent reads JSON of the platform's that need only be grammatical: it is served as it
// came, and judging it is up to the reader.
var asSent = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// isObject reports whether b is a JSON object, so that it can't break the page around it.
func isObject(b jsontext.Value) bool { return b.Kind() == '{' && b.IsValid(asSent) }

// appendStale appends a mirrored message that was changed since: the native item with
// those members replaced in which it says something else than the common form. Members
// that we don't know are kept. A native item that can't be read gives way to it.
func appendStale(b []byte, it *Item, m *parlance.Message) []byte {
	merged, err := mergeStale(it, m)
	if err != nil {
		return appendItem(b, it)
	}
	return append(b, merged...)
}

// senderMembers are the members of a [Body] that say who sent it and when.
var senderMembers = []string{"sender_id", "sender_type", "acting_sender_id", "is_sent_by_merchant", "created_at"}

func mergeStale(it *Item, m *parlance.Message) ([]byte, error) {
	var old Item
	if err := json.Unmarshal(m.Native.JSON, &old, asSent); err != nil {
		return nil, err
	}
	was, err := old.message()
	if err != nil {
		return nil, err
	}
	item, err := splitObject(m.Native.JSON)
	if err != nil {
		return nil, err
	}
	body, err := splitObject(item.get("message"))
	if err != nil {
		return nil, err
	}

	if m.State != parlance.Live { // whatever else the platform said of it goes with its content
		body = slices.DeleteFunc(body, func(m member) bool { return !slices.Contains(senderMembers, m.name) })
	}
	if was.Sender != m.Sender || was.Role != m.Role || was.Acting != m.Acting {
		body.set("sender_id", appendString(nil, it.Message.SenderID))
		body.set("sender_type", appendString(nil, it.Message.SenderType))
		body.set("acting_sender_id", []byte("null"))
		if acting := it.Message.ActingSenderID; acting != nil {
			body.set("acting_sender_id", appendString(nil, *acting))
		}
		body.set("is_sent_by_merchant", strconv.AppendBool(nil, it.Message.IsSentByMerchant))
	}
	if was.Created != m.Created {
		body.set("created_at", appendString(nil, it.Message.CreatedAt))
	}
	wasText, wasImage := contentOf(&was)
	text, image := contentOf(m)
	if wasText != text {
		body.drop("content")
		if c := it.Message.Content; c != nil {
			body.set("content", appendContent(nil, c))
		}
	}
	if wasImage != image {
		body.drop("attachment")
		if a := it.Message.Attachment; a != nil {
			body.set("attachment", appendAttachment(nil, a))
		}
	}
	if it.Type != "" && old.Type != it.Type {
		item.set("type", appendString(nil, it.Type))
	}
	item.set("message", body.append(nil))
	return item.append(nil), nil
}

// appendListed appends a conversation to the list: the platform's own record if it came
// from there, with what we know better in its place, else the common form.
func appendListed(b []byte, it *ConversationItem, native parlance.Native) []byte {
	if native.Dialect != parlance.Shopline {
		return appendConversation(b, it)
	}
	var old ConversationItem
	if json.Unmarshal(native.JSON, &old, asSent) != nil {
		return appendConversation(b, it)
	}
	o, err := splitObject(native.JSON)
	if err != nil {
		return appendConversation(b, it)
	}
	if native.Stale {
		if old.CustomerID != it.CustomerID {
			o.set("customer_id", appendString(nil, it.CustomerID))
		}
		if old.OrderNumber != it.OrderNumber {
			o.set("order_number", appendString(nil, it.OrderNumber))
		}
		if old.OrderID != it.OrderID {
			o.set("order_id", appendString(nil, it.OrderID))
		}
	}
	if l := it.LastMessage; l != nil && (old.LastMessage == nil || old.LastMessage.CreatedAt != l.CreatedAt || old.LastMessage.Value != l.Value) {
		o.set("last_message", appendLastMessage(nil, l))
	}
	return o.append(b)
}

// A member is one name of a JSON object with its value.
type member struct {
	name  string
	value jsontext.Value
}

// An object is a JSON object in its written order.
type object []member

// splitObject returns the members of a JSON object, whose names must differ: what is
// replaced or dropped must be gone. Their values are copies.
func splitObject(b []byte) (object, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowInvalidUTF8(true))
	if k := d.PeekKind(); k != '{' {
		return nil, parlance.Errorf(parlance.Corrupt, "native form is not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var o object
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		o = append(o, member{key, value.Clone()})
	}
	_, err := d.ReadToken()
	return o, err
}

// get returns the value of the named member, nil if there is none.
func (o object) get(name string) jsontext.Value {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// set gives the named member a value, at its place or else at the end.
func (o *object) set(name string, value []byte) {
	for i, m := range *o {
		if m.name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

// drop takes the named member out.
func (o *object) drop(name string) {
	for i, m := range *o {
		if m.name == name {
			*o = slices.Delete(*o, i, i+1)
			return
		}
	}
}

func (o object) append(b []byte) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, m.name)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}
