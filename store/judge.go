package store

import (
	"bytes"
	"cmp"
	"context"

	"parlance"
	"parlance/store/internal/format"
)

// An ImportRule says how an import meets versions that are here. The zero value is good.
type ImportRule struct {
	// Compare orders the version of a message that stands here and one that is imported:
	// above 0 if the one here wins, 0 if both say the same, below 0 if the imported one wins. For
	// versions of mode Import it must be an order, so that it doesn't matter in
	// which order they come. Nil compares times of change first and then what is stored.
	Compare func(here *Entry, imported *parlance.Message) int
	// Overwrite takes the imported version also where another one wins: a newer one, or
	// what became of an imported message here.
	Overwrite bool
}

// Import is Put in mode Import. Of the versions of a message that imports bring the one that
// stands highest by the rule becomes current, whatever the order in which they come, and only it is stored. A
// message that was imported and then changed here, in whatever way, stays as it is. So does one that
// no import brought, also with Overwrite: an imported form holds less than a platform's own.
func (s *Store) Import(ctx context.Context, ref parlance.Ref, rule ImportRule, ms ...parlance.Message) ([]Outcome, error) {
	return s.put(ctx, ref, &request{mode: Import, messages: ms, imports: rule})
}

// judge decides what m, as it is to be stored, is beside the current version of its message: Changed if it becomes
// the current one, Same if it brings nothing new, Kept if the current one wins.
func (a *appender) judge(current *Entry, m *parlance.Message, content []byte, mode Mode, r *request) (Result, error) {
	switch {
	case bytes.Equal(current.Content, content) && current.Message.Seq == m.Seq:
		if r.change != nil || current.Origin == mode {
			return Same, nil
		}
	case r.change != nil:
		return Changed, nil
	}
	if mode == Import {
		return a.judgeImport(current, m, &r.imports)
	}
	return a.judgeMirror(current, m, content, r.same)
}

func (a *appender) judgeImport(current *Entry, m *parlance.Message, rule *ImportRule) (Result, error) {
	compare := rule.Compare
	if compare == nil {
		compare = compareContent
	}
	order := compare(current, m)
	if order == 0 {
		return Same, nil
	}
	if current.Origin == Import {
		if order < 0 || rule.Overwrite {
			return Changed, nil
		}
		return Kept, nil
	}
	given, err := a.given(current)
	switch {
	case err != nil:
		return 0, err
	case rule.Overwrite && given != nil && given.Origin == Import && current.Origin == Send:
		// Readers of what changed have to meet it although the imported form says that it is old.
		m.Updated = max(m.Updated, min(max(a.nextTimestamp(), current.Message.Updated+1), parlance.MaxTime))
		return Changed, nil
	case given != nil && given.Origin == Import && compare(given, m) == 0:
		return Same, nil
	}
	return Kept, nil
}

// judgeMirror lets what a platform says stand, unless the platform said it before or the message was changed here since.
func (a *appender) judgeMirror(current *Entry, m *parlance.Message, content []byte, same func(old, new *parlance.Message) bool) (Result, error) {
	if current.Origin != Mirror && current.Message.State == parlance.Deleted {
		return Same, nil
	}
	last, err := a.lastOf(current, Mirror)
	if err != nil {
		return 0, err
	}
	if last == nil {
		last = current // it was sent or imported here, and now a platform has it
	}
	e := last
	if bytes.Equal(e.Content, content) && e.Message.Seq == m.Seq {
		return Same, nil
	}
	if same != nil && e.Origin == Mirror && e.Message.Missing == m.Missing && same(&e.Message, m) {
		return Same, nil
	}
	given, err := a.given(current)
	if err != nil {
		return 0, err
	}
	if current.Origin == Send && given != nil && edited(&given.Message, &current.Message) {
		return Same, nil
	}
	return Changed, nil
}

// given returns the newest version of e's message that came from elsewhere, nil if none did.
func (a *appender) given(e *Entry) (*Entry, error) {
	return a.back(e, func(e *Entry) bool { return e.Origin != Send })
}

// lastOf returns the newest version of e's message of a mode, nil if there is none.
func (a *appender) lastOf(e *Entry, mode Mode) (*Entry, error) {
	return a.back(e, func(e *Entry) bool { return e.Origin == mode })
}

// back returns the newest version, from e back, that is wanted, nil if none is.
func (a *appender) back(e *Entry, wanted func(*Entry) bool) (*Entry, error) {
	for !wanted(e) {
		if e.Previous == 0 {
			return nil, nil
		}
		var err error
		if e, err = a.version(e.Previous); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// edited reports whether a message that was given so was changed in more than its reactions.
func edited(given, now *parlance.Message) bool {
	bare := func(m *parlance.Message) []byte {
		c := *m
		c.Reactions, c.Updated, c.Native.Stale = nil, 0, false
		return format.EncodeMessage(&c)
	}
	return !bytes.Equal(bare(given), bare(now))
}

// compareContent is the order of versions where an import has none of its own: by when they were
// changed, then by what is stored of them.
func compareContent(here *Entry, imported *parlance.Message) int {
	bare := func(m *parlance.Message) []byte {
		c := *m
		c.Created, c.Updated = 0, 0
		return format.EncodeMessage(&c)
	}
	old := &here.Message
	return cmp.Or(
		cmp.Compare(max(old.Edited, old.Removed), max(imported.Edited, imported.Removed)),
		cmp.Compare(old.State, imported.State),
		bytes.Compare(bare(old), bare(imported)),
		cmp.Compare(old.Seq, imported.Seq),
	)
}
