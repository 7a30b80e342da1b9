package imetastore_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

// many is an item of n members of its own and n elements, whose content says what.
func many(n int, what string) string {
	var members, elements strings.Builder
	for i := range n {
		fmt.Fprintf(&members, `"m_%d":{"a":[%d,"%s"]},`, i, i, what)
		fmt.Fprintf(&elements, `,{"msgType":"TIMCustomElem","msgContent":"{\"data\":\"%s\",\"n\":%d}"}`, what, i)
	}
	return `{` + members.String() + `"fromAccount":"` + buyer + `","toAccount":"` + seller + `","msgTimestamp":1734443056,"msgSeq":1,"msgRandom":2,` +
		`"msgBody":[` + strings.TrimPrefix(elements.String(), ",") + `]}`
}

// What a changed item costs grows with its members and not with their square: to read it, to compare it with what it was, to serve it.
func TestManyMembers(t *testing.T) {
	var s imetastore.Source
	cost := func(n int) float64 {
		old, new := many(n, "a"), many(n, "b")
		return testing.AllocsPerRun(1, func() {
			a, errA := imetastore.MessageOf([]byte(old))
			b, errB := imetastore.MessageOf([]byte(new))
			if errA != nil || errB != nil || s.Same(&a, &b) || !s.Same(&a, &a) {
				t.Fatal(errA, errB)
			}
		})
	}
	if few, lots := cost(500), cost(5000); lots > 15*few {
		t.Errorf("%.0f allocations for 500 members and elements, %.0f for 5,000", few, lots)
	}
}

func BenchmarkManyMembers(b *testing.B) {
	var s imetastore.Source
	for _, n := range []int{2_000, 20_000} {
		old, err := imetastore.MessageOf([]byte(many(n, "a")))
		if err != nil {
			b.Fatal(err)
		}
		text := many(n, "b")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				m, err := imetastore.MessageOf([]byte(text))
				if err != nil || s.Same(&old, &m) {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("stale ", n), func(b *testing.B) {
			f := newFixture(b, imetastore.Options{})
			f.client = http.DefaultClient
			ref := f.conversation(parlance.Conversation{ID: "c", Customer: buyer})
			f.put(ref, store.Mirror, old)
			f.change(ref, old.ID, func(m *parlance.Message) { m.Text = "changed" })
			for b.Loop() {
				if r := f.post("/seller/im/msg", everything); r.status != 200 {
					b.Fatal(r.status)
				}
			}
		})
	}
}
