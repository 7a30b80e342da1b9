package parlance

// A Message is one message in its common form, at one version.
//
// Store and dialects treat a Message as a value that is not changed once it was
// handed over; its slices may be shared.
type Message struct {
	ID     MessageID
	Sender AccountID

	// SenderName is the name that was shown with the message; empty if the
	// platform gave none. Role is what the sender was in the conversation.
	SenderName string
	Role       Role

	// Acting is who really acted in the sender's name, such as the staff
	// member behind a shop; empty if not known or the same.
	Acting AccountID

	Type        Type
	Text        string // as written, byte for byte
	Attachments []Attachment
	Location    *Location // of TypeLocation
	Sticker     string    // of TypeSticker: the platform's name of it, or a URL

	Reply     MessageID // the message of this conversation that it answers; empty if none
	Thread    string    // the topic inside the conversation; empty if none
	Mentions  []AccountID
	Reactions []Reaction // in the order in which they were given

	State State

	Sent    Time // when its author sent it
	Created Time // when the platform recorded it
	Updated Time // when it was last changed; at least Created
	Edited  Time // when its content was last edited by its author; zero if never
	Removed Time // when it was recalled or deleted; zero if it is live or that is not known
	// Missing is since when the platform that a mirrored message came from doesn't show it any
	// more; zero if it does, as far as is known. The message is kept as it was.
	Missing Time

	// Seq is the message's place in its source, from 1 (a source that counts
	// from 0 has 1 added); 0 if the source gave none.
	Seq uint32

	// Synthetic names the fields of an imported message that are made up.
	Synthetic []string

	Native Native
}

// Private reports whether only the merchant's staff may see m.
func (m *Message) Private() bool { return m.Type == TypeNote && m.Role.Side() != SideNone }

// Position returns m's place in the given timeline of its conversation.
func (m *Message) Position(t Timeline) Position {
	switch t {
	case BySent:
		return Position{Time: m.Sent, ID: m.ID}
	case ByUpdated:
		return Position{Time: m.Updated, ID: m.ID}
	default:
		return Position{Time: m.Created, ID: m.ID}
	}
}

// A Timeline names one of the three orders in which a conversation can be read.
type Timeline uint8

// The timelines: by (Created, ID), by (Sent, ID) and by (Updated, ID).
const (
	ByCreated Timeline = iota
	BySent
	ByUpdated
)

// String returns "created", "sent" or "updated".
func (t Timeline) String() string {
	switch t {
	case BySent:
		return "sent"
	case ByUpdated:
		return "updated"
	default:
		return "created"
	}
}

// A Type says what kind of content a message has. Types beyond the constants are
// a platform's own and are kept as they are.
type Type string

// The common types.
const (
	TypeText         Type = "text"
	TypeAction       Type = "action" // "/me waves": text told in the third person
	TypeNote         Type = "note"   // in a shop's or order's conversation: for the staff only
	TypeSystem       Type = "system" // written by the platform: joined, left, renamed
	TypeAnnouncement Type = "announcement"
	TypeImage        Type = "image"
	TypeFile         Type = "file"
	TypeAudio        Type = "audio"
	TypeVideo        Type = "video"
	TypeLocation     Type = "location"
	TypeSticker      Type = "sticker"
	TypeCustom       Type = "custom" // only the native form knows
)

// A State says whether a message's content can still be read.
type State uint8

// The states. A recalled message keeps its place and loses its content to
// readers; a deleted one is gone from every page and total. Both keep their
// content as history.
const (
	Live State = iota
	Recalled
	Deleted
)

// String returns "live", "recalled" or "deleted".
func (s State) String() string {
	switch s {
	case Recalled:
		return "recalled"
	case Deleted:
		return "deleted"
	default:
		return "live"
	}
}

// A Role is what an account is in a conversation.
type Role string

// The roles. Owner and Manager are members of a room with more rights.
const (
	Customer   Role = "customer"
	Merchant   Role = "merchant" // the shop itself
	Agent      Role = "agent"    // a person who speaks for the shop
	Bot        Role = "bot"
	SystemRole Role = "system"
	MemberRole Role = "member"
	Manager    Role = "manager"
	Owner      Role = "owner"
)

// Side returns which side of a shop's counter r stands on.
func (r Role) Side() Side {
	switch r {
	case Customer:
		return CustomerSide
	case Merchant, Agent, Bot, SystemRole:
		return MerchantSide
	default:
		return SideNone
	}
}

// A Side is a side of the counter: customer or merchant. Members of a plain room have none.
type Side uint8

// The sides.
const (
	SideNone Side = iota
	CustomerSide
	MerchantSide
)

// An Attachment is a file that came with a message. Only its address is kept here.
type Attachment struct {
	Type     Type   // TypeImage, TypeFile, TypeAudio or TypeVideo
	Name     string // file name; may be empty
	URL      string
	Thumb    string // address of a smaller picture; may be empty
	MIME     string // may be empty
	Size     int64  // bytes; 0 if not known
	Width    int    // pixels; 0 if not known
	Height   int
	Duration Millis // of audio and video; 0 if not known

	// HasSize tells a size of 0 from one that is not known.
	HasSize bool
}

// Millis is a length of time in milliseconds.
type Millis int64

// A Location is a place on earth, in degrees. Its description is the message's text.
type Location struct{ Latitude, Longitude float64 }

// A Reaction is one account's reaction with one emoji, or any other short string.
type Reaction struct {
	Emoji   string
	Account AccountID
}
