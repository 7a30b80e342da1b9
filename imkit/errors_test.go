package imkit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parlance"
	"parlance/internal/dialecttest"
)

// What passes is answered so that clients try again: IMKit Errors.
func TestUnavailableIsToBeTriedAgain(t *testing.T) {
	s, k, _ := dialecttest.Open(t, 1_700_000_000_000)
	w := httptest.NewRecorder()
	New(s, k, Options{}).fail(w, httptest.NewRequest("GET", "/me", nil), parlance.Errorf(parlance.Unavailable, "no quorum"))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"UNAVAILABLE"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestFailure(t *testing.T) {
	w := httptest.NewRecorder()
	Failure(w)
	want := `{"RC":500,"RM":"Internal Server Error","error":{"code":"INTERNAL_ERROR","message":"Something went wrong on our side"}}`
	if w.Code != http.StatusInternalServerError || w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
