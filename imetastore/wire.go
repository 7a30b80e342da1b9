package imetastore

import (
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// anyCase reads JSON names without regard to case and underscores, so that the names
// of the messaging service behind the platform (MsgType, Text, Download_Flag) are understood.
var anyCase = json.MatchCaseInsensitiveNames(true)

// An Envelope is around every answer.
type Envelope[T any] struct {
	Code string `json:"code"` // "0000" is success
	Msg  string `json:"msg"`
	Time string `json:"time"` // 2025-12-17T13:44:16.000Z
	Data T      `json:"data"` // null in errors; send-msg has none
}

// success is the code of an answer that is no error.
const success = "0000"

// A LoginRequest is the body of POST /seller/auth/login.
type LoginRequest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// A Login is the data of the answer to a [LoginRequest].
type Login struct {
	AccessToken  string `json:"accessToken"`  // JWT, RS256
	TokenType    string `json:"tokenType"`    // "Bearer"
	ExpiresIn    int64  `json:"expiresIn"`    // seconds
	RefreshToken string `json:"refreshToken"` // no call takes it
}

// A MessagesRequest is the body of POST /seller/im/msg.
type MessagesRequest struct {
	BuyerID    *Integer `json:"buyerId"`              // nil: all buyers
	MinTime    *Integer `json:"minTime"`              // seconds, inclusive; required
	MaxTime    *Integer `json:"maxTime"`              // seconds, inclusive; required
	LastMsgKey *string  `json:"lastMsgKey,omitempty"` // of the page before; nil or "" in the first request
}

// A MessageList is the data of the answer to a [MessagesRequest].
type MessageList struct {
	MsgCnt      int    `json:"msgCnt"`      // length of MsgList
	Complete    int    `json:"complete"`    // 1: nothing older remains; 0: more remains
	LastMsgTime int64  `json:"lastMsgTime"` // milliseconds, whole seconds, of the oldest message; 0 if there is none
	LastMsgKey  string `json:"lastMsgKey"`  // cursor; "" if there is no message
	MsgList     []Item `json:"msgList"`     // ascending, never null
}

// An Item is one message.
type Item struct {
	FromAccount  parlance.AccountID `json:"fromAccount"` // a buyer's is its buyerId in decimal
	ToAccount    parlance.AccountID `json:"toAccount"`
	MsgTimestamp int64              `json:"msgTimestamp"` // seconds
	MsgDateTime  string             `json:"msgDateTime"`  // 2025-12-17 14:30:56; ours are UTC
	MsgSeq       uint32             `json:"msgSeq"`
	MsgRandom    uint32             `json:"msgRandom"`
	MsgBody      Elements           `json:"msgBody"`
}

// A SendRequest is the body of POST /seller/im/send-msg.
type SendRequest struct {
	BuyerID   *Integer `json:"buyerId"`   // required
	MsgRandom *Integer `json:"msgRandom"` // 0 to 4294967295; required
	MsgBody   Elements `json:"msgBody"`   // an object or an array
}

// Elements are the parts of a message's body. They are read from an array or from a
// single object, and written as an array.
type Elements []Element

// An Element is one part of a message's body.
type Element struct {
	MsgType    string  `json:"msgType"` // such as TIMTextElem
	MsgContent Content `json:"msgContent"`
}

// Content is an element's content as JSON text. It is read from a string that holds
// the text, or from an object, and written as a string.
type Content string

// UnmarshalJSONFrom reads a string or an object.
func (c *Content) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '"':
		var s string
		if err := json.UnmarshalDecode(d, &s); err != nil {
			return err
		}
		*c = Content(s)
		return nil
	case '{':
		v, err := d.ReadValue()
		*c = Content(v)
		return err
	}
	return wrongKind(d, "an object, or a string that holds one")
}

// UnmarshalJSONFrom reads an array of elements, or one.
func (e *Elements) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '{':
		*e = make(Elements, 1)
		return json.UnmarshalDecode(d, &(*e)[0], d.Options())
	case '[':
		return json.UnmarshalDecode(d, (*[]Element)(e), d.Options())
	}
	return wrongKind(d, "an object or an array")
}

// wrongKind skips a value and returns what was wanted in its place.
func wrongKind(d *jsontext.Decoder, want string) error {
	if err := d.SkipValue(); err != nil {
		return err
	}
	return parlance.Errorf(parlance.Invalid, "want %s", want)
}

// An Integer is an exact 64-bit integer. It is read from a number or a decimal string,
// and written as a number. Fractions and exponents are refused, even of whole value,
// because who writes them may have rounded.
type Integer int64

// UnmarshalJSON reads a number or a decimal string.
func (i *Integer) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 0 && b[0] == '"' {
		u, err := jsontext.AppendUnquote(nil, b)
		if err != nil {
			return err
		}
		s = string(u)
	}
	n, err := parseInteger(s)
	*i = Integer(n)
	return err
}

// parseInteger reads a decimal: an optional minus sign and digits, nothing else.
func parseInteger(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || s[0] == '+' {
		return 0, parlance.Errorf(parlance.Invalid, "want an integer of at most 64 bits, without fraction or exponent")
	}
	return n, nil
}

// A looseText is read from a string or a whole number; null is empty.
type looseText string

// UnmarshalJSON reads a string, an integer of at most 64 bits or null.
func (t *looseText) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
		return nil
	case len(b) > 0 && b[0] == '"':
		u, err := jsontext.AppendUnquote(nil, b)
		*t = looseText(u)
		return err
	}
	_, err := parseInteger(string(b))
	*t = looseText(b)
	return err
}
