package imkit

import "parlance"

// MirrorMessage reads a message of the room as the mirror does.
func MirrorMessage(raw []byte, room parlance.ConversationID) (parlance.Message, error) {
	x, err := mirror(raw, room)
	return x.message, err
}
