package imetastore

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"parlance"
)

// ownPrefix begins the native form of messages that were written here: the random that
// the sender chose and, unless the common form gives it back, the body.
//
//	{"random":123456789}
//	{"random":123456789,"body":[{"msgType":"TIMFaceElem","msgContent":"{\"index\":1}"}]}
//
// Everything else under this dialect's name is an item as the platform sent it.
const ownPrefix = `{"random":`

const ownBody = `,"body":`

// ownNative returns the native form of a message written here.
func ownNative(random uint32, es Elements) (parlance.Native, error) {
	b := strconv.AppendUint([]byte(ownPrefix), uint64(random), 10)
	if len(es) != 1 || es[0].MsgType != textElem || !isPlainText(es[0].MsgContent) {
		body, err := json.Marshal(es)
		if err != nil {
			return parlance.Native{}, parlance.Wrap(parlance.Invalid, err, "Field msgBody can't be kept.")
		}
		b = append(append(b, ownBody...), body...)
	}
	return parlance.Native{Dialect: parlance.IMetaStore, JSON: append(b, '}')}, nil
}

// splitOwn takes what ownNative made apart. The body is nil if the common form gives it.
func splitOwn(n *parlance.Native) (random uint32, body []byte, ok bool) {
	if n.Dialect != parlance.IMetaStore {
		return 0, nil, false
	}
	rest, own := bytes.CutPrefix(n.JSON, []byte(ownPrefix))
	rest, closed := bytes.CutSuffix(rest, []byte("}"))
	if !own || !closed {
		return 0, nil, false
	}
	digits, body, _ := bytes.Cut(rest, []byte(ownBody))
	random, ok = parseUint32(string(digits))
	return random, body, ok
}

// isItem reports whether n is an item as the platform sent it.
func isItem(n *parlance.Native) bool {
	return n.Dialect == parlance.IMetaStore && len(n.JSON) > 0 && n.JSON[0] == '{' && !bytes.HasPrefix(n.JSON, []byte(ownPrefix))
}

// MessageOf returns the message that an item of the platform's list stands for, with
// the item kept as its native form. Content that can't be understood makes a custom message
// and no error; an error, of kind Invalid, means that the item is none.
//
// iMetaStore mirrored messages, identity: five fields make the id.
func MessageOf(item []byte) (parlance.Message, error) {
	var it Item
	if err := json.Unmarshal(item, &it, anyCase); err != nil {
		return parlance.Message{}, parlance.Wrap(parlance.Invalid, err, "message can't be read")
	}
	if it.FromAccount == "" || it.ToAccount == "" {
		return parlance.Message{}, parlance.Errorf(parlance.Invalid, "message has no fromAccount or no toAccount")
	}
	sec := secondOf(Integer(it.MsgTimestamp))
	if sec < parlance.MinTime.Seconds() || sec > parlance.MaxTime.Seconds() {
		return parlance.Message{}, parlance.Errorf(parlance.Invalid, "message has the msgTimestamp %d", it.MsgTimestamp)
	}
	m := parlance.Message{
		ID:     MessageIDOf(it.MsgSeq, it.MsgRandom, string(it.FromAccount), string(it.ToAccount)),
		Sender: it.FromAccount,
		Role:   parlance.Merchant,
		Sent:   parlance.TimeOfSeconds(sec),
		Native: parlance.Native{Dialect: parlance.IMetaStore, JSON: slices.Clone(item)},
	}
	if isBuyer(it.FromAccount) {
		m.Role = parlance.Customer
	}
	m.Created, m.Updated = m.Sent, m.Sent
	// What is not understood stays in the native form.
	_ = it.MsgBody.setContent(&m)
	return m, nil
}

// isBuyer reports whether an account is a buyer's: all digits, which a seller's never is.
func isBuyer(a parlance.AccountID) bool {
	_, err := strconv.ParseUint(string(a), 10, 64)
	return err == nil
}

// appendStale appends an item that was changed since it came: its body gives way to the
// common form if that says something else. All other members stay. An item that can't
// be read any more is reported as an error.
//
// iMetaStore mirrored messages, changed: only what changed.
func appendStale(b []byte, m *parlance.Message) ([]byte, error) {
	o, err := splitObject(m.Native.JSON)
	if err != nil {
		return b, fmt.Errorf("take an item apart: %w", err)
	}
	var es Elements
	i := o.index("msgBody")
	if i >= 0 && json.Unmarshal(o[i].value, &es, anyCase) == nil && es.says(m) {
		return append(b, m.Native.JSON...), nil
	}
	if i < 0 {
		i, o = len(o), append(o, member{name: "msgBody"})
	}
	o[i].value = appendBody(nil, m)
	return o.append(b), nil
}

// says reports whether the elements say what m's common form says.
func (es Elements) says(m *parlance.Message) bool {
	var was parlance.Message
	_ = es.setContent(&was) // what is not understood can't have been changed
	same := was.Location == nil && m.Location == nil ||
		was.Location != nil && m.Location != nil && *was.Location == *m.Location
	return same && m.State == parlance.Live && was.Type == m.Type && was.Text == m.Text && was.Sticker == m.Sticker &&
		slices.Equal(was.Attachments, m.Attachments)
}
