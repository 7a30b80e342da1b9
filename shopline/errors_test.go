package shopline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"parlance"
)

func TestStatusOf(t *testing.T) {
	const unavailable, internal = "service is unavailable, try again later", "internal server error"
	for _, c := range []struct {
		err  error
		http int
		code string
		text string
	}{
		{parlance.Errorf(parlance.Invalid, "limit is invalid"), 422, "UnprocessableEntity", "limit is invalid"},
		{fmt.Errorf("send: %w", parlance.Errorf(parlance.NotFound, "order not found")), 404, "NotFound", "order not found"},
		{parlance.Errorf(parlance.Conflict, "changed meanwhile"), 422, "UnprocessableEntity", "changed meanwhile"},
		{parlance.Errorf(parlance.Forbidden, "frozen"), 403, "Forbidden", "frozen"},
		{parlance.Errorf(parlance.Limited, "Rate limit exceeded"), 429, "RateLimitExceeded", "Rate limit exceeded"},
		{parlance.Errorf(parlance.Unauthenticated, "revoked on Monday"), 401, "Unauthorized", "access token is missing, unknown, expired or revoked"},
		{parlance.Wrap(parlance.Unavailable, errors.New("disk 7"), "engine is closed"), 503, "ServiceUnavailable", unavailable},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "ServiceUnavailable", unavailable},
		{parlance.Errorf(parlance.Corrupt, "head of acme/c1"), 500, "InternalServerError", internal},
		{parlance.Errorf(parlance.Internal, "secret"), 500, "InternalServerError", internal},
		{errors.New("secret"), 500, "InternalServerError", internal},
		{fmt.Errorf("find: %w", parlance.NotFound), 404, "NotFound", "not found"}, // a bare kind
	} {
		if got := statusOf(c.err); got != (status{c.http, c.code, c.text}) {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}

func TestFailure(t *testing.T) {
	w := httptest.NewRecorder()
	Failure(w)
	want := `{"message":"internal server error","error":"internal server error","code":"InternalServerError"}`
	if w.Code != http.StatusInternalServerError || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
