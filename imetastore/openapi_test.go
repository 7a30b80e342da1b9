package imetastore_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"parlance/imetastore"
)

// A validator is a round tripper that reports traffic which is not as openapi.yaml says:
// every answer, and every request that succeeded.
type validator struct {
	t      testing.TB
	next   http.RoundTripper
	router routers.Router
}

func newValidator(t testing.TB, srv *httptest.Server) *validator {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(imetastore.OpenAPI())
	if err != nil {
		t.Fatalf("load openapi.yaml: %v", err)
	}
	doc.Servers = openapi3.Servers{{URL: srv.URL + "/api/merchant-api"}, {URL: srv.URL + "/merchant-api"}, {URL: srv.URL}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return &validator{t, srv.Client().Transport, router}
}

func (v *validator) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := v.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))

	clean := req.Clone(req.Context())
	clean.URL.Path = path.Clean("/" + req.URL.Path) // slashes too many are forgiven
	route, params, err := v.router.FindRoute(clean)
	if err != nil {
		v.checkUnknown(req, resp, got)
		return resp, nil
	}
	in := &openapi3filter.RequestValidationInput{
		Request:    clean,
		PathParams: params,
		Route:      route,
		Options:    &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	in.Request.Body = io.NopCloser(bytes.NewReader(sent))
	if resp.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(req.Context(), in); err != nil {
			v.t.Errorf("%s %s succeeded and is not as described: %v", req.Method, req.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in,
		Status:                 resp.StatusCode,
		Header:                 resp.Header,
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	}
	out.SetBodyBytes(got)
	if err := openapi3filter.ValidateResponse(req.Context(), out); err != nil {
		v.t.Errorf("%s %s: answer is not as described: %v", req.Method, req.URL, err)
	}
	return resp, nil
}

// checkUnknown checks the answer on a path or method that is not described.
func (v *validator) checkUnknown(req *http.Request, resp *http.Response, body []byte) {
	var e imetastore.Envelope[any]
	if err := json.Unmarshal(body, &e); err != nil || e.Code != "10001" || e.Msg == "" || e.Data != nil {
		v.t.Errorf("%s %s: %d %s is no failure", req.Method, req.URL, resp.StatusCode, body)
	}
}

func TestOpenAPIIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(imetastore.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}
