package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parlance"
)

var platforms = Platforms()

func newUpstream(t *testing.T, o Options) *Upstream {
	t.Helper()
	u, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A reader makes requests of an upstream without a network.
type reader struct {
	t     *testing.T
	u     *Upstream
	token string // iMetaStore's
}

const base = "https://platform.example"

// send makes one request with the credentials that work now.
func (r *reader) send(method, path, body string) (*http.Response, []byte, error) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	switch c := r.u.Credentials(); r.u.Platform() {
	case parlance.IMKit:
		req.Header.Set("IM-CLIENT-KEY", c.ClientKey)
		req.Header.Set("IM-Authorization", c.Token)
	case parlance.Shopline:
		req.Header.Set("Authorization", "Bearer "+c.Token)
	default:
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	resp, err := r.u.Transport().RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// get is send of what must succeed, decoded into v.
func (r *reader) get(path, body string, v any) {
	r.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	resp, b, err := r.send(method, path, body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: status %d, %v: %s", path, resp.StatusCode, err, b)
	}
	if err := json.Unmarshal(b, v); err != nil {
		r.t.Fatalf("%s: %v: %s", path, err, b)
	}
}

func (r *reader) login() {
	r.t.Helper()
	c := r.u.Credentials()
	var out struct{ Data struct{ AccessToken string } }
	r.get("/merchant-api/seller/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, c.Email, c.Password), &out)
	r.token = out.Data.AccessToken
}

type imkitAnswer struct {
	RC     int
	Result struct {
		TotalCount int
		Data       []json.RawMessage
	}
}

type shoplineAnswer struct {
	Total, Limit int
	Items        []json.RawMessage
}

type imetastoreAnswer struct {
	Code string
	Data struct {
		MsgCnt, Complete int
		LastMsgTime      int64
		LastMsgKey       string
		MsgList          []json.RawMessage
	}
}

// A stub is what a page's items are told apart by.
type stub struct {
	ID      string `json:"id"`
	Message json.RawMessage
}

func idOf(t *testing.T, raw []byte) string {
	t.Helper()
	var s stub
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return s.ID
}

func createdOf(t *testing.T, raw []byte) string {
	t.Helper()
	var s struct {
		Message struct {
			CreatedAt string `json:"created_at"`
		}
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return s.Message.CreatedAt
}

// all reads everything as the contracts say, trusting all that a platform may be trusted in. It returns the messages
// by conversation, newest first.
func (r *reader) all(limit int) map[string][][]byte {
	r.t.Helper()
	got := map[string][][]byte{}
	switch r.u.Platform() {
	case parlance.IMKit:
		var rooms struct{ Result struct{ Data []stub } }
		r.get("/rooms?limit=1000", "", &rooms)
		for _, room := range rooms.Result.Data {
			for anchor := ""; ; {
				q := url.Values{"limit": {fmt.Sprint(limit)}, "timeRangeField": {"createdAt"}}
				if anchor != "" {
					q.Set("beforeMessage", anchor)
				}
				var page imkitAnswer
				r.get("/rooms/"+url.PathEscape(room.ID)+"/messages/v3?"+q.Encode(), "", &page)
				if len(page.Result.Data) == 0 {
					break
				}
				for _, m := range page.Result.Data {
					got[room.ID] = append(got[room.ID], m)
					anchor = idOf(r.t, m)
				}
			}
		}
	case parlance.Shopline:
		for _, platform := range []string{"shop_messages", "order_messages"} {
			var list struct{ Items []stub }
			r.get("/v1/conversations?per_page=250&platform="+platform, "", &list)
			for _, c := range list.Items {
				for end := ""; ; {
					q := url.Values{"limit": {fmt.Sprint(limit)}, "platform": {platform}}
					if end != "" {
						q.Set("end", end)
					}
					var page shoplineAnswer
					r.get("/v1/conversations/"+c.ID+"/messages?"+q.Encode(), "", &page)
					if len(page.Items) == 0 {
						break
					}
					for _, m := range page.Items {
						got[c.ID] = append(got[c.ID], m)
						end = createdOf(r.t, m)
					}
				}
			}
		}
	default:
		r.login()
		most, key := int64(4102444800), ""
		for {
			var page imetastoreAnswer
			r.get("/seller/im/msg", fmt.Sprintf(`{"buyerId":null,"minTime":0,"maxTime":%d,"lastMsgKey":%q}`, most, key), &page)
			for _, m := range slices.Backward(page.Data.MsgList) {
				var s struct{ FromAccount, ToAccount string }
				if err := json.Unmarshal(m, &s); err != nil {
					r.t.Fatal(err)
				}
				buyer := s.FromAccount
				if strings.HasPrefix(buyer, "seller_") {
					buyer = s.ToAccount
				}
				got[buyer] = append(got[buyer], m)
			}
			if page.Data.Complete == 1 {
				break
			}
			most, key = page.Data.LastMsgTime/1000, page.Data.LastMsgKey
		}
	}
	return got
}

// TestNaive checks that without faults a plain read gets exactly what the upstream says it holds.
func TestNaive(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		for seed := range uint64(8) {
			u := newUpstream(t, Options{Platform: p, Seed: seed, Messages: 150, Conversations: 5, Page: 13})
			r := &reader{t: t, u: u}
			checkAll(t, u, r.all(7))
		}
	}
}

func checkAll(t *testing.T, u *Upstream, got map[string][][]byte) {
	t.Helper()
	truth := u.Truth()
	n := 0
	for _, c := range truth.Conversations {
		var want [][]byte
		for _, m := range slices.Backward(c.Messages) {
			want = append(want, m.Raw)
			if !bytes.Equal(m.Raw, m.Served) {
				t.Errorf("%s: served %s, holds %s", u.Platform(), m.Served, m.Raw)
			}
		}
		if !slices.EqualFunc(got[c.ID], want, bytes.Equal) {
			t.Errorf("%s, %s: read %d messages, holds %d", u.Platform(), c.ID, len(got[c.ID]), len(want))
		}
		n += len(want)
	}
	if n != truth.Messages || n == 0 {
		t.Errorf("%s: %d messages, the total says %d", u.Platform(), n, truth.Messages)
	}
}
