//go:build cgo

package pebblestore

// manual says that Pebble asks the system for the memory of its cache and memtables by itself.
const manual = true
