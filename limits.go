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

// Bounds of what one message or room that clients write holds.
const (
	MaxElements = 100 // elements of a message's body in iMetaStore
)

// Bounds of what a platform that is mirrored answers.
const (
	MaxUpstreamBody   = 32 << 20  // bytes of one answer, decompressed
	MaxUpstreamHeader = 64 << 10  // bytes of its header
	MaxUpstreamValues = 256 << 10 // JSON values of one answer
	MaxUpstreamDepth  = 100       // levels of its arrays and objects
	MaxUpstreamItems  = 10_000    // messages or conversations of one page
	MaxUpstreamList   = 1_000_000 // conversations of one list
)

// Bounds of credentials.
const (
	MaxCredentials = 1000 // of a workspace, expired ones included

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
