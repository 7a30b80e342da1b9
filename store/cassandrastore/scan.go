package cassandrastore

import (
	"context"
	"iter"

	"parlance/store/driver"
)

// pageRows is how many rows are fetched at a time.
const pageRows = 500

// Scan streams the rows of r, a page at a time. See [driver.Engine].
func (e *Engine) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		e.calls.Add(1)
		defer e.calls.Done()
		if err := e.scan(ctx, p, r, yield); err != nil {
			yield(driver.Row{}, err)
		}
	}
}

func (e *Engine) scan(ctx context.Context, p driver.Partition, r driver.Range, yield func(driver.Row, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	table, err := e.tables.name(p.Table)
	if err != nil {
		return err
	}
	text, args := "SELECT key, value FROM "+table+" WHERE partition = ?", []any{[]byte(p.Key)}
	if r.From != nil {
		text, args = text+" AND key >= ?", append(args, r.From)
	}
	if r.To != nil {
		text, args = text+" AND key < ?", append(args, r.To)
	}
	if r.Reverse {
		text += " ORDER BY key DESC"
	}
	page := pageRows
	if r.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, r.Limit)
		page = min(page, r.Limit)
	}
	it := e.session.Query(text, args...).PageSize(page).Idempotent(true).SetSpeculativeExecutionPolicy(hedged).IterContext(ctx)
	var row driver.Row
	for it.Scan(&row.Key, &row.Value) {
		if err := ctx.Err(); err != nil {
			it.Close()
			return err
		}
		if !yield(row, nil) {
			it.Close()
			return nil
		}
	}
	return failure(ctx, it.Close(), "read a range of rows")
}
