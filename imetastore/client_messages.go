package imetastore

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/upstream"
)

// A Listing is one page of messages, a [MessageList] as the client reads it.
type Listing struct {
	Count    int64    // msgCnt; -1 if there is none
	Complete bool     // the range is exhausted
	LastTime Integer  // lastMsgTime as it came: milliseconds or seconds; 0 if there is none
	LastKey  string   // lastMsgKey
	Items    [][]byte // each as it came, byte for byte, in the platform's order; [MessageOf] reads them

	// Clock is the platform's time at the answer; zero if it didn't tell.
	Clock parlance.Time
}

// Messages asks for a page of messages: the newest with one buyer, or with all if in.BuyerID is nil, of the time from
// MinTime to MaxTime, both required. It doesn't page; [Source.Walk] does.
func (c *Client) Messages(ctx context.Context, in MessagesRequest) (Listing, error) {
	switch {
	case in.MinTime == nil:
		return Listing{}, missing("minTime")
	case in.MaxTime == nil:
		return Listing{}, missing("maxTime")
	}
	body, err := json.Marshal(in)
	if err != nil {
		return Listing{}, parlance.Wrap(parlance.Invalid, err, "write a request for messages")
	}
	data, clock, err := c.call(ctx, "/seller/im/msg", body)
	if err != nil {
		return Listing{}, err
	}
	l, err := readListing(data)
	l.Clock = clock
	return l, err
}

// readListing reads the data of an answer. The error is of kind Broken.
//
// iMetaStore client, pages: read in whatever type a member has.
func readListing(data []byte) (Listing, error) {
	var in struct {
		MsgCnt      jsontext.Value `json:"msgCnt"`
		Complete    jsontext.Value `json:"complete"`
		LastMsgTime *Integer       `json:"lastMsgTime"`
		LastMsgKey  jsontext.Value `json:"lastMsgKey"`
		MsgList     jsontext.Value `json:"msgList"`
	}
	if len(data) == 0 || data[0] != '{' {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: success without data")
	}
	if err := json.Unmarshal(data, &in, loose); err != nil {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the data can't be read%s", whereIn(err))
	}
	l := Listing{Count: -1}
	var key looseText
	if in.LastMsgKey == nil || key.UnmarshalJSON(in.LastMsgKey) == nil {
		l.LastKey = string(key) // one that isn't UTF-8 couldn't be sent back: time has to do
	} else if in.LastMsgKey.IsValid() {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the data can't be read: field lastMsgKey is of the wrong type")
	}
	var count Integer
	switch {
	case in.MsgCnt == nil || in.MsgCnt.Kind() == 'n':
	case count.UnmarshalJSON(in.MsgCnt) != nil || count < 0:
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the data can't be read: field msgCnt is no number from 0 on")
	default:
		l.Count = int64(count)
	}
	// iMetaStore client, lists: always there.
	if in.Complete == nil {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the answer has no complete")
	}
	var complete flag
	if complete.UnmarshalJSON(in.Complete) != nil {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the data can't be read: field complete is of the wrong type")
	}
	l.Complete = bool(complete)
	if in.LastMsgTime != nil {
		l.LastTime = *in.LastMsgTime
	}
	if in.MsgList.Kind() != '[' {
		return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the answer has no msgList")
	}
	items, err := upstream.Elements(in.MsgList)
	if err != nil {
		return Listing{}, fmt.Errorf("POST /seller/im/msg: %w", err)
	}
	if len(items) == 0 {
		if said := upstream.Remark(data); said != "" {
			name, _, _ := strings.Cut(said, " ")
			return Listing{}, parlance.Errorf(parlance.Broken, "POST /seller/im/msg: the answer has a %s in the place of messages", upstream.Shown(name))
		}
	}
	for _, item := range items {
		l.Items = append(l.Items, item)
	}
	return l, nil
}

// A flag is read from a boolean, the numbers 1 and 0, or a string that holds one of them. Null is false.
type flag bool

// UnmarshalJSON reads a flag.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `"`)) {
	case "1", "true":
		*f = true
	case "0", "false", "null", "":
		*f = false
	default:
		return parlance.Errorf(parlance.Invalid, "want 1 or 0")
	}
	return nil
}
