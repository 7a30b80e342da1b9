package search

import (
	"parlance"
	"parlance/search/internal/block"
	"parlance/search/query"
)

// Covers reports whether a conversation is among those that a request searches: the scope has it, and the query's facts
// of conversations don't exclude it.
func (r *Request) Covers(id parlance.ConversationID, kind parlance.Kind, platform parlance.Dialect) bool {
	t := block.Thread{ID: id, Kind: kind, Platform: platform}
	return r.Scope.admits(&t) && may(r.Query.Root(), &row{thread: t, nothingElse: true})
}

// ofConversations reports whether a field is about conversations.
func ofConversations(f query.Field) bool {
	return f == query.Conversation || f == query.Kind || f == query.Platform
}
