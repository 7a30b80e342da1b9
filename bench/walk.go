package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// walks measures a conversation read from end to end by each dialect's own cursor,
// against as many calls to a bare server.
func (m *reading) walks(ctx context.Context) (rows []row, err error) {
	host, r := m.largeAt.hosts[walkLimit], m.large.walk
	calls := (r.size+walkLimit-1)/walkLimit + 1
	for _, d := range m.large.calls {
		// The second page, because the last one is empty and the first leads nowhere.
		salt := m.fresh()
		var second call
		err := m.client.do(ctx, host, d.newest(r, walkLimit, salt), func(_ *http.Response, b []byte) (err error) {
			second, _, err = d.next(r, b, salt)
			return err
		})
		if err != nil {
			return rows, err
		}
		as, err := m.client.capture(ctx, host, 1, func() call { return second })
		if err != nil {
			return rows, err
		}
		server, err := newBare(as)
		if err != nil {
			return rows, err
		}
		defer server.close()
		ours := contender{d.name(), func(ctx context.Context, _ int) (int, error) {
			n, err := m.walkOnce(ctx, host, d, r, 0)
			if err == nil && n != r.size {
				err = fmt.Errorf("a walk found %d messages, want %d", n, r.size)
			}
			return n, err
		}}
		bare := contender{"bare net/http", func(ctx context.Context, _ int) (int, error) {
			return m.walkOnce(ctx, server.host, d, r, calls)
		}}
		t := turn{1, 0, max(3, m.rounds/2)}
		rs, err := match(ctx, t, ours, bare)
		if err != nil {
			return rows, err
		}
		x := rs[0].against(rs[1], "Walk of a whole conversation", fmt.Sprintf("%s, %s messages by %d", d.name(), number(float64(r.size)), walkLimit), "messages/s")
		x.OursP50, x.RivalP50 = 0, 0 // of whole walks: they say the same as the rates
		rows = append(rows, x)
		if err := m.profile(ctx, t, "walk", []contender{ours}); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// walkOnce walks a room and returns how many messages it met. Above 0, calls is after
// how many calls it ends; a bare server returns the same page for ever.
func (m *reading) walkOnce(ctx context.Context, host string, d dialect, r *room, calls int) (int, error) {
	salt := m.fresh() // no answer is remembered from the walk before
	next, total := d.newest(r, walkLimit, salt), 0
	var last []byte
	for i := 0; calls == 0 || i < calls; i++ {
		n := 0
		err := m.client.do(ctx, host, next, func(_ *http.Response, b []byte) (err error) {
			if calls == 0 && bytes.Equal(b, last) {
				return fmt.Errorf("the walk stands still after %d messages", total)
			}
			last = append(last[:0], b...)
			next, n, err = d.next(r, b, salt)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n == 0 {
			break
		}
	}
	return total, nil
}
