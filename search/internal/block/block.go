// Package block knows what stands in a block of the index: it hides how terms, postings and columns are written, and gives sets of documents for
// what is looked up.
//
// A block is made once, of at most [MaxDocuments] versions of messages, and never changes. Its documents are ordered by (Created, conversation,
// message, version) and numbered from 0. It consists of pages of at most about 16 KiB, in sections; a page is found by its section and number. The pages are
// a pure function of the documents: whoever makes the block again, or merges it with others, comes to the same bytes.
//
//	Directory  the first term of each page of Terms
//	Terms      terms, ascending, each with its postings; those of more than ChunkDocuments documents in several
//	Columns    of PageDocuments documents each: when, which conversation and entry, who, what flags
//	Threads    the conversations of the block
//	Senders    those who wrote its documents
package block

import (
	"cmp"
	"context"
	"crypto/sha256"
	"strings"

	"parlance"
)

// Bounds of a block.
const (
	MaxDocuments   = 1 << 20
	ChunkDocuments = 1 << 16 // documents whose postings are looked at together
	PageDocuments  = 1 << 10 // documents of a page of Columns, and of a bit of a fact's postings
	pageBytes      = 16 << 10
)

// A Section is a kind of pages.
type Section byte

// The sections.
const (
	Directory Section = 'd'
	Terms     Section = 't'
	Columns   Section = 'o'
	Threads   Section = 'c'
	Senders   Section = 's'
)

// Sections are all of them.
var Sections = [...]Section{Directory, Terms, Columns, Threads, Senders}

// A Document is one version of a message, as the index sees it.
type Document struct {
	Name
	Thread Thread
	Sender Sender
	Flags  Flags
	Folded string // the text, as package fold makes it
}

// A Name names a version of a message, and orders: by time, conversation, message, version.
type Name struct {
	Created      parlance.Time
	Conversation parlance.ConversationID
	First        uint64 // number, in the conversation's log, of the message's first entry
	Number       uint64 // of this version's; at least First
}

// Compare orders names ascending.
func (n Name) Compare(m Name) int {
	return cmp.Or(cmp.Compare(n.Created, m.Created), strings.Compare(string(n.Conversation), string(m.Conversation)),
		cmp.Compare(n.First, m.First), cmp.Compare(n.Number, m.Number))
}

// A Thread is what is known of a document's conversation.
type Thread struct {
	ID       parlance.ConversationID
	Kind     parlance.Kind
	Platform parlance.Dialect
}

// A Sender is who wrote a document.
type Sender struct {
	ID, Acting parlance.AccountID
	Name       string // folded
}

// Flags say what is known of a document. The low four bits are a type, see FlagsOf.
type Flags uint32

// The flags.
const (
	typeMask Flags = 1<<4 - 1

	HasFile Flags = 1 << (iota + 3) // any attachment
	HasImage
	HasAudio
	HasVideo
	HasLink
	HasPlace
	Edited
	Recalled
	Deleted
	Private
)

// types are the common ones; the place in it is what Flags hold. Others have the last place.
var types = [...]parlance.Type{
	parlance.TypeText, parlance.TypeAction, parlance.TypeNote, parlance.TypeSystem, parlance.TypeAnnouncement, parlance.TypeImage,
	parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo, parlance.TypeLocation, parlance.TypeSticker, parlance.TypeCustom,
}

// TypeFlags returns the flags of a type, and whether they are that type's alone.
func TypeFlags(t parlance.Type) (f Flags, alone bool) {
	for i, other := range types {
		if t == other {
			return Flags(i), true
		}
	}
	return typeMask, false
}

// Type returns the part of f that TypeFlags made.
func (f Flags) Type() Flags { return f & typeMask }

// FlagsOf returns the flags of a message whose text folds to folded.
func FlagsOf(m *parlance.Message, folded string) Flags {
	f, _ := TypeFlags(m.Type)
	set := func(is bool, flag Flags) {
		if is {
			f |= flag
		}
	}
	set(len(m.Attachments) > 0, HasFile)
	kinds := func(t parlance.Type) {
		set(t == parlance.TypeImage, HasImage)
		set(t == parlance.TypeAudio, HasAudio)
		set(t == parlance.TypeVideo, HasVideo)
	}
	kinds(m.Type)
	for i := range m.Attachments {
		kinds(m.Attachments[i].Type)
	}
	set(strings.Contains(folded, "http://") || strings.Contains(folded, "https://"), HasLink)
	set(m.Location != nil, HasPlace)
	set(m.Edited != 0, Edited)
	set(m.State == parlance.Recalled, Recalled)
	set(m.State == parlance.Deleted, Deleted)
	set(m.Private(), Private)
	return f
}

// A Descriptor is what is known of a block without reading any of its pages.
type Descriptor struct {
	Documents int
	Low, High parlance.Time      // of Created, both inclusive
	Pages     [len(Sections)]int // how many each of Sections has
	Bytes     int64              // of all pages
	Sum       [sha256.Size]byte  // of all pages, in order
}

// pages returns how many pages a section has.
func (d *Descriptor) pages(s Section) int {
	for i, other := range Sections {
		if s == other {
			return d.Pages[i]
		}
	}
	return 0
}

// Put takes a page of a block that is being made. The bytes are its to keep.
type Put func(ctx context.Context, s Section, number int, page []byte) error

// Get returns a page of a block; an error of kind [parlance.Corrupt] if it isn't there.
type Get func(ctx context.Context, s Section, number int) ([]byte, error)

// A writer writes pages and describes them.
type writer struct {
	put  Put
	desc Descriptor
	sums [len(Sections)][]byte
}

func (w *writer) page(ctx context.Context, s Section, page []byte) error {
	for i, other := range Sections {
		if s != other {
			continue
		}
		number := w.desc.Pages[i]
		w.desc.Pages[i]++
		w.desc.Bytes += int64(len(page))
		sum := sha256.Sum256(page)
		w.sums[i] = append(w.sums[i], sum[:]...)
		return w.put(ctx, s, number, page)
	}
	return nil
}

// end returns the description of what was written.
func (w *writer) end() Descriptor {
	h := sha256.New()
	for _, sums := range w.sums {
		h.Write(sums)
	}
	h.Sum(w.desc.Sum[:0])
	return w.desc
}
