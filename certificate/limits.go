package certificate

import (
	"fmt"
	"slices"
	"strings"

	"parlance/mirror"
)

// limits returns what the statement doesn't claim. It has to be said where the claims are.
func (st *Statement) limits() []string {
	all := []string{
		`What is stated of a conversation was so when it was last checked ("checked"). Nothing is claimed of what came, or was changed or deleted, since.`,
		`What the platform counts ("total"), and that a history begins where the platform showed its beginning ("beginning"), is the platform's own word.`,
		`It is about what the platform shows to the account of each source. What it doesn't show to that account is not known here.`,
		`Of a message that was edited or deleted on the platform before it was first read, only what the platform showed then is here.`,
		`The times "issued", "checked" and those of reading are by the archive's own clock.`,
		`The log's hash names what stands in the archive; it is no proof of when that was written.`,
		`Whose key signed it can't be seen from the certificate: it has to be learned from the key's owner in some other way.`,
	}
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if st.Named {
		say("It is about the conversations that it names, and claims nothing of others.")
	}
	var named, unlisted, stopped []string
	for _, s := range st.Sources {
		if s.Failed != "" {
			stopped = append(stopped, string(s.Name))
		}
		switch {
		case s.Named:
			named = append(named, string(s.Name))
		case s.Listed == 0:
			unlisted = append(unlisted, string(s.Name))
		}
	}
	if len(named) > 0 {
		say("Only conversations that it was told of are read by %s. Whether the account has others (on iMetaStore: whether there are other buyers) is not known and can't be proven.",
			strings.Join(named, ", "))
	}
	if len(unlisted) > 0 {
		say("The platform's list of conversations was never read to its end by %s: there may be conversations that are not named here.", strings.Join(unlisted, ", "))
	}
	if len(stopped) > 0 {
		say(`The last run was stopped before its end ("last_error") for %s: conversations that it didn't come to are as they were when they were last checked.`, strings.Join(stopped, ", "))
	}
	if slices.ContainsFunc(st.Sources, func(s Source) bool { return s.Listed != 0 }) {
		say(`A conversation that the platform began to list after "listed" is not here.`)
	}
	acknowledged, lost := false, false
	st.each(func(c *Coverage) {
		acknowledged = acknowledged || len(c.Acknowledged) > 0
		lost = lost || c.Files != nil && c.Files.Lost > 0
	})
	if acknowledged {
		say(`Somebody said of the gaps under "acknowledged_gaps" that they may stay. What is missing there is missing all the same, and doesn't keep a conversation from being called complete.`)
	}
	if lost {
		say(`Attachments that are refused or gone ("lost") are not here, and don't keep a conversation from being called complete.`)
	}
	if st.States()[mirror.Complete] < len(st.Conversations) {
		say("Conversations whose state is partial or unknown are not claimed to be whole.")
	}
	return all
}

// each calls f with all coverages.
func (st *Statement) each(f func(*Coverage)) {
	for i := range st.Streams {
		f(&st.Streams[i].Coverage)
	}
	for i := range st.Conversations {
		f(&st.Conversations[i].Coverage)
	}
}
