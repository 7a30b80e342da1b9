package imkit

import (
	"encoding/json"

	"parlance/history"
)

// A place is what [history.Place.Key] holds, as JSON: IMKit Mirror, places. Rows are [id, created, updated] with
// times in Unix milliseconds.
type place struct {
	Above []placedRow `json:"above,omitempty"` // rows next above the place, lowest last: to go on from
	At    []placedRow `json:"at,omitempty"`    // some rows of the place's very time, lowest last
	Given *int        `json:"given,omitempty"` // messages above the place; nil: not known
	Total *int        `json:"total,omitempty"` // that the platform claimed, if it always claimed the same
	Top   string      `json:"top,omitempty"`   // the newest message, if all pages so far held it
	Gaps  bool        `json:"gaps,omitempty"`  // the walk named gaps on its way here
}

type placedRow row

// MarshalJSON writes [id, created, updated].
func (r placedRow) MarshalJSON() ([]byte, error) {
	return appendJSON(nil, []any{r.id, r.created, r.updated})
}

// UnmarshalJSON reads it.
func (r *placedRow) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&r.id, &r.created, &r.updated})
}

// anchorsKept is how many rows a walk, or a place, has to ask with if the nearest are gone.
const anchorsKept = 8

// anchors returns the last rows of list that can be asked with, at most anchorsKept.
func anchors(list []row) []row {
	var found []row
	for i := len(list) - 1; i >= 0 && len(found) < anchorsKept; i-- {
		if !list[i].nameless {
			found = append(found, list[i])
		}
	}
	return found
}

// place returns where w stands.
func (w *walk) place() history.Place {
	if !w.begun {
		return history.Place{}
	}
	p := place{Top: w.top, Gaps: w.gapped}
	for _, r := range anchors(w.above) {
		p.Above = append([]placedRow{placedRow(r)}, p.Above...)
	}
	for _, r := range anchors(w.ties) {
		p.At = append([]placedRow{placedRow(r)}, p.At...)
	}
	if w.counted {
		above := w.given
		for i := range w.ties {
			if w.ties[i].at(w.order) == w.low {
				above--
			}
		}
		p.Given = &above
	}
	if w.stable {
		p.Total = w.total
	}
	key, err := json.Marshal(p)
	if err != nil { // ids and numbers only: can't be
		key = nil
	}
	return history.Place{Time: w.low, Key: string(key)}
}

// resume puts w at a place. A key that can't be read costs a new walk from the top, which gives nothing
// again that is above the place.
func (w *walk) resume(at history.Place) {
	if at.IsZero() {
		return
	}
	var p place
	if json.Unmarshal([]byte(at.Key), &p) != nil {
		p = place{}
	}
	w.begun, w.low, w.counted = true, at.Time, p.Given != nil
	w.gapped, w.top = p.Gaps, p.Top
	if w.counted {
		w.given = *p.Given
	}
	for _, r := range p.Above {
		w.above = append(w.above, row(r))
	}
	for _, r := range p.At {
		w.lowest = append(w.lowest, row(r))
	}
	w.total, w.stable = p.Total, p.Total != nil
}
