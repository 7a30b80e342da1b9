package imetastore

import (
	"context"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// Send sends a message of one element to a buyer. All of in is required. The platform tells neither the message's id nor its time.
//
// An error of kind Unavailable, Broken or ctx's own may mean that the message was sent and only the answer is lost. Who wants to send it
// again should first look for its MsgRandom in the history, and then use the same one.
//
// iMetaStore client, sending: never repeated.
func (c *Client) Send(ctx context.Context, in SendRequest) error {
	switch {
	case in.BuyerID == nil || *in.BuyerID <= 0:
		return parlance.Errorf(parlance.Invalid, "Field buyerId: want an integer above 0.")
	case in.MsgRandom == nil || !isUint32(*in.MsgRandom):
		return parlance.Errorf(parlance.Invalid, "Field msgRandom: want an integer from 0 to %d.", uint32(math.MaxUint32))
	case len(in.MsgBody) != 1 || in.MsgBody[0].MsgType == "":
		return parlance.Errorf(parlance.Invalid, "Field msgBody: want one element with a msgType.")
	}
	content := jsontext.Value(in.MsgBody[0].MsgContent)
	if !content.IsValid() || content.Kind() != '{' {
		return parlance.Errorf(parlance.Invalid, "Field msgContent is no valid JSON object.")
	}
	// What is listed as an array and a text is sent as an object and an object.
	type element struct {
		MsgType    string         `json:"msgType"`
		MsgContent jsontext.Value `json:"msgContent"`
	}
	body, err := json.Marshal(struct {
		BuyerID   Integer `json:"buyerId"`
		MsgRandom Integer `json:"msgRandom"`
		MsgBody   element `json:"msgBody"`
	}{*in.BuyerID, *in.MsgRandom, element{in.MsgBody[0].MsgType, content}})
	if err != nil {
		return parlance.Wrap(parlance.Invalid, err, "write a message")
	}
	_, _, err = c.call(ctx, "/seller/im/send-msg", body)
	return err
}
