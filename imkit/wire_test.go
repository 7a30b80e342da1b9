package imkit

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/internal/enginetest"
	"parlance/store"
)

// strict decodes all of b into v, which must have a field for each.
func strict(t testing.TB, b []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Errorf("%v: %s", err, b)
	}
}

// What the appenders and handlers write is what the wire types say.
func TestWireTypesDescribeTheAnswers(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, enginetest.Open(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k, err := access.Open(ctx, s, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, secrets, err := k.CreateWorkspace(ctx, access.Workspace{ID: "w"})
	if err != nil {
		t.Fatal(err)
	}
	server := New(s, k, Options{})
	call := func(method, path, body string) []byte {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("IM-API-KEY", secrets.APIKey)
		r.Header.Set("IM-CLIENT-ID", "ann")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		return w.Body.Bytes()
	}
	strict(t, call("POST", "/rooms", `{"_id":"r","members":["ann","ben"],"owner":"ann","webhook":"x","botMode":true}`), &envelope[Room]{})
	var first envelope[Message]
	strict(t, call("POST", "/rooms/r/message", `{"message":"hi @ben","mentions":["ben"]}`), &first)
	for _, body := range []string{
		`{"message":"re","reply":"` + first.Result.ID + `"}`,
		`{"messageType":"image","images":[{"originalUrl":"https://x/a","thumbnailUrl":"https://x/t","width":1,"height":2}]}`,
		`{"messageType":"file","originalUrl":"https://x/a.pdf"}`,
		`{"messageType":"location","message":"x","latitude":1.5,"longitude":2}`,
		`{"messageType":"sticker","sticker":"s"}`,
		`{"_id":"` + first.Result.ID + `","message":"edited"}`,
	} {
		strict(t, call("POST", "/rooms/r/message", body), &envelope[Message]{})
	}
	strict(t, call("POST", "/messages/"+first.Result.ID+"/reaction", `{"reaction":"+"}`), &envelope[Message]{})
	if _, err := s.Put(ctx, parlance.Ref{Workspace: "w", Conversation: "r"}, store.Import, parlance.Message{
		ID: "imported", Sender: "ben", Type: parlance.TypeVideo, Sent: 1, Created: 1, Updated: 1,
		Attachments: []parlance.Attachment{{Type: parlance.TypeVideo, URL: "https://x/v", Thumb: "https://x/t", Width: 1, Height: 2, Duration: 5000}},
	}); err != nil {
		t.Fatal(err)
	}
	strict(t, call("POST", "/messages/user-delete", `{"room":"r","messages":["`+first.Result.ID+`"]}`), &envelope[HideResult]{})
	var page envelope[MessagePage]
	strict(t, call("GET", "/rooms/r/messages/v3?afterTime=0", ""), &page)
	if len(page.Result.Data) != 7 || page.Result.TotalCount != 7 {
		t.Errorf("page = %+v", page)
	}
	for _, m := range page.Result.Data {
		if m.MessageType == "file" || m.MessageType == "video" {
			strict(t, m.Extra, &FileExtra{})
		}
	}
	var rooms envelope[RoomPage]
	strict(t, call("GET", "/rooms", ""), &rooms)
	if len(rooms.Result.Data) != 1 || len(rooms.Result.Data[0].Members.Users) != 2 {
		t.Errorf("rooms = %+v", rooms)
	}
	strict(t, call("GET", "/me", ""), &envelope[Self]{})
	strict(t, call("PUT", "/rooms/r/lastRead", `{}`), &envelope[LastReadResult]{})
	strict(t, call("GET", "/rooms/nosuch", ""), &errorEnvelope{})
	strict(t, call("PUT", "/admin/clients/nobody/token", "{}"), &flatErrorEnvelope{})
}

func TestMemberListReadsBothForms(t *testing.T) {
	for _, text := range []string{`["a","b"]`, `[]`, `[{"_id":"a","nickname":"","description":"","avatarUrl":"","id":"a","lastLoginTimeMS":0}]`} {
		var l MemberList
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(l); err != nil || string(got) != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2020-10-15T03:50:04Z":        "2020-10-15T03:50:04.000Z",
		"2020-10-15T03:50:04.123456Z": "2020-10-15T03:50:04.123Z",
		"2020-10-15T11:50:04+08:00":   "2020-10-15T03:50:04.000Z",
		"2020-10-15T11:50:04 08:00":   "2020-10-15T03:50:04.000Z",
		"2020-10-15T11:50:04+0800":    "2020-10-15T03:50:04.000Z",
		"2020-10-15T03:50:04":         "2020-10-15T03:50:04.000Z",
		"2020-10-15T03:50":            "2020-10-15T03:50:00.000Z",
		"2020-10-15":                  "2020-10-15T00:00:00.000Z",
		"1602733804000":               "2020-10-15T03:50:04.000Z",
		"0":                           "1970-01-01T00:00:00.000Z",
		"-1":                          "1969-12-31T23:59:59.999Z",
		"20201015":                    "1970-01-01T05:36:41.015Z",
		"":                            "", "-": "", "now": "", "1e12": "", "2020-10-15T25:00:00Z": "",
		"253402300800000": "", "99999999999999999999": "", "2020-10-15 03:50:04": "",
	} {
		got, ok := parseTime(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q = %s, %v, want %q", text, got, ok, want)
		}
	}
}
