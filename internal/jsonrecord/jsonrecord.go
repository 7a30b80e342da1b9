// Package jsonrecord reads and writes records of the store whose values are JSON. It hides how a record that isn't there, one that can't be
// read and one that somebody else changed are told.
package jsonrecord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parlance"
	"parlance/store"
)

// Read returns the record as a T, with the bytes that a later [Swap] has to name as old. Both are zero if there is none.
func Read[T any](ctx context.Context, s *store.Store, collection, key string) (v T, raw []byte, err error) {
	raw, err = s.Record(ctx, collection, key)
	if errors.Is(err, parlance.NotFound) {
		return v, nil, nil
	}
	if err != nil {
		return v, nil, fmt.Errorf("read record of %s: %w", collection, err)
	}
	v, err = Decode[T](collection, raw)
	return v, raw, err
}

// Decode reads a record's value. The error, of kind [parlance.Corrupt], doesn't quote the value: it may be a secret.
func Decode[T any](collection string, raw []byte) (v T, err error) {
	if json.Unmarshal(raw, &v) != nil {
		return v, parlance.Errorf(parlance.Corrupt, "record of %s can't be read", collection)
	}
	return v, nil
}

// Swap puts v in the place of old; [parlance.Conflict] if something else stands there. Equal values of two writers at once may both be
// taken for put, so v must be the writer's own wherever only one may win.
func Swap(ctx context.Context, s *store.Store, collection, key string, old []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record of %s: %w", collection, err)
	}
	if err := s.SwapRecord(ctx, collection, key, old, raw); err != nil {
		return fmt.Errorf("write record of %s: %w", collection, err)
	}
	return nil
}
