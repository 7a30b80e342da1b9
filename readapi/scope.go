package readapi

import (
	"slices"

	"parlance"
	"parlance/search"
)

// admits reports whether anything of a conversation may be read.
func (who *asker) admits(id parlance.ConversationID, kind parlance.Kind) bool {
	s := who.Reading
	return (len(s.Conversations) == 0 || slices.Contains(s.Conversations, id)) && (len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind))
}

// shows reports whether a message of a conversation that is admitted may be read.
func (who *asker) shows(m *parlance.Message) bool {
	s := who.Reading
	return m.Created >= s.From && (s.To == 0 || m.Created < s.To) && (s.Private || !m.Private())
}

// scope is what a search for somebody may find.
func (who *asker) scope() search.Scope {
	s := who.Reading
	return search.Scope{Conversations: s.Conversations, Kinds: s.Kinds, From: s.From, To: s.To, Public: !s.Private, History: s.History}
}
