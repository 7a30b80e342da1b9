package imetastore_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"testing"

	"parlance/imetastore"
	"parlance/internal/dialecttest"
)

// validated returns a transport to srv that reports traffic which is not as openapi.yaml
// says: every answer, and every request that succeeded.
func validated(t testing.TB, srv *httptest.Server) http.RoundTripper {
	t.Helper()
	d, err := dialecttest.Describe(imetastore.OpenAPI(), srv.URL+"/api/merchant-api", srv.URL+"/merchant-api", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &dialecttest.Transport{Next: srv.Client().Transport, Check: func(x dialecttest.Exchange) {
		clean := x
		clean.Request = x.Request.Clone(x.Request.Context())
		clean.Request.URL.Path = path.Clean("/" + x.Request.URL.Path) // slashes too many are forgiven
		clean.Sent = capitals.ReplaceAll(x.Sent, []byte(`"m$1"`))     // and so are capitals
		if !d.Check(t, clean) {
			checkUnknown(t, x)
		}
	}}
}

// capitals are those that names of elements begin with in the platform's own server calls.
var capitals = regexp.MustCompile(`"M(sgType|sgContent)"`)

// checkUnknown checks the answer on a path or method that is not described.
func checkUnknown(t testing.TB, x dialecttest.Exchange) {
	var e imetastore.Envelope[any]
	if err := json.Unmarshal(x.Body, &e); err != nil || e.Code != "10001" && x.Status != http.StatusUnauthorized || e.Msg == "" || e.Data != nil {
		t.Errorf("%s %s: %d %s is no failure", x.Request.Method, x.Request.URL, x.Status, x.Body)
	}
}

func TestOpenAPIIsValid(t *testing.T) {
	if _, err := dialecttest.Describe(imetastore.OpenAPI()); err != nil {
		t.Fatal(err)
	}
}
