package parlance

// What is taken, kept and answered has a bound, in bytes and in number. Those that more than one
// package obeys, or that a client or an operator can meet, are declared here and nowhere else;
// docs/limits.md says of each what happens beyond it, and a test holds the two together. Bytes are of UTF-8
// unless something else is said. All are inclusive: so much is allowed.

// Bounds of ids and of stored things. [CheckID] obeys the first; the store refuses, as [Invalid],
// whatever is larger than the others.
const (
	MaxID = 512 // bytes of an id of any kind but a workspace's

	// MaxMessage is the largest message, in bytes of its stored form: text, native JSON and all. It is the same on every way
	// in: sent, edited, imported, mirrored. An exported message is a line of at most [MaxLine] bytes, so that it
	// can be imported again.
	MaxMessage = 4 << 20

	MaxAttachments = 1000   // attachments of a message
	MaxReactions   = 10_000 // reactions to a message, each account's and emoji's counted
)

// Bounds of what clients send.
const (
	MaxBody   = 1 << 20   // bytes of a request's body, in every dialect
	MaxDepth  = 64        // arrays and objects in one another in a body, or in JSON that a text of it holds
	MaxValues = 256 << 10 // values and names of such JSON
)

// Bounds of answers.
const (
	MaxPage  = 32 << 20 // bytes of messages on a page: from then on it ends, or shows what is large cut
	MaxShown = 8 << 10  // bytes of a message that is shown cut, or of a text in a list of conversations
	MaxReply = 4 << 10  // bytes of a message that is shown in full inside another one, which answers it
	MaxRooms = 1_000    // rooms of a list in IMKit

	MaxRoomIDs = 10_000   // rooms of a list of ids alone in IMKit
	MaxListed  = 64 << 10 // bytes of a conversation's own record in a list of SHOPLINE

	MaxRewritten = 8 << 10 // different addresses of files that are looked up for one answer
)

// Bounds of the memory of a server.
const (
	MaxInFlight   = 256 << 20  // bytes that requests under way hold together; those of one workspace half as much
	DefaultMemory = 1344 << 20 // bytes of memory that a server tries to stay within, its engine's with it, unless told otherwise
	LeastMemory   = 512 << 20  // the least of these that it can be told
)

// Bounds of what one message, room or account holds that clients write. What was mirrored or imported may hold more: it is
// kept, and shown up to what an answer takes.
const (
	MaxElements = 100 // elements of a message's body in iMetaStore

	MaxName        = 1 << 10  // bytes of a name: of a room, an account, a tag
	MaxAddress     = 4 << 10  // bytes of the address of an account's or a room's picture
	MaxDescription = 4 << 10  // bytes of a description
	MaxRoomFields  = 16 << 10 // bytes of those fields of a room together that are kept as sent

	MaxTags     = 100   // of a room
	MaxMembers  = 5_000 // of a room, when one is made or members are added
	MaxManagers = 1_000 // of a room
	MaxAtOnce   = 1_000 // members added or removed, messages hidden by one request
	MaxHidden   = 5_000 // messages that one account hides in one room

	MaxMentions    = 1_000 // accounts that a message mentions
	MaxReaction    = 128   // bytes of a reaction
	MaxGiven       = 1_000 // reactions of a message that clients give
	MaxReactionsBy = 20    // of them by one account
)

// Bounds of a filter of rooms.
const (
	MaxPattern     = 256        // bytes of a regular expression
	MaxAlternative = 1_000      // texts in a list
	MaxMatching    = 50_000_000 // steps of matching regular expressions for one request
)

// Growth bounds what one account makes the store write with requests that are much smaller than that: each change of a message, such as
// a reaction, writes the whole message anew.
const (
	MaxGrowth       = 32 << 20 // bytes at once
	GrowthPerSecond = 64 << 10 // bytes a second from then on
)

// Bounds of what a platform that is mirrored answers.
const (
	MaxUpstreamBody   = 32 << 20  // bytes of one answer, decompressed
	MaxUpstreamHeader = 64 << 10  // bytes of its header
	MaxUpstreamValues = 256 << 10 // JSON values of one answer
	MaxUpstreamDepth  = 100       // levels of its arrays and objects
	MaxUpstreamItems  = 10_000    // messages or conversations of one page
	MaxUpstreamList   = 1_000_000 // conversations of one list
	SmallAnswer       = 1 << 20   // bytes of an answer that is read at any time
	MaxLargeReadings  = 2         // readings of a process that have larger answers in memory
	MaxSecretFile     = 64 << 10  // bytes of the file with an upstream's credential
)

// Bounds of credentials.
const (
	MaxCredentials = 1000 // of a workspace, expired ones included
	MaxLinkKeys    = 10   // keys of a workspace that signed addresses are good by

	MaxTokenConversations = 100 // conversations that a read token names

	WrongLoginsHere    = 5       // at once, of an e-mail at one address
	WrongLoginsAddress = 20      // at once, at one address
	WrongLoginsEmail   = 30      // at once, of an e-mail at all addresses
	MaxLoginsCounted   = 1 << 16 // e-mails, addresses, and pairs of them whose wrong logins are counted
)

// Bounds of files that are imported and exported.
const (
	MaxLine  = 32 << 20 // bytes of one line, without its end
	MaxTitle = 1 << 20  // bytes of a conversation's title in a line
)

// Bounds of attachments: files that messages name and a mirror fetches.
const (
	MaxFile           = 100 << 20 // bytes of one
	MaxFilesWorkspace = 64 << 30  // bytes of the contents of one workspace, unless it is set
	MaxFilesAll       = 256 << 30 // bytes of the folder of all of them, unless it is set
	FilesReserve      = 512 << 20 // bytes of the disk that they leave free, unless it is set
	MaxQueuedFiles    = 10_000    // addresses that wait in a run's memory for being fetched
)
