package shopline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"parlance"
	"parlance/history"
)

// SourceOptions are a [Source]'s settings. The zero value is good.
type SourceOptions struct {
	// ReturnOrders asks for the conversations about returned orders too. The platform names
	// them and doesn't serve them yet.
	ReturnOrders bool
}

// A Source reads the conversations that a merchant's token sees. It is a
// [history.Source].
//
// It is no [history.Authorizer]: images lie on other hosts and are read without the token.
type Source struct {
	client    *Client
	platforms []Platform

	mu       sync.Mutex // guards what follows
	merchant parlance.AccountID
	listed   map[history.StreamID]listed
}

// listed is what the list told of a conversation, against which its messages are held.
type listed struct {
	customer parlance.AccountID // empty: not told
	order    string             // likewise
	spoken   bool               // it has a last message
}

// told returns what the list told of a conversation, if it was asked.
func (s *Source) told(id history.StreamID) listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listed[id]
}

// whose returns the merchant's id, empty as long as it wasn't asked for.
func (s *Source) whose() parlance.AccountID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.merchant
}

// note keeps what the list told of a conversation.
func (s *Source) note(id history.StreamID, l listed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed[id] = l
}

var _ history.Source = (*Source)(nil)

// NewSource returns the source that c reads.
func NewSource(c *Client, o SourceOptions) *Source {
	s := &Source{client: c, platforms: []Platform{ShopMessages, OrderMessages}, listed: map[history.StreamID]listed{}}
	if o.ReturnOrders {
		s.platforms = append(s.platforms, ReturnOrderMessages)
	}
	return s
}

// lag is how late a message may appear below the newest.
const lag = 5 * time.Minute

// Traits says what is known of the platform.
//
// SHOPLINE mirror, traits: half the documented rate, no known retention.
func (s *Source) Traits() history.Traits {
	return history.Traits{Dialect: parlance.Shopline, Lag: lag, Rest: 24 * time.Hour, Rate: 10}
}

// Account returns the merchant's id, empty where the call is missing.
func (s *Source) Account(ctx context.Context) (string, error) {
	info, err := s.client.TokenInfo(ctx)
	switch {
	case errors.Is(err, parlance.NotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("ask whose token it is: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merchant = info.Merchant.ID
	return string(info.Merchant.ID), nil
}

// Same reports whether a message that was read again says the same as the stored one: whether
// the platform gave the same bytes. What was changed here since doesn't count, and nothing
// is overlooked: the number behind an image's address is when the image was last
// changed, and doesn't move by itself.
//
// SHOPLINE mirror, changes: byte by byte.
func (s *Source) Same(stored, read *parlance.Message) bool {
	return stored.Native.Dialect == parlance.Shopline && bytes.Equal(stored.Native.JSON, read.Native.JSON)
}

// streamID names a conversation of a platform.
func streamID(p Platform, id parlance.ConversationID) history.StreamID {
	return history.StreamID(string(p) + "/" + string(id))
}

// splitStreamID is the way back. The error is of kind NotFound.
func splitStreamID(id history.StreamID) (Platform, parlance.ConversationID, error) {
	platform, conversation, _ := strings.Cut(string(id), "/")
	switch p := Platform(platform); p {
	case ShopMessages, OrderMessages, ReturnOrderMessages:
		if parlance.CheckID("conversation", conversation) == nil {
			return p, parlance.ConversationID(conversation), nil
		}
	}
	return "", "", parlance.Errorf(parlance.NotFound, "%q names no stream of SHOPLINE", id)
}
