package format

// A Mode says where messages come from, which decides about their times.
type Mode uint8

// The modes.
const (
	// Send: a new message written here. Created and Updated become now, strictly
	// above every Created that the conversation has (unless a source with a wrong
	// clock dated one more than a day ahead: then above all given here). Sent
	// becomes Created unless it is set. An empty ID is minted. If the ID exists
	// already, the first copy wins and nothing is stored.
	Send Mode = iota
	// Import: Sent stays. Created becomes Sent or the first free millisecond
	// above it, so that times alone can page the conversation.
	Import
	// Mirror: all times stay as the platform gave them, ties and all.
	Mirror
)
