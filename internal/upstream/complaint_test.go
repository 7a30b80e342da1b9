package upstream

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// TestComplaint finds an error in a success by any usual name, and none in answers that have such names and say nothing.
func TestComplaint(t *testing.T) {
	for _, body := range []string{
		`{"message":"m","error":"e","code":"InternalError","items":[],"total":0,"limit":24}`,
		`{"ok":false,"errors":["x"],"items":[]}`,
		`{"items":[],"errors":[{"message":"x"}]}`,
		`{"errors":{"base":["x"]}}`,
		`{"items":[],"error":{"code":0,"message":"x"}}`,
		`{"items":[],"error":true}`,
		`{"items":[],"error":5}`,
		`{"code":"RateLimitExceeded","items":[]}`,
		`{"code":500}`, `{"code":"10004","data":{}}`, `{"code":-1}`, `{"code":{"a":1}}`,
		`{"errcode":40001,"errmsg":"invalid credential"}`,
		`{"errCode":"1"}`, `{"error_code":"X"}`, `{"Error-Code":7}`, `{"ERROR":"x"}`,
		`{"errorMessage":"x"}`, `{"error_description":"x"}`, `{"error_msg":"x"}`,
		`{"success":false}`, `{"success":"false","items":[]}`, `{"success":0}`, `{"isSuccess":false}`, `{"ok":"no"}`,
		`{"status":"error"}`, `{"status":"FAILED"}`, `{"status":503,"title":"t","detail":"d"}`, `{"status":"404"}`,
		`{"status_code":500}`, `{"statusCode":"502"}`,
		`{"result":false}`, `{"result":"fail"}`, `{"RC":1}`, `{"ret":-3}`, `{"retcode":101}`,
		`{"fault":{"faultstring":"x"}}`, `{"exception":"java.lang.NullPointerException"}`, `{"hasErrors":true}`,
		`{"timed_out":true}`, `{"incomplete_results":true,"items":[]}`,
		"{\"items\":[],\"error\":\"\xff\"}",
		`{"a":1,"a":2,"error":"twice"}`,
	} {
		a := Answer{Status: 200, Body: []byte(body)}
		err := a.CheckSuccess(Call{Path: "/x"})
		if !errors.Is(err, parlance.Broken) {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{
		`{"items":[],"total":0,"limit":24}`,
		`{"code":"0000","msg":"Success","data":null}`, `{"code":0}`, `{"code":"0"}`, `{"code":200}`, `{"code":"OK"}`, `{"code":null}`, `{"code":""}`,
		`{"RC":0,"RM":"OK","result":{"error":"inside"}}`,
		`{"ok":true,"error":null,"errors":[]}`, `{"error":{}}`, `{"error":""}`, `{"error":false}`, `{"error":{"code":0,"message":""}}`,
		`{"errors":[],"success":true}`, `{"success":null}`, `{"success":1}`, `{"errcode":0,"errmsg":"ok"}`,
		`{"status":"open"}`, `{"status":"active"}`, `{"status":200}`, `{"status":null}`, `{"result":true,"status":200,"message":"done"}`,
		`{"id":"m","platform":"shop_messages","type":"message","message":{"error":"inside"}}`,
		`{"warnings":["x"],"message":"hello"}`,
		`[{"error":"x"}]`, `"error"`, ``, `{`, `{"error"`, `null`,
	} {
		if said := Complaint([]byte(body)); said != "" {
			t.Errorf("%s: %q", body, said)
		}
	}
	refused := Answer{Status: 500, Body: []byte(`{"error":"x"}`)}
	if err := refused.CheckSuccess(Call{}); err != nil {
		t.Errorf("a status that is no success tells for itself: %v", err)
	}
}

// TestComplaintShows tells of the error in one short line, without the secrets.
func TestComplaintShows(t *testing.T) {
	a := Answer{Status: 200, Body: []byte("{\"error\":\"the token s\\u0033cret\\u001b is \xffbad\\n" + strings.Repeat("x", 100_000) + `"}`)}
	err := a.CheckSuccess(Call{Path: "/x"}, "s3cret", "")
	if err == nil || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 400 || !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("%v", err)
	}
}

// FuzzComplaint holds what an answer may say of an error to what it costs to find it, and to what may be shown.
func FuzzComplaint(f *testing.F) {
	for _, s := range []string{
		`{"error":"e"}`, `{"errors":[{"a":[{}]}]}`, `{"ok":false}`, `{"code":"é\ud800"}`, `[]`, "{\"\xff\":1,\"error\":\"\xff\"}", `{"e\u0072ror":1}`,
		strings.Repeat(`{"error":`, 50),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		said := Complaint(body)
		if len(said) > 4*maxExcerpt {
			t.Errorf("%d bytes are told", len(said))
		}
		if !bytes.Equal(before, body) {
			t.Error("the answer was changed")
		}
		if said != "" && jsontext.Value(bytes.TrimSpace(body)).Kind() != '{' {
			t.Errorf("%q tells of an error: %s", body, said)
		}
		if n := testing.AllocsPerRun(1, func() { Complaint(body) }); n > 100+float64(len(body)) {
			t.Errorf("%v allocations for %d bytes", n, len(body))
		}
	})
}
