package jsonrecord_test

import (
	"errors"
	"strings"
	"testing"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
	"parlance/store/pebblestore"
)

func TestRecords(t *testing.T) {
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), engine, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	type record struct {
		Secret string `json:"secret"`
	}
	if v, raw, err := jsonrecord.Read[record](t.Context(), s, "c", "k"); err != nil || raw != nil || v != (record{}) {
		t.Errorf("of nothing: %v, %q, %v", v, raw, err)
	}
	if err := jsonrecord.Swap(t.Context(), s, "c", "k", nil, record{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := jsonrecord.Swap(t.Context(), s, "c", "k", nil, record{"b"}); !errors.Is(err, parlance.Conflict) {
		t.Errorf("over what stands there: %v, want Conflict", err)
	}
	v, raw, err := jsonrecord.Read[record](t.Context(), s, "c", "k")
	if err != nil || v.Secret != "a" {
		t.Errorf("read %v, %v", v, err)
	}
	if err := jsonrecord.Swap(t.Context(), s, "c", "k", raw, record{"b"}); err != nil {
		t.Error(err)
	}
	_, err = jsonrecord.Decode[record]("c", []byte(`{"secret":"hush"`))
	if !errors.Is(err, parlance.Corrupt) || strings.Contains(err.Error(), "hush") {
		t.Errorf("damaged: %v", err)
	}
}
