package faultrun

import "testing"

// The check finds what it is there to find.
func TestLedger(t *testing.T) {
	world := func() *ledger {
		l := newLedger()
		for _, token := range []string{"a", "b"} {
			l.tries(token, "hall", 1)
			l.acknowledged(token, "id-"+token, 1)
		}
		l.tries("b", "hall", 2)
		l.acknowledged("b", "", 2)
		l.tries("open", "hall", 1)
		return l
	}
	a, b := row{"id-a", "a v1", 10}, row{"id-b", "b v2", 20}
	for name, c := range map[string]struct {
		total                int
		rows                 []row
		lost, doubled, other int
	}{
		"whole":                 {2, []row{b, a}, 0, 0, 0},
		"with what was open":    {3, []row{{"x", "open v1", 30}, b, a}, 0, 0, 0},
		"without a message":     {1, []row{b}, 1, 0, 0},
		"an older version":      {2, []row{{"id-b", "b v1", 20}, a}, 1, 0, 0},
		"a version of nobody":   {2, []row{{"id-b", "b v3", 20}, a}, 1, 0, 0},
		"twice":                 {3, []row{{"id-c", "b v2", 30}, b, a}, 0, 2, 0},
		"of nobody":             {3, []row{{"z", "z v1", 30}, b, a}, 0, 0, 1},
		"a wrong total":         {3, []row{b, a}, 0, 0, 1},
		"times that don't grow": {2, []row{a, b}, 0, 0, 1},
	} {
		l := world()
		m := l.check(l.promised("hall"), walk{c.total, c.rows})
		if len(m.lost) != c.lost || len(m.doubled) != c.doubled || len(m.other) != c.other {
			t.Errorf("%s: %+v", name, m)
		}
	}

	l := world()
	l.check(l.promised("hall"), walk{3, []row{{"x", "open v1", 30}, b, a}})
	m := l.check(l.promised("hall"), walk{2, []row{b, a}})
	if len(m.lost) != 1 || len(m.other) != 1 {
		t.Errorf("what one reader saw and the next one doesn't: %+v", m)
	}
}
