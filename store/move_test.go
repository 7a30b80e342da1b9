package store_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// TestMove copies a store while it is written to, freezes it and copies the rest: the target
// has everything that was acknowledged.
func TestMove(t *testing.T) {
	t.Parallel()
	for name, engines := range map[string]func() (src, dst driver.Engine){
		"pebble to harsh": func() (src, dst driver.Engine) { return memory(t), harshly(t) },
		"harsh to pebble": func() (src, dst driver.Engine) { return harshly(t), memory(t) },
	} {
		t.Run(name, func(t *testing.T) {
			from, to := engines()
			src, dst := openOn(t, from, &clock{now: start}), openOn(t, to, &clock{now: start})
			defer src.Close()
			defer dst.Close()
			var wg sync.WaitGroup
			var acknowledged [4][]store.Entry
			refs := make([]parlance.Ref, len(acknowledged))
			for i := range refs {
				refs[i] = parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint(i))}
				wg.Go(func() {
					_, err := src.Create(t.Context(), "w", parlance.Conversation{ID: refs[i].Conversation, Kind: parlance.Shop})
					for n := 0; err == nil; n++ {
						var out []store.Outcome
						m := parlance.Message{ID: parlance.MessageID(fmt.Sprint(i, "-", n)), Sender: "alice"}
						if out, err = src.Put(t.Context(), refs[i], store.Send, m); err != nil {
							break
						}
						acknowledged[i] = append(acknowledged[i], out[0].Entry)
						if n%5 == 4 {
							_, err = src.Change(t.Context(), refs[i], m.ID, func(m *parlance.Message) error { m.State = parlance.Deleted; return nil })
						}
					}
					if !errors.Is(err, parlance.Unavailable) {
						t.Error(err)
					}
				})
			}
			for n := 0; n < 200; {
				n += copied(t, src, dst).Copied
			}
			if err := src.Freeze(t.Context(), "it moves"); err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			copied(t, src, dst)
			same(t, src, dst)
			newChecker(t, dst).whole()
			for i, es := range acknowledged {
				for _, e := range es {
					got, err := dst.Versions(t.Context(), refs[i], e.Message.ID)
					if err != nil || !equalEntry(got[len(got)-1], e) {
						t.Fatalf("the target has %+v, %v; want %+v", got, err, e)
					}
				}
			}
			if why, err := dst.Frozen(t.Context()); why != "" || err != nil {
				t.Errorf("the target is frozen: %q, %v", why, err)
			}
		})
	}
}

// TestCompareFinds finds that a row that somebody changed or took away is found.
func TestCompareFinds(t *testing.T) {
	t.Parallel()
	src := sourceOf(t, memory(t))
	defer src.Close()
	e := record(memory(t))
	dst := openOn(t, e, &clock{now: start})
	copied(t, src, dst)
	dst = openOn(t, kept{e}, &clock{now: start})
	for at, value := range maps.Clone(e.rows) {
		p, key := driver.Partition{Table: driver.Claimed, Key: at.partition}, []byte(at.key)
		if err := e.Engine.Claim(t.Context(), p, []driver.Claim{{Key: key, Old: []byte(value)}}, nil, 1); err != nil {
			t.Fatal(err)
		}
		c, err := src.Compare(t.Context(), dst, "w", store.CompareOptions{})
		r, err2 := src.CompareRecords(t.Context(), dst, all, store.CompareOptions{})
		if err != nil || err2 != nil || c.Differences+r.Differences == 0 {
			t.Errorf("row %q is gone: %+v, %v, %+v, %v", at, c, err, r, err2)
		}
		if err := e.Engine.Claim(t.Context(), p, []driver.Claim{{Key: key, Value: []byte(value)}}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	same(t, src, dst)
}
