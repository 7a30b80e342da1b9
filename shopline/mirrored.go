package shopline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// Times from oldestTime on and before newestTime are taken for the platform's. Others
// come from a unit that was mixed up or a field that was never set.
const (
	oldestTime parlance.Time = 631152000000  // 1990
	newestTime parlance.Time = 4102444800000 // 2100
)

// MessageOf returns the message that an item of the platform's list stands for, with
// the item kept as its native form, byte for byte. An error, of kind Invalid, means that the
// item can't be kept as a message; what could be read of ID, sender and times is
// returned with it. The error holds nothing of the item's content.
//
// SHOPLINE mirror, items: what can't be read is set aside.
func MessageOf(item []byte) (parlance.Message, error) {
	it, err := Raw[Item]{JSON: item}.Read()
	if err != nil {
		return known(item), err
	}
	m, err := it.message()
	if err != nil {
		return known(item), err
	}
	switch {
	case m.Created < oldestTime || m.Created >= newestTime:
		err = parlance.Errorf(parlance.Invalid, "message has created_at in the year %d", m.Created.Std().Year())
	case !isObject(item):
		err = parlance.Errorf(parlance.Invalid, "message is not a JSON object")
	case bytes.HasPrefix(item, []byte(requestPrefix)):
		err = parlance.Errorf(parlance.Invalid, "message begins with a member that no message has")
	default:
		err = checkIDs(&m)
	}
	if err != nil {
		return known(item), err
	}
	m.Native = parlance.Native{Dialect: parlance.Shopline, JSON: bytes.Clone(item)}
	return m, nil
}

func checkIDs(m *parlance.Message) error {
	if err := checkID("id", m.ID); err != nil {
		return err
	}
	if err := checkID("sender_id", m.Sender); err != nil {
		return err
	}
	if m.Acting != "" {
		return checkID("acting_sender_id", m.Acting)
	}
	return nil
}

// checkID is [parlance.CheckID] for what came as JSON, in which bytes that are no UTF-8 and halves of surrogate pairs were read as U+FFFD. Of a text that is harmless;
// two ids could become one.
func checkID[ID ~string](what string, id ID) error {
	if strings.ContainsRune(string(id), utf8.RuneError) {
		return parlance.Errorf(parlance.Invalid, "%s is not UTF-8", what)
	}
	return parlance.CheckID(what, id)
}

// known returns what can be told of an item that is no message as it stands. Its time is
// zero unless it is a likely one.
func known(item jsontext.Value) parlance.Message {
	var it struct {
		ID      jsontext.Value `json:"id"`
		Message jsontext.Value `json:"message"`
	}
	var body struct {
		SenderID  jsontext.Value `json:"sender_id"`
		CreatedAt jsontext.Value `json:"created_at"`
	}
	if json.Unmarshal(item, &it, asSent) != nil {
		return parlance.Message{}
	}
	if json.Unmarshal(it.Message, &body, asSent) != nil {
		body.SenderID, body.CreatedAt = nil, nil
	}
	var m parlance.Message
	if id := parlance.MessageID(words(it.ID)); checkID("id", id) == nil {
		m.ID = id
	}
	if id := parlance.AccountID(words(body.SenderID)); checkID("sender_id", id) == nil {
		m.Sender = id
	}
	if t, err := createdOf(&Body{CreatedAt: words(body.CreatedAt)}); err == nil && t >= oldestTime && t < newestTime {
		m.Sent, m.Created, m.Updated = t, t, t
	}
	return m
}

// ConversationOf returns the conversation that an item of the platform's list stands
// for. Its native form is the item without its last message, member for member, so that it
// stays the same while nothing but messages arrive; one in which a member is there twice
// has none. A record of which only the id can be read makes a conversation of which little is known. An error, of
// kind Invalid, means that there is no id.
//
// SHOPLINE mirror, conversations: the record without its last message.
func ConversationOf(item []byte) (parlance.Conversation, error) {
	it, err := Raw[ConversationItem]{JSON: item}.Read()
	if err != nil { // whatever is wrong with the rest, it can be walked if it has an id
		var least struct {
			ID   parlance.ConversationID `json:"id"`
			Type jsontext.Value          `json:"type"`
		}
		if json.Unmarshal(item, &least, asSent) != nil {
			return parlance.Conversation{}, err
		}
		it = ConversationItem{ID: least.ID, Type: Platform(words(least.Type))}
	}
	if err := checkID("conversation id", it.ID); err != nil {
		return parlance.Conversation{}, err
	}
	c := parlance.Conversation{
		ID:          it.ID,
		Kind:        parlance.Shop,
		Platform:    parlance.Shopline,
		OrderID:     it.OrderID,
		OrderNumber: it.OrderNumber,
	}
	if it.Type == OrderMessages || it.Type == ReturnOrderMessages {
		c.Kind = parlance.Order
	}
	if c.OrderNumber == "" {
		c.OrderNumber = it.SystemOrderNumber
	}
	if checkID("customer_id", it.CustomerID) == nil {
		c.Customer = it.CustomerID
	}
	if o, err := splitObject(item); err == nil {
		o.drop("last_message")
		c.Native = parlance.Native{Dialect: parlance.Shopline, JSON: o.append(nil)}
	}
	return c, nil
}

// hintOf returns what changes when the list shows another last message, empty if it
// shows none. It holds nothing of the message's content.
func hintOf(l *LastMessage) string {
	if l == nil {
		return ""
	}
	h := sha256.New()
	for _, s := range []string{string(l.ID), l.CreatedAt, l.Value} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// lastMessageIn returns the last message in an item of the list of conversations, nil if
// there is none that can be read.
func lastMessageIn(item jsontext.Value) *LastMessage {
	var it struct {
		LastMessage *LastMessage `json:"last_message"`
	}
	if json.Unmarshal(item, &it, asSent) != nil {
		return nil
	}
	return it.LastMessage
}
