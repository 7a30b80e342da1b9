package upstream

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// Elements returns the elements of a JSON array, each as the platform wrote it. They are parts of array and no copies: how many
// values an answer holds costs nothing here but a slice for each element. More than [parlance.MaxUpstreamItems], and
// what is no array, is an error of kind Broken; the first has [ErrTooLarge].
func Elements(array jsontext.Value) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(array), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return nil, parlance.Errorf(parlance.Broken, "what should be a list is none")
	}
	var all []jsontext.Value
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return nil, parlance.Errorf(parlance.Broken, "a list can't be read to its end")
		}
		if len(all) == parlance.MaxUpstreamItems {
			return nil, parlance.Wrap(parlance.Broken, ErrTooLarge, "a list holds more than %d elements", parlance.MaxUpstreamItems)
		}
		end := int(d.InputOffset())
		all = append(all, array[end-len(v):end:end])
	}
	return all, nil
}
