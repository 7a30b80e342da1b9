package dialecttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// T is what a check needs of a test, a fuzz test or a property.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// A Description is an openapi.yaml that traffic is held against. It may be used by many
// goroutines.
type Description struct {
	router     routers.Router
	operations map[string]*openapi3.Operation
}

// Describe reads an openapi.yaml, which must be valid. The servers, if any are given,
// stand in for those that it names.
func Describe(openAPI []byte, servers ...string) (*Description, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		return nil, fmt.Errorf("load openapi.yaml: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("validate openapi.yaml: %w", err)
	}
	if len(servers) > 0 {
		doc.Servers = nil
		for _, url := range servers {
			doc.Servers = append(doc.Servers, &openapi3.Server{URL: url})
		}
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route openapi.yaml: %w", err)
	}
	operations := map[string]*openapi3.Operation{}
	for _, item := range doc.Paths.Map() {
		for _, o := range item.Operations() {
			operations[o.OperationID] = o
		}
	}
	return &Description{router, operations}, nil
}

// An Exchange is a request and its answer, both whole.
type Exchange struct {
	Request *http.Request // its body isn't read
	Sent    []byte
	Status  int
	Header  http.Header // of the answer
	Body    []byte

	AnyRequest bool // the server may take requests that aren't described: only the answer is checked
}

// Check reports an answer that isn't as described, and a request that succeeded and
// isn't. What is refused may be anything. It returns false if there is no such call.
func (d *Description) Check(t T, x Exchange) bool {
	t.Helper()
	ctx := x.Request.Context()
	in, err := d.input(x)
	if err != nil {
		return false
	}
	if x.Status < http.StatusBadRequest && !x.AnyRequest {
		if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
			t.Errorf("%s %s succeeded and is not as described: %v", x.Request.Method, x.Request.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in,
		Status:                 x.Status,
		Header:                 x.Header,
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	}
	out.SetBodyBytes(x.Body)
	if err := openapi3filter.ValidateResponse(ctx, out); err != nil {
		t.Errorf("%s %s: answer is not as described: %v\n%s", x.Request.Method, x.Request.URL, err, x.Body)
	}
	return true
}

// Refuses returns why x's request isn't as described; nil if it is.
func (d *Description) Refuses(x Exchange) error {
	in, err := d.input(x)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(x.Request.Context(), in)
}

func (d *Description) input(x Exchange) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := d.router.FindRoute(x.Request)
	if err != nil {
		return nil, err
	}
	r := x.Request.Clone(x.Request.Context())
	r.Body, r.GetBody = io.NopCloser(bytes.NewReader(x.Sent)), nil
	return &openapi3filter.RequestValidationInput{
		Request:    r,
		PathParams: params,
		Route:      route,
		Options:    &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}, nil
}

// Undescribed returns the paths of those members of x's answer, which is JSON, that the description doesn't name.
// What is below an object that names no members at all may be anything.
func (d *Description) Undescribed(x Exchange) ([]string, error) {
	in, err := d.input(x)
	if err != nil {
		return nil, err
	}
	answer := in.Route.Operation.Responses.Status(x.Status)
	if answer == nil {
		answer = in.Route.Operation.Responses.Default()
	}
	var v any
	if err := json.Unmarshal(x.Body, &v); err != nil {
		return nil, err
	}
	return undescribed("", v, []*openapi3.SchemaRef{answer.Value.Content.Get("application/json").Schema}), nil
}

// undescribed returns the members of v that none of the schemas of its place names.
func undescribed(path string, v any, schemas []*openapi3.SchemaRef) (unnamed []string) {
	members, items := map[string][]*openapi3.SchemaRef{}, []*openapi3.SchemaRef(nil)
	for i := 0; i < len(schemas); i++ {
		s := schemas[i].Value
		schemas = slices.Concat(schemas, s.AllOf, s.OneOf, s.AnyOf)
		for name, member := range s.Properties {
			members[name] = append(members[name], member)
		}
		if s.Items != nil {
			items = append(items, s.Items)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if here, ok := members[name]; ok {
				unnamed = append(unnamed, undescribed(path+"."+name, member, here)...)
			} else if len(members) > 0 {
				unnamed = append(unnamed, path+"."+name)
			}
		}
	case []any:
		for _, item := range v {
			unnamed = append(unnamed, undescribed(path+"[]", item, items)...)
		}
	}
	return unnamed
}

// Operations returns all calls that are described, by their ids.
func (d *Description) Operations() map[string]*openapi3.Operation { return d.operations }

// A Transport is a round tripper that hands each exchange to Check.
type Transport struct {
	Next  http.RoundTripper
	Check func(x Exchange)
}

// RoundTrip makes the request and returns its answer, which has been read and checked.
func (v *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := v.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	v.Check(Exchange{Request: req, Sent: sent, Status: resp.StatusCode, Header: resp.Header, Body: got})
	return resp, nil
}
