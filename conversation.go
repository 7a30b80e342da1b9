package parlance

// A Kind says what a conversation is about.
type Kind string

// The kinds.
const (
	Room   Kind = "room"   // many people
	Direct Kind = "direct" // two people
	Shop   Kind = "shop"   // a customer and the shop
	Order  Kind = "order"  // about one order or booking
)

// A Conversation is what is known of a conversation besides its messages and members.
type Conversation struct {
	ID       ConversationID
	Kind     Kind
	Title    string
	Platform Dialect // where it comes from; empty if imported
	Created  Time

	// Maker is the user who made it with a token of their own, under an id that they chose; empty if a platform, an
	// import or an administrator did, or if the id was minted here.
	Maker AccountID

	// Customer is the customer of a shop's or order's conversation; empty elsewhere.
	Customer AccountID
	// OrderID and OrderNumber name the order of an order's conversation.
	OrderID, OrderNumber string

	Owner       AccountID
	Description string
	Cover       string // address of a picture
	Tags        []string
	Frozen      bool // takes no new messages

	// Native is the platform's own record, or the fields that this common form lacks.
	Native Native
}

// A Member is an account's part in a conversation.
type Member struct {
	Account AccountID
	Name    string // the name last shown in this conversation; may be empty
	Role    Role
	Joined  Time

	// LastRead is the position, by creation, of the last message that the member
	// has read; zero if none.
	LastRead Position
}

// An Account is what is known of a person, shop, agent or bot.
type Account struct {
	ID          AccountID
	Name        string
	Avatar      string // address of a picture
	Description string
	Bot         bool
	Created     Time
	Updated     Time
	LastLogin   Time
	Native      Native
}
