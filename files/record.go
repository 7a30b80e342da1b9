package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"parlance"
	"parlance/store"
)

// A State says what became of an address.
type State string

// The states.
const (
	Kept    State = "fetched" // its file is in the folder
	Failed  State = "failed"  // it is tried again
	Refused State = "refused" // it isn't fetched: its address, type or size isn't allowed
	Gone    State = "gone"    // its host says that there is no such file any more
)

// A Key names an address within its workspace: the first 16 bytes of its SHA-256, in hexadecimal digits.
type Key string

// KeyOf returns the address's key.
func KeyOf(address string) Key {
	h := sha256.Sum256([]byte(address))
	return Key(hex.EncodeToString(h[:16]))
}

// A Record is what is known of one address.
type Record struct {
	Address      string                  `json:"address"`
	Source       string                  `json:"source,omitempty"` // whose messages mention it
	Conversation parlance.ConversationID `json:"conversation"`     // of the mention that came first
	Message      parlance.MessageID      `json:"message"`
	State        State                   `json:"state"`
	Sum          Sum                     `json:"sha256,omitzero"` // of Kept only, as are the next three
	Size         int64                   `json:"size,omitempty"`
	Type         string                  `json:"type,omitempty"` // media type
	Name         string                  `json:"name,omitempty"` // may be empty
	Time         parlance.Time           `json:"time"`           // of the last try
	Tries        int                     `json:"tries"`
	Error        string                  `json:"error,omitempty"`  // of the last try
	Next         parlance.Time           `json:"next,omitempty"`   // of Failed only: not to be tried before
	Expect       parlance.Type           `json:"expect,omitempty"` // what the message calls it

	silent bool // the last try got no answer
}

// mention returns what the record is about.
func (r *Record) mention() Mention {
	return Mention{r.Conversation, r.Message, r.Address, r.Name, r.Expect}
}

// Collections. All are one workspace's. Those with many records are cut to parts by the beginning of the key, so that
// none grows large.
const parts = 256

func partOf(k Key) string { return string(k[:2]) }

// records has what became of each address, by its key.
func records(ws parlance.WorkspaceID, part string) string {
	return "file/" + string(ws) + "/" + part
}

// paths has addresses on the platform's own host by the key of their path.
func paths(ws parlance.WorkspaceID, part string) string {
	return "file-path/" + string(ws) + "/" + part
}

// unsettled has groups of mentions of which some may not have been fetched.
func unsettled(ws parlance.WorkspaceID) string { return "file-unsettled/" + string(ws) }

// keys has the key with which a workspace's addresses are signed.
func keys(ws parlance.WorkspaceID) string { return "file-key/" + string(ws) }

// Collections returns everything that a store keeps for package files in some workspaces, for who copies or compares
// stores. A file's path comes before its record, as they are written.
func Collections(ws ...parlance.WorkspaceID) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		for _, w := range ws {
			names := []string{keys(w), unsettled(w)}
			for i := range parts {
				part := fmt.Sprintf("%02x", i)
				names = append(names, paths(w, part), records(w, part))
			}
			for _, name := range names {
				if !yield(store.Collection{Name: name}, nil) {
					return
				}
			}
		}
	}
}

// filePath returns the path "/files/BUCKET/ID" of an address, if that is all that its path has behind the origin's. Anything else on the
// platform's host, such as /x/files/BUCKET/ID, is another thing, and not to be found under the name of this one.
func filePath(u, origin *url.URL) (path string, ok bool) {
	path, ok = strings.CutPrefix(u.EscapedPath(), strings.TrimRight(origin.EscapedPath(), "/"))
	if !ok {
		return "", false
	}
	bucket, id, ok := strings.Cut(strings.TrimPrefix(path, "/files/"), "/")
	return path, ok && strings.HasPrefix(path, "/files/") && plainName(bucket) && plainName(id)
}

// plainName reports whether s is one step of a path that every server reads in the same way.
func plainName(s string) bool {
	return s != "" && strings.Trim(s, ".") != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}
