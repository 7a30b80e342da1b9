package imetastore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"parlance"
	"parlance/access"
	"parlance/internal/body"
	"parlance/store"
)

// sendMessage answers POST /seller/im/send-msg: sends a message to a buyer. The answer
// has no data.
func (s *Server) sendMessage(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	arrived := s.store.Now()
	var in SendRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	m, random, err := in.message()
	if err != nil {
		return err
	}
	account, err := s.buyerAccount(ctx, who.Workspace, *in.BuyerID)
	if err != nil {
		return err
	}
	m.ID = sentID(arrived, who.Workspace.Seller, account, random)
	m.Sender, m.Role = who.Workspace.Seller, parlance.Merchant
	ref, known, err := s.conversationFor(ctx, who.Workspace, account, *in.BuyerID, m.ID)
	if err != nil {
		return err
	}
	if !known {
		if _, err := s.store.Put(ctx, ref, store.Send, m); err != nil {
			return fmt.Errorf("store a message: %w", err)
		}
	}
	s.succeed(w, nil)
	return nil
}

// message returns the content of what is sent, and the random that the sender chose.
//
// iMetaStore sending, msgRandom: required.
func (in *SendRequest) message() (parlance.Message, uint32, error) {
	var m parlance.Message
	switch {
	case in.BuyerID == nil:
		return m, 0, missing("buyerId")
	case in.MsgRandom == nil:
		return m, 0, missing("msgRandom")
	case *in.MsgRandom < 0 || *in.MsgRandom > math.MaxUint32:
		return m, 0, parlance.Errorf(parlance.Invalid, "Field msgRandom: want an integer from 0 to %d.", uint32(math.MaxUint32))
	case len(in.MsgBody) == 0:
		return m, 0, missing("msgBody")
	case len(in.MsgBody) > parlance.MaxElements:
		return m, 0, parlance.Errorf(parlance.Invalid, "Field msgBody: at most %d elements are taken.", parlance.MaxElements)
	}
	random := uint32(*in.MsgRandom)
	custom := 0
	for i := range in.MsgBody {
		e := &in.MsgBody[i]
		if e.MsgType == "" {
			return m, 0, missing("msgBody.msgType")
		}
		if e.MsgContent == "" {
			return m, 0, missing("msgBody.msgContent")
		}
		if err := body.Check([]byte(e.MsgContent)); err != nil {
			return m, 0, parlance.Wrap(parlance.Invalid, err, "Field msgContent: %s.", err)
		}
		var err error
		if e.MsgContent, err = wireKeys(e.MsgContent); err != nil {
			return m, 0, err
		}
		if e.MsgType == customElem {
			custom++
		}
	}
	if custom > 1 {
		return m, 0, parlance.Errorf(parlance.Invalid, "Field msgBody: at most one element may be a %s.", customElem)
	}
	if err := in.MsgBody.setContent(&m); err != nil {
		return m, 0, err
	}
	native, err := ownNative(random, in.MsgBody)
	m.Native = native
	return m, random, err
}

// sentID returns the id of a message that is sent: the same for the same parties and random inside
// one second.
//
// iMetaStore sending, repeated: stored once.
func sentID(at parlance.Time, seller, buyer parlance.AccountID, random uint32) parlance.MessageID {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(at.Seconds()))
	h := sha256.Sum256([]byte(string(seller) + "\x00" + string(buyer) + "\x00" + strconv.FormatUint(uint64(random), 10)))
	copy(b[4:], h[:8])
	return parlance.MessageID(hex.EncodeToString(b[:]))
}

// conversationFor returns the conversation into which a message to the buyer goes, made if there
// is none; or that the message of this id is there already.
//
// iMetaStore sending, conversation: the most recent one of this platform first.
func (s *Server) conversationFor(ctx context.Context, ws access.Workspace, buyer parlance.AccountID, n Integer, id parlance.MessageID) (ref parlance.Ref, known bool, err error) {
	ref.Workspace = ws.ID
	all, err := s.conversationsOf(ctx, ws, buyer)
	if err != nil {
		return ref, false, err
	}
	var shops []parlance.Conversation
	for _, c := range all {
		if c.Kind == parlance.Shop {
			shops = append(shops, c)
		}
	}
	switch len(shops) {
	case 0:
		ref, err = s.createFor(ctx, ws, buyer, n)
		return ref, false, err
	case 1:
		ref.Conversation = shops[0].ID
		return ref, false, nil
	}
	// Which is the most recent may have changed since the first copy came.
	for _, c := range shops {
		ref.Conversation = c.ID
		_, err := s.store.Versions(ctx, ref, id)
		if err == nil {
			return ref, true, nil
		}
		if !errors.Is(err, parlance.NotFound) {
			return ref, false, fmt.Errorf("look for an earlier copy: %w", err)
		}
	}
	ref.Conversation = ""
	for sum, err := range s.store.Recent(ctx, ws.ID, store.List{Account: buyer}) {
		if err != nil {
			return ref, false, fmt.Errorf("list a buyer's conversations: %w", err)
		}
		c := &sum.Conversation
		if !contains(shops, c.ID) {
			continue
		}
		if c.Platform == parlance.IMetaStore {
			ref.Conversation = c.ID
			break
		}
		if ref.Conversation == "" {
			ref.Conversation = c.ID
		}
	}
	if ref.Conversation == "" {
		ref.Conversation = shops[0].ID // its buyer is no member of any
	}
	return ref, false, nil
}

// createFor makes the conversation of the seller with a buyer. Both steps can be
// repeated, by others at the same time too.
func (s *Server) createFor(ctx context.Context, ws access.Workspace, buyer parlance.AccountID, n Integer) (parlance.Ref, error) {
	c, members := chatOf(ws.Seller, buyer, n, s.store.Now())
	ref := parlance.Ref{Workspace: ws.ID, Conversation: c.ID}
	if err := parlance.CheckID("conversation", c.ID); err != nil {
		return ref, err
	}
	_, err := s.store.Create(ctx, ws.ID, c)
	if errors.Is(err, parlance.Conflict) {
		return ref, parlance.Wrap(parlance.Conflict, err, "Another conversation has the name of the one with this buyer.")
	}
	if err != nil {
		return ref, fmt.Errorf("create a conversation: %w", err)
	}
	if err := s.store.AddMembers(ctx, ref, members...); err != nil {
		return ref, fmt.Errorf("add the members of a conversation: %w", err)
	}
	return ref, nil
}

// chatOf returns the conversation of a seller with a buyer, whose number on the wire is n, and its two members. Since is when it was
// made; zero if that isn't known.
func chatOf(seller, buyer parlance.AccountID, n Integer, since parlance.Time) (parlance.Conversation, []parlance.Member) {
	c := parlance.Conversation{
		ID:   parlance.ConversationID(string(seller) + ":" + strconv.FormatInt(int64(n), 10)),
		Kind: parlance.Shop, Platform: parlance.IMetaStore, Customer: buyer, Created: since,
	}
	members := []parlance.Member{
		{Account: seller, Role: parlance.Merchant, Joined: since},
		{Account: buyer, Role: parlance.Customer, Joined: since},
	}
	return c, members
}
