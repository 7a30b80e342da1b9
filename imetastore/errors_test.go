package imetastore_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"parlance/imetastore"
)

func TestFailure(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	w := httptest.NewRecorder()
	imetastore.New(f.store, f.keeper, imetastore.Options{}).Failure(w)
	var e struct {
		Code, Msg, Time string
		Data            *int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if w.Code != http.StatusInternalServerError || e.Code != "10004" || e.Msg == "" || e.Time == "" || e.Data != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
