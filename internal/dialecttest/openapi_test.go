package dialecttest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"parlance/internal/dialecttest"
)

const described = `
openapi: 3.0.3
info: {title: rooms, version: "1"}
paths:
  /rooms:
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [name]}}}
      responses:
        "200":
          description: made
          content: {application/json: {schema: {type: object, required: [id]}}}
        "400": {description: refused}
`

// reports keeps what a check reports.
type reports []string

func (r *reports) Helper() {}
func (r *reports) Errorf(format string, args ...any) {
	*r = append(*r, fmt.Sprintf(format, args...))
}

func TestCheckReports(t *testing.T) {
	d, err := dialecttest.Describe([]byte(described), "http://here/v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, sent string
		status           int
		body             string
		known            bool
		report           string // part of it; empty = none
	}{
		{"as described", "/v1/rooms", `{"name":"a"}`, 200, `{"id":"1"}`, true, ""},
		{"wrong answer", "/v1/rooms", `{"name":"a"}`, 200, `{}`, true, "answer is not as described"},
		{"wrong request served", "/v1/rooms", `{}`, 200, `{"id":"1"}`, true, "succeeded and is not as described"},
		{"wrong request refused", "/v1/rooms", `{}`, 400, ``, true, ""},
		{"status not described", "/v1/rooms", `{}`, 418, ``, true, "answer is not as described"},
		{"other path", "/v1/people", `{}`, 404, ``, false, ""},
		{"other server", "/rooms", `{}`, 404, ``, false, ""},
	} {
		req := httptest.NewRequest("POST", "http://here"+c.path, nil)
		req.Header.Set("Content-Type", "application/json")
		var r reports
		known := d.Check(&r, dialecttest.Exchange{
			Request: req, Sent: []byte(c.sent), Status: c.status,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(c.body),
		})
		if known != c.known || (len(r) > 0) != (c.report != "") || !strings.Contains(strings.Join(r, "\n"), c.report) {
			t.Errorf("%s: known %t, reports %q", c.name, known, r)
		}
	}
}

func TestUndescribedMembersAreFound(t *testing.T) {
	d, err := dialecttest.Describe([]byte(strings.Replace(described, "{type: object, required: [id]}",
		"{type: object, allOf: [{properties: {id: {type: string}}}], properties: {list: {type: array, items: {properties: {x: {}}}}, free: {type: object}}}", 1)), "http://here/v1")
	if err != nil {
		t.Fatal(err)
	}
	unnamed, err := d.Undescribed(dialecttest.Exchange{
		Request: httptest.NewRequest("POST", "http://here/v1/rooms", nil), Status: 200,
		Body: []byte(`{"id":"1","list":[{"x":1},{"y":{"z":2}}],"free":{"a":1},"more":1}`),
	})
	slices.Sort(unnamed)
	if want := []string{".list[].y", ".more"}; err != nil || !slices.Equal(unnamed, want) {
		t.Errorf("found %q, %v, want %q", unnamed, err, want)
	}
}

func TestDescribeRefuses(t *testing.T) {
	for _, bad := range []string{"{", "openapi: 3.0.3"} {
		if _, err := dialecttest.Describe([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
