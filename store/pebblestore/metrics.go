package pebblestore

// Metrics are an engine's sizes, in bytes.
type Metrics struct {
	Disk      int64 // of all files but the log being written, obsolete ones included
	Live      int64 // of the tables that hold the rows; rows not yet flushed are missing
	Cache     int64 // memory of the block cache
	Memtables int64 // memory of the rows not yet flushed
}

// Metrics returns the engine's sizes as they are now. They are zero once it has failed.
func (e *Engine) Metrics() Metrics {
	e.calls.Add(1)
	defer e.calls.Done()
	if e.guard.hasFailed() {
		return Metrics{}
	}
	m := e.db.Metrics()
	total := m.Total()
	return Metrics{
		Disk:      int64(m.DiskSpaceUsage()),
		Live:      total.TablesSize,
		Cache:     m.BlockCache.Size,
		Memtables: int64(m.MemTable.Size),
	}
}
