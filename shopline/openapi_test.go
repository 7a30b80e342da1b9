package shopline_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"parlance/internal/dialecttest"
	"parlance/shopline"
)

// validated returns a transport to srv that reports traffic which is not as openapi.yaml
// says: every answer, and every request that succeeded.
func validated(t testing.TB, srv *httptest.Server) http.RoundTripper {
	t.Helper()
	d, err := dialecttest.Describe(shopline.OpenAPI(), srv.URL+"/v1")
	if err != nil {
		t.Fatal(err)
	}
	return &dialecttest.Transport{Next: srv.Client().Transport, Check: func(x dialecttest.Exchange) {
		if !d.Check(t, x) {
			checkUnknown(t, x)
		}
	}}
}

// checkUnknown checks the answer on a path that is not described.
func checkUnknown(t testing.TB, x dialecttest.Exchange) {
	var p shopline.Problem
	if err := json.Unmarshal(x.Body, &p); err != nil || p.Message == "" || p.Message != p.Error || p.Code == "" {
		t.Errorf("%s %s: %d %s is no problem", x.Request.Method, x.Request.URL, x.Status, x.Body)
	}
}

func TestOpenAPIIsValid(t *testing.T) {
	if _, err := dialecttest.Describe(shopline.OpenAPI()); err != nil {
		t.Fatal(err)
	}
}
