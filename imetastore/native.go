package imetastore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/upstream"
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

// A looseItem is an [Item] as it may come: whole numbers as texts, accounts as numbers, and a body that is
// looked at later.
type looseItem struct {
	FromAccount  looseText      `json:"fromAccount"`
	ToAccount    looseText      `json:"toAccount"`
	MsgTimestamp Integer        `json:"msgTimestamp"` // seconds or milliseconds; 0: not told
	MsgSeq       Integer        `json:"msgSeq"`
	MsgRandom    Integer        `json:"msgRandom"`
	MsgBody      jsontext.Value `json:"msgBody"`
}

// MessageOf returns the message that an item of the platform's list stands for, with
// the item kept as its native form. Content that can't be understood makes a custom message
// and no error; an error, of kind Invalid, means that the item is none: it isn't JSON, or one of the five
// fields that tell messages apart can't be read.
//
// iMetaStore mirrored messages, identity: five fields make the id.
func MessageOf(item []byte) (parlance.Message, error) {
	m, _, err := readItem(item)
	return m, err
}

// readItem is MessageOf, and tells to whom the message went.
func readItem(item []byte) (m parlance.Message, to parlance.AccountID, err error) {
	var it looseItem
	if err := json.Unmarshal(item, &it, loose); err != nil {
		return m, "", unreadable(err)
	}
	if err := once(item); err != nil {
		return m, "", err
	}
	if it.FromAccount == "" || it.ToAccount == "" {
		return m, "", parlance.Errorf(parlance.Invalid, "message has no fromAccount or no toAccount")
	}
	sec := secondOf(it.MsgTimestamp)
	if sec == 0 || sec < parlance.MinTime.Seconds() || sec > parlance.MaxTime.Seconds() {
		return m, "", parlance.Errorf(parlance.Invalid, "message has the msgTimestamp %d", it.MsgTimestamp)
	}
	if !isUint32(it.MsgSeq) || !isUint32(it.MsgRandom) {
		return m, "", parlance.Errorf(parlance.Invalid, "message has the msgSeq %d and the msgRandom %d", it.MsgSeq, it.MsgRandom)
	}
	m = parlance.Message{
		ID:     MessageIDOf(sec, uint32(it.MsgSeq), uint32(it.MsgRandom), string(it.FromAccount), string(it.ToAccount)),
		Sender: parlance.AccountID(it.FromAccount),
		Role:   parlance.Merchant,
		Sent:   parlance.TimeOfSeconds(sec),
		Native: parlance.Native{Dialect: parlance.IMetaStore, JSON: slices.Clone(item)},
	}
	if err := parlance.CheckID("message id", m.ID); err != nil { // covers both accounts
		return parlance.Message{}, "", err
	}
	if _, ok := buyerNumber(m.Sender); ok {
		m.Role = parlance.Customer
	}
	m.Created, m.Updated = m.Sent, m.Sent
	// What is not understood stays in the native form.
	_ = readBody(it.MsgBody).setContent(&m)
	return m, parlance.AccountID(it.ToAccount), nil
}

// unreadable is the error of an item that can't be read. It tells which field, and nothing of the content.
func unreadable(err error) error {
	where := whereIn(err)
	if where == "" {
		where = ": not a JSON object"
	}
	return parlance.Errorf(parlance.Invalid, "message can't be read%s", where)
}

// whereIn tells at which field of a platform's answer reading failed, for the end of an error's text; empty if that isn't
// known. The cause itself could tell of the content.
func whereIn(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return ": field " + upstream.Shown(fieldOf(semantic.JSONPointer)) + " is of the wrong type"
	}
	return ""
}

// itemNames are the names of a looseItem.
var itemNames = []string{"fromAccount", "toAccount", "msgTimestamp", "msgSeq", "msgRandom", "msgBody"}

// once returns an error if an item says one of what is read of it twice: which of the two holds can't be told.
func once(item []byte) error {
	o, err := splitObject(item, loose)
	if err != nil {
		return unreadable(err)
	}
	for _, name := range itemNames {
		if i := o.index(name); i >= 0 && o[i+1:].index(name) >= 0 {
			return parlance.Errorf(parlance.Invalid, "message has %s twice", name)
		}
	}
	return nil
}

func isUint32(i Integer) bool { return i >= 0 && i <= math.MaxUint32 }

// readBody reads a message's body as far as it can be read: an array of elements, or one. What is no element becomes one
// of no type, so that it is seen that there was something.
func readBody(body jsontext.Value) Elements {
	if len(body) == 0 {
		return nil
	}
	values := []jsontext.Value{body}
	if body.Kind() == '[' {
		values = nil
		if json.Unmarshal(body, &values, loose) != nil {
			return Elements{{}}
		}
	}
	es := make(Elements, len(values))
	for i, v := range values {
		if json.Unmarshal(v, &es[i], loose) != nil {
			es[i] = Element{}
		}
	}
	return es
}

// buyerNumber returns the number that a buyer's account is on the wire: above 0, in decimal digits without a zero before
// them. A seller's account never is one.
func buyerNumber(a parlance.AccountID) (Integer, bool) {
	n, err := strconv.ParseInt(string(a), 10, 64)
	return Integer(n), err == nil && n > 0 && strconv.FormatInt(n, 10) == string(a)
}

// appendStale appends an item that was changed since it came: its body gives way to the
// common form if that says something else. All other members stay. An item that can't
// be read any more is reported as an error.
//
// iMetaStore mirrored messages, changed: only what changed.
func appendStale(b []byte, m *parlance.Message) ([]byte, error) {
	o, err := splitObject(m.Native.JSON, loose)
	if err != nil {
		return b, fmt.Errorf("take an item apart: %w", err)
	}
	i := o.index("msgBody")
	if i >= 0 && readBody(o[i].value).says(m) {
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
