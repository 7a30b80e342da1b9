// Package files keeps the files that messages mention: it fetches them while their addresses still work, stores
// each content once, and knows of every address what became of it.
//
// It hides how files lie on disk, which addresses are never asked, how a failure is repeated, in which rows
// of the store all that is recorded, and how an address is signed that anybody may read who was given it.
//
// Three parts can be used alone. A [Folder] keeps contents by their SHA-256. A [Fetcher] reads one address into a
// folder, from the internet as hostile as it is. An [Archive] joins them with the records, one for each address and
// workspace. Contents may be shared by workspaces; records, and so all that can be found and served, never are.
//
// A crash between two steps leaves either a content that no record names, which the next try finds
// again, or an address that is known to be wanted.
package files

import (
	"strings"

	"parlance"
)

// A Mention is an address that a message names.
type Mention struct {
	Conversation parlance.ConversationID
	Message      parlance.MessageID
	Address      string        // http or https; one that begins with a slash is on the source's own host
	Name         string        // of the file; may be empty
	Type         parlance.Type // TypeImage, TypeFile, TypeAudio, TypeVideo or TypeSticker; empty: not known
}

// Mentions returns what a message mentions: its attachments, their smaller pictures, and the picture of a
// sticker. Addresses that no file can be fetched from, such as data: and mailto:, are left out, as are attachments above [parlance.MaxAttachments].
func Mentions(c parlance.ConversationID, m *parlance.Message) []Mention {
	var all []Mention
	add := func(address, name string, t parlance.Type) {
		if fetchable(address) {
			all = append(all, Mention{c, m.ID, address, name, t})
		}
	}
	for _, a := range m.Attachments[:min(len(m.Attachments), parlance.MaxAttachments)] {
		add(a.URL, a.Name, a.Type)
		if a.Thumb != a.URL {
			add(a.Thumb, "", parlance.TypeImage)
		}
	}
	add(m.Sticker, "", parlance.TypeSticker)
	return all
}

// fetchable reports whether address looks as if there were a file.
func fetchable(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) ||
		strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//")
}
