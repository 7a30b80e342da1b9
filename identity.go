package parlance

import "strings"

// An id belongs to what made it. What a conversation is, and whose, is fixed when it is made: its kind, its platform,
// its customer, its order. Whoever makes one, or mirrors or imports into one, may meet another under the same id; then
// nothing of the one may reach the readers of the other.

// Admits reports, as a [Conflict] error, why other can't be the conversation c, which stands under its id. What one
// of the two doesn't know, because it was imported or comes of little knowledge, is no difference. A conversation that a user made
// under an id of their choice admits only what is the same user's.
func (c *Conversation) Admits(other *Conversation) error {
	switch {
	case other.Kind != c.Kind:
		return c.taken("it is a conversation of kind %s, not %s", c.Kind, other.Kind)
	case c.Platform != "" && other.Platform != "" && c.Platform != other.Platform:
		return c.taken("it comes from %s, not %s", c.Platform, other.Platform)
	case differ(string(c.Customer), string(other.Customer)) && c.Platform+other.Platform != "":
		// An imported conversation may have several customers; which is the first to be seen says nothing.
		return c.taken("it is with another customer")
	case differ(c.OrderID, other.OrderID) && c.Platform != "" && other.Platform != "":
		// What an import calls an order's id is the conversation's.
		return c.taken("it is about another order")
	case c.Maker != "" && c.Maker != other.Maker && c.Maker != other.Owner:
		return c.taken("a user made it here")
	}
	return nil
}

func (c *Conversation) taken(why string, args ...any) error {
	return Errorf(Conflict, "the id %q is another conversation's: "+why, append([]any{c.ID}, args...)...)
}

// differ reports whether both are known and not the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// DerivedForm says of which form an id is that a server works out from something else, or that platforms give; empty if it is of none.
// Nobody but a server may choose such an id: it will be some conversation's that doesn't stand yet. All forms of all dialects are here, since none
// knows the others; each dialect's tests find what it derives among them.
//
//	24 hexadecimal digits  SHOPLINE's and IMKit's own conversations, those that are minted here, and SHOPLINE's
//	                       shop and order conversations that are made here
//	32 hexadecimal digits  an IMKit room of two people
//	any text:digits        iMetaStore's conversation of a seller with a buyer
func DerivedForm(id ConversationID) string {
	s := string(id)
	if strings.Trim(s, hexDigits) == "" {
		switch len(s) {
		case 24:
			return "24 hexadecimal digits"
		case 32:
			return "32 hexadecimal digits"
		}
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && i+1 < len(s) && strings.Trim(s[i+1:], "0123456789") == "" {
		return "a text, a colon and digits"
	}
	return ""
}

const hexDigits = "0123456789abcdefABCDEF"
