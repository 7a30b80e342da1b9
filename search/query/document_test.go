package query

import (
	"parlance"
	"parlance/search/internal/fold"
)

// document returns what a query looks at of a message with a text.
func document(text string) *Document {
	return &Document{Folded: fold.Fold(text), Message: &parlance.Message{Text: text, Type: parlance.TypeText}}
}
