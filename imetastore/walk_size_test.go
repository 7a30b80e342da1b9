package imetastore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
	"parlance/internal/upstream"
)

// heavy gives messages of a row a weight.
func heavy(all []said, weight int) []said {
	for i := range all {
		all[i].weight = weight
	}
	return all
}

// at moves messages to a second.
func at(all []said, sec int64) []said {
	for i := range all {
		all[i].sec += sec - firstSecond
		all[i].text += fmt.Sprint(" at ", sec)
	}
	return all
}

func ones(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 1
	}
	return all
}

// Pages that are too large are asked for in shorter times, and in longer ones again when they are small; nothing is lost.
func TestPagesTooLarge(t *testing.T) {
	const year = 365 * 86400
	all := at(row(buyerNumber, ones(250)...), firstSecond-10*year)
	all = append(all, heavy(at(row(buyerNumber, ones(100)...), firstSecond-year), 1)...)
	all = append(all, at(row(buyerNumber, ones(120)...), firstSecond)...)
	for name, m := range map[string]manners{
		"plain": {}, "no keys": {noKeys: true}, "exclusive": {exclusive: true}, "no last time": {noLastTime: true}, "seconds": {seconds: true},
		"descending": {descending: true}, "millis": {millis: true}, "later": {later: true}, "no future": {noFuture: true},
	} {
		m.page, m.bear = 100, 40
		p := newPlatform(t, m, all...)
		for _, id := range []history.StreamID{history.Everything, buyer} {
			p.calls, p.asked = 0, nil
			g := walkAll(t, p.source(imetastore.SourceOptions{}), id, history.Window{})
			g.expect(t, all)
			if len(g.gaps) > 0 || p.calls > 80 {
				t.Errorf("%s: %d calls, gaps %v\n%s", name, p.calls, g.gaps, strings.Join(p.asked, "\n"))
			}
		}
	}
}

// A second that can't be read is a gap with its reason, and the rest is read.
func TestSecondTooLarge(t *testing.T) {
	all := row(buyerNumber, ones(30)...)
	one, two := firstSecond+10, firstSecond+20
	all[10].weight = 9
	all[20].weight = 3
	all = append(all, said{buyerNumber, false, int64(two), 9, 9, "other half", 3})
	p := newPlatform(t, manners{page: 100, bear: 5}, all...)
	g := walkAll(t, p.source(imetastore.SourceOptions{}), history.Everything, history.Window{})
	if g.err != nil || g.end() == "" || len(g.texts) != 28 || len(g.gaps) != 2 {
		t.Fatalf("end %q, %v, %d given, gaps %v", g.end(), g.err, len(g.texts), g.gaps)
	}
	for i, sec := range []int64{int64(two), int64(one)} {
		if gap := g.gaps[i]; gap.From != parlance.TimeOfSeconds(sec) || gap.To != gap.From+999 || !strings.Contains(gap.Reason, "too large") {
			t.Errorf("gap %+v", gap)
		}
	}
	if p.calls > 80 {
		t.Errorf("%d calls", p.calls)
	}
}

// A platform whose every answer is too large is an error, soon.
func TestAlwaysTooLarge(t *testing.T) {
	up := listing(strings.Repeat("[", parlance.MaxUpstreamDepth+1))
	s := sourceOf(t, up, imetastore.SourceOptions{})
	for st, err := range s.Streams(t.Context()) {
		if err != nil || st.ID != history.Everything {
			t.Errorf("stream %q, %v", st.ID, err)
		}
	}
	g := walkAll(t, s, history.Everything, history.Window{})
	if !errors.Is(g.err, upstream.ErrTooLarge) || g.end() != "" || len(up.calls) > 80 {
		t.Errorf("end %q after %d calls, %v", g.end(), len(up.calls), g.err)
	}
}
