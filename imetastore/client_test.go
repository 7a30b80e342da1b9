package imetastore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/imetastore"
)

// client returns a client of the fixture's server.
func (f *fixture) newClient() *imetastore.Client {
	f.t.Helper()
	return newClient(f.t, f.url+"/merchant-api/", imetastore.Password(f.secrets.Email, f.secrets.Password),
		imetastore.ClientOptions{Transport: f.client.Transport, Now: f.clock.Now})
}

func newClient(t testing.TB, base string, c imetastore.Credential, o imetastore.ClientOptions) *imetastore.Client {
	t.Helper()
	client, err := imetastore.NewClient(base, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A scripted upstream answers with what answer returns. It is a transport, so nothing listens.
type scripted struct {
	mu     sync.Mutex
	calls  []string // path, token, body
	answer func(path, token, body string) (status int, answer string)
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	s.calls = append(s.calls, r.URL.Path+" "+token+" "+string(body))
	status, answer := s.answer(r.URL.Path, token, string(body))
	s.mu.Unlock()
	w := httptest.NewRecorder()
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

const loggedIn = `{"code":"0000","msg":"Success","data":{"accessToken":"tok-%d","tokenType":"Bearer","expiresIn":%s,"refreshToken":"r"}}`

// ask is a request for everything.
func ask() imetastore.MessagesRequest {
	return imetastore.MessagesRequest{MinTime: new(imetastore.Integer(0)), MaxTime: new(imetastore.Integer(4102444800))}
}

func TestClientRoundTrip(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	c := f.newClient()
	ctx := t.Context()
	contents := []imetastore.Element{
		{MsgType: "TIMTextElem", MsgContent: `{"text":"Hello \u0041 <&> 你好"}`},
		{MsgType: "TIMLocationElem", MsgContent: `{"desc":"a","latitude":1.50,"longitude":2}`},
		{MsgType: "TIMCustomElem", MsgContent: `{"data":"{\"id\":9007199254740993}"}`},
	}
	for i, e := range contents {
		err := c.Send(ctx, imetastore.SendRequest{
			BuyerID: new(imetastore.Integer(1907369850568257537)), MsgRandom: new(imetastore.Integer(4294967295 - i)), MsgBody: imetastore.Elements{e},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.advance(time.Second)
	}
	for _, who := range []*imetastore.Integer{nil, new(imetastore.Integer(1907369850568257537))} {
		in := ask()
		in.BuyerID = who
		l, err := c.Messages(ctx, in)
		if err != nil || !l.Complete || l.Count != 3 || len(l.Items) != 3 || l.LastTime != imetastore.Integer(start.UnixMilli()) || l.LastKey == "" {
			t.Fatalf("%+v, %v", l, err)
		}
		for i, item := range l.Items {
			m, err := imetastore.MessageOf(item)
			if err != nil || m.Sender != seller || m.Sent != parlance.TimeOf(start.Add(time.Duration(i)*time.Second)) || m.Native.Dialect != parlance.IMetaStore {
				t.Errorf("%+v, %v", m, err)
			}
		}
		if m, _ := imetastore.MessageOf(l.Items[0]); m.Text != "Hello A <&> 你好" {
			t.Errorf("text %q", m.Text)
		}
	}
	// The neighbour that a rounded number would be.
	in := ask()
	in.BuyerID = new(imetastore.Integer(1907369850568257536))
	if l, err := c.Messages(ctx, in); err != nil || len(l.Items) != 0 || !l.Complete {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := c.Login(ctx); err != nil || l.ExpiresIn != 86400 || l.AccessToken == "" {
		t.Errorf("%+v, %v", l.ExpiresIn, err)
	}
}

// TestB24Renewal lets the token end during use.
func TestB24Renewal(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	c := f.newClient()
	for range 5 {
		if _, err := c.Messages(t.Context(), ask()); err != nil {
			t.Fatal(err)
		}
		f.advance(23 * time.Hour)
	}
}

func TestRenewalMargin(t *testing.T) {
	for _, c := range []struct {
		expiresIn string
		margin    time.Duration
		life      time.Duration
	}{{"7200", time.Minute, 2 * time.Hour}, {`"100"`, 10 * time.Second, 100 * time.Second}} {
		now := parlance.TimeOf(start)
		up := &scripted{}
		logins := 0
		up.answer = func(path, _, _ string) (int, string) {
			if strings.HasSuffix(path, "login") {
				logins++
				return 200, fmt.Sprintf(loggedIn, logins, c.expiresIn)
			}
			return 200, `{"code":"0000","data":{"complete":1,"msgList":[]}}`
		}
		client := newClient(t, "https://example.org", imetastore.Password("e@x", "pw"), imetastore.ClientOptions{Transport: up, Now: func() parlance.Time { return now }})
		for _, step := range []struct {
			at     time.Duration
			logins int
		}{{0, 1}, {c.life - c.margin, 1}, {c.life - c.margin + time.Millisecond, 2}, {c.life, 2}} {
			now = parlance.TimeOf(start.Add(step.at))
			if _, err := client.Messages(t.Context(), ask()); err != nil || logins != step.logins {
				t.Errorf("life %v, after %v: %d logins, want %d; %v", c.life, step.at, logins, step.logins, err)
			}
		}
	}
}

// TestB24TokenRefused: one more login and one repetition, in every form in which a token is refused.
func TestB24TokenRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		answer string
		kind   parlance.ErrorKind
		logins int
	}{
		{"401", 401, `{"code":"401","msg":"no"}`, parlance.Unauthenticated, 2},
		{"401 with HTML", 401, `<html>`, parlance.Unauthenticated, 2},
		{"code 401 in a 200", 200, `{"code":"401","msg":"no"}`, parlance.Unauthenticated, 2},
		{"number 401 in a 200", 200, `{"code":401,"msg":"no"}`, parlance.Unauthenticated, 2},
		{"words in a 200", 200, `{"code":"20017","msg":"Access Token expired"}`, parlance.Unauthenticated, 2},
		{"code of words", 200, `{"code":"UNAUTHORIZED","msg":""}`, parlance.Unauthenticated, 2},
		{"403", 403, `{"code":"403","msg":"not your buyer"}`, parlance.Forbidden, 1},
		{"403 with words", 403, `{"code":"403","msg":"not authorized"}`, parlance.Forbidden, 2},
		{"404", 404, `{"code":"10001","msg":"no path"}`, parlance.NotFound, 1},
		{"500 with words", 500, `{"code":"1","msg":"token service is down"}`, parlance.Unavailable, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, dead := range []int{1, 1000} { // tokens that are refused
				up := &scripted{}
				logins, calls := 0, 0
				up.answer = func(path, token, _ string) (int, string) {
					if strings.HasSuffix(path, "login") {
						logins++
						return 200, fmt.Sprintf(loggedIn, logins, "7200")
					}
					calls++
					if token != fmt.Sprint("tok-", logins) {
						t.Errorf("token %q after %d logins", token, logins)
					}
					if logins <= dead {
						return c.status, c.answer
					}
					return 200, `{"code":"0000","data":{"complete":1,"msgList":[]}}`
				}
				client := newClient(t, "https://example.org/x/", imetastore.Password("e@x", "pw"), imetastore.ClientOptions{Transport: up})
				_, err := client.Messages(t.Context(), ask())
				if logins != c.logins || calls != c.logins {
					t.Errorf("%d logins, %d calls, want %d", logins, calls, c.logins)
				}
				if recovers := dead == 1 && c.logins == 2; recovers != (err == nil) || !recovers && parlance.KindOf(err) != c.kind {
					t.Errorf("error %v (%v), want %v", err, parlance.KindOf(err), c.kind)
				}
			}
		})
	}
}

// TestB23ErrorInsideSuccess: what is an error by its code is one whatever the status, and what isn't JSON is no answer.
func TestB23ErrorInsideSuccess(t *testing.T) {
	list := `"data":{"complete":1,"msgList":[]}}`
	for name, c := range map[string]struct {
		status int
		answer string
		kind   parlance.ErrorKind
		ok     bool
	}{
		"success":                   {200, `{"code":"0000",` + list, 0, true},
		"number 0":                  {200, `{"code":0,` + list, 0, true},
		"names in capitals":         {200, `{"Code":"0000","Data":{"Complete":1,"Msg_List":[]}}`, 0, true},
		"text 0":                    {200, `{"code":"0",` + list, parlance.Broken, false},
		"no code":                   {200, `{` + list, parlance.Broken, false},
		"code null":                 {200, `{"code":null,` + list, parlance.Broken, false},
		"success with status 500":   {500, `{"code":"0000",` + list, parlance.Unavailable, false},
		"0 with status 400":         {400, `{"code":0,` + list, parlance.Invalid, false},
		"field":                     {200, `{"code":"10002","msg":"Field x"}`, parlance.Invalid, false},
		"field as a number":         {200, `{"code":10002,"msg":"Field x"}`, parlance.Invalid, false},
		"storage":                   {200, `{"code":"10004","msg":"later"}`, parlance.Unavailable, false},
		"storage with status 400":   {400, `{"code":"10004","msg":"later"}`, parlance.Unavailable, false},
		"limit":                     {200, `{"code":"429","msg":"slow"}`, parlance.Limited, false},
		"limit by status":           {429, `slow down`, parlance.Limited, false},
		"unknown code":              {200, `{"code":"777","msg":"?"}`, parlance.Broken, false},
		"unknown code, status 400":  {400, `{"code":"777","msg":"?"}`, parlance.Invalid, false},
		"HTML":                      {200, `<html>log in</html>`, parlance.Broken, false},
		"HTML of a gateway":         {502, `<html>bad gateway</html>`, parlance.Unavailable, false},
		"nothing":                   {200, ``, parlance.Broken, false},
		"cut":                       {200, `{"code":"0000","data":{"complete":1,"msgLi`, parlance.Broken, false},
		"array":                     {200, `[]`, parlance.Broken, false},
		"no data":                   {200, `{"code":"0000"}`, parlance.Broken, false},
		"data null":                 {200, `{"code":"0000","data":null}`, parlance.Broken, false},
		"no list, though a count":   {200, `{"code":"0000","data":{"msgCnt":1,"complete":1}}`, parlance.Broken, false},
		"a list that is none":       {200, `{"code":"0000","data":{"complete":1,"msgList":{}}}`, parlance.Broken, false},
		"complete that isn't":       {200, `{"code":"0000","data":{"complete":2,"msgList":[]}}`, parlance.Broken, false},
		"lastMsgTime of a fraction": {200, `{"code":"0000","data":{"complete":1,"lastMsgTime":1.5,"msgList":[]}}`, parlance.Broken, false},
		"redirect":                  {302, ``, parlance.Broken, false},
	} {
		t.Run(name, func(t *testing.T) {
			up := &scripted{answer: func(path, _, _ string) (int, string) {
				if strings.HasSuffix(path, "login") {
					return 200, fmt.Sprintf(loggedIn, 1, "7200")
				}
				return c.status, c.answer
			}}
			client := newClient(t, "https://example.org", imetastore.Password("e@x", "pw"), imetastore.ClientOptions{Transport: up})
			_, err := client.Messages(t.Context(), ask())
			if (err == nil) != c.ok || err != nil && parlance.KindOf(err) != c.kind {
				t.Errorf("error %v (%v), want %v", err, parlance.KindOf(err), c.kind)
			}
			if len(up.calls) != 2 {
				t.Errorf("calls %q", up.calls)
			}
		})
	}
}

// TestB8B9B13Listing reads every form in which a page may come.
func TestB8B9B13Listing(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want imetastore.Listing
	}{
		"numbers":  {`{"msgCnt":0,"complete":1,"lastMsgTime":1734443056000,"lastMsgKey":"k","msgList":[]}`, imetastore.Listing{Complete: true, LastTime: 1734443056000, LastKey: "k"}},
		"texts":    {`{"msgCnt":"0","complete":"1","lastMsgTime":"9007199254740993","lastMsgKey":9007199254740993,"msgList":[]}`, imetastore.Listing{Complete: true, LastTime: 9007199254740993, LastKey: "9007199254740993"}},
		"booleans": {`{"complete":true,"msgList":[]}`, imetastore.Listing{Count: -1, Complete: true}},
		"more":     {`{"msgCnt":7,"complete":false,"lastMsgTime":null,"lastMsgKey":null,"msgList":[]}`, imetastore.Listing{Count: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			up := &scripted{answer: func(path, _, _ string) (int, string) {
				if strings.HasSuffix(path, "login") {
					return 200, fmt.Sprintf(loggedIn, 1, "7200")
				}
				return 200, `{"code":"0000","data":` + c.data + `}`
			}}
			client := newClient(t, "https://example.org", imetastore.Password("e@x", "pw"), imetastore.ClientOptions{Transport: up})
			l, err := client.Messages(t.Context(), ask())
			if err != nil || l.Count != c.want.Count || l.Complete != c.want.Complete || l.LastTime != c.want.LastTime || l.LastKey != c.want.LastKey || len(l.Items) != 0 {
				t.Errorf("%+v, %v, want %+v", l, err, c.want)
			}
			if want := `/seller/im/msg tok-1 {"buyerId":null,"minTime":0,"maxTime":4102444800}`; up.calls[1] != want {
				t.Errorf("asked %s, want %s", up.calls[1], want)
			}
		})
	}
}

// TestSecretsStaySecret: a platform that repeats what it was told doesn't make us tell it.
func TestSecretsStaySecret(t *testing.T) {
	const email, password = "someone@example.org", "pa55-word"
	for _, where := range []string{"login", "msg"} {
		up := &scripted{answer: func(path, token, body string) (int, string) {
			if strings.HasSuffix(path, where) {
				return 400, `{"code":"10002","msg":"` + email + " " + password + " " + token + `"}`
			}
			return 200, fmt.Sprintf(loggedIn, 1, "7200")
		}}
		client := newClient(t, "https://example.org", imetastore.Password(email, password), imetastore.ClientOptions{Transport: up})
		_, err := client.Messages(t.Context(), ask())
		if err == nil || parlance.KindOf(err) != parlance.Invalid {
			t.Fatalf("error %v", err)
		}
		var r *imetastore.Refusal
		if !errors.As(err, &r) {
			t.Fatalf("error %v is no refusal", err)
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", *r), r.Text} {
			if strings.Contains(text, email) || where == "login" && strings.Contains(text, password) || strings.Contains(text, "tok-1") {
				t.Errorf("told: %s", text)
			}
		}
	}
}

// TestOneLogin: many calls at once want a token, and again when it is refused.
func TestOneLogin(t *testing.T) {
	var logins, inFlight atomic.Int32
	var good atomic.Value
	good.Store("tok-1")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "login") {
			if inFlight.Add(1) > 1 {
				t.Error("two logins at once")
			}
			defer inFlight.Add(-1)
			fmt.Fprintf(w, loggedIn, logins.Add(1), "7200")
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+good.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"code":"401","msg":"no"}`)
			return
		}
		fmt.Fprint(w, `{"code":"0000","data":{"complete":1,"msgList":[]}}`)
	}))
	defer srv.Close()
	client := newClient(t, srv.URL, imetastore.Password("e@x", "pw"), imetastore.ClientOptions{})
	for round := range int32(3) {
		good.Store(fmt.Sprint("tok-", round+1))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := client.Messages(context.Background(), ask()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := logins.Load(); n != round+1 {
			t.Fatalf("%d logins in round %d", n, round)
		}
	}
}

// TestLoginOutlivesItsCaller: who gives up doesn't take the login from the others.
func TestLoginOutlivesItsCaller(t *testing.T) {
	asked, goOn := make(chan bool), make(chan bool)
	credential := func(ctx context.Context) (string, string, error) {
		asked <- true
		<-goOn
		return "e@x", "pw", ctx.Err()
	}
	up := &scripted{answer: func(path, _, _ string) (int, string) {
		if strings.HasSuffix(path, "login") {
			return 200, fmt.Sprintf(loggedIn, 1, "7200")
		}
		return 200, `{"code":"0000","data":{"complete":1,"msgList":[]}}`
	}}
	client := newClient(t, "https://example.org", credential, imetastore.ClientOptions{Transport: up})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := client.Messages(ctx, ask())
		first <- err
	}()
	<-asked
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(goOn)
	second := make(chan error)
	go func() {
		_, err := client.Messages(t.Context(), ask())
		second <- err
	}()
	if err := <-second; err != nil {
		t.Error(err)
	}
}

func TestLoginRefusedToClient(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	broken := errors.New("no such file")
	for name, c := range map[string]struct {
		credential imetastore.Credential
		check      func(error) bool
	}{
		"wrong":    {imetastore.Password(f.secrets.Email, "wrong"), func(err error) bool { return parlance.KindOf(err) == parlance.Unauthenticated }},
		"empty":    {imetastore.Password("", ""), func(err error) bool { return parlance.KindOf(err) == parlance.Invalid }},
		"no file":  {func(context.Context) (string, string, error) { return "", "", broken }, func(err error) bool { return errors.Is(err, broken) }},
		"not text": {imetastore.Password("a\xff", "b"), func(err error) bool { return parlance.KindOf(err) == parlance.Invalid }},
	} {
		client := newClient(t, f.url, c.credential, imetastore.ClientOptions{Transport: f.client.Transport, Now: f.clock.Now})
		if _, err := client.Messages(t.Context(), ask()); !c.check(err) {
			t.Errorf("%s: %v (%v)", name, err, parlance.KindOf(err))
		}
	}
	for _, bad := range []string{`null`, `{}`, `{"accessToken":""}`, `{"accessToken":"a\nb"}`, `{"accessToken":"a","expiresIn":1.5}`, `7`} {
		up := &scripted{answer: func(string, string, string) (int, string) { return 200, `{"code":"0000","data":` + bad + `}` }}
		client := newClient(t, "https://example.org", imetastore.Password("e", "p"), imetastore.ClientOptions{Transport: up})
		if _, err := client.Login(t.Context()); parlance.KindOf(err) != parlance.Broken {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestSendIsNotRepeated: whatever happens to it, a message that may have been sent is not sent again.
func TestSendIsNotRepeated(t *testing.T) {
	in := imetastore.SendRequest{
		BuyerID: new(imetastore.Integer(1907369850568257537)), MsgRandom: new(imetastore.Integer(7)),
		MsgBody: imetastore.Elements{{MsgType: "TIMTextElem", MsgContent: `{"text":"a"}`}},
	}
	for _, c := range []struct {
		status int
		answer string
		sends  int
		kind   parlance.ErrorKind
	}{
		{500, `{"code":"10004","msg":"token store"}`, 1, parlance.Unavailable},
		{502, `<html>`, 1, parlance.Unavailable},
		{200, `<html>`, 1, parlance.Broken},
		{429, `{}`, 1, parlance.Limited},
		{401, `{"code":"401","msg":"no"}`, 2, parlance.Unauthenticated}, // refused, so not sent
	} {
		sends := 0
		up := &scripted{answer: func(path, _, body string) (int, string) {
			if strings.HasSuffix(path, "login") {
				return 200, fmt.Sprintf(loggedIn, 1, "7200")
			}
			sends++
			if want := `{"buyerId":1907369850568257537,"msgRandom":7,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"a"}}}`; body != want {
				t.Errorf("sent %s, want %s", body, want)
			}
			return c.status, c.answer
		}}
		client := newClient(t, "https://example.org", imetastore.Password("e", "p"), imetastore.ClientOptions{Transport: up})
		if err := client.Send(t.Context(), in); parlance.KindOf(err) != c.kind || sends != c.sends {
			t.Errorf("%d %s: %d times sent, %v", c.status, c.answer, sends, err)
		}
	}
	up := &scripted{answer: func(path, _, _ string) (int, string) { t.Errorf("%s was called", path); return 500, "" }}
	client := newClient(t, "https://example.org", imetastore.Password("e", "p"), imetastore.ClientOptions{Transport: up})
	for name, spoil := range map[string]func(*imetastore.SendRequest){
		"no buyer":       func(in *imetastore.SendRequest) { in.BuyerID = nil },
		"buyer 0":        func(in *imetastore.SendRequest) { in.BuyerID = new(imetastore.Integer(0)) },
		"no random":      func(in *imetastore.SendRequest) { in.MsgRandom = nil },
		"large random":   func(in *imetastore.SendRequest) { in.MsgRandom = new(imetastore.Integer(1 << 32)) },
		"no element":     func(in *imetastore.SendRequest) { in.MsgBody = nil },
		"two elements":   func(in *imetastore.SendRequest) { in.MsgBody = append(in.MsgBody[:1:1], in.MsgBody[0]) },
		"no type":        func(in *imetastore.SendRequest) { in.MsgBody = imetastore.Elements{{MsgContent: `{}`}} },
		"content a text": func(in *imetastore.SendRequest) { in.MsgBody = imetastore.Elements{{MsgType: "T", MsgContent: `"a"`}} },
		"content broken": func(in *imetastore.SendRequest) { in.MsgBody = imetastore.Elements{{MsgType: "T", MsgContent: `{`}} },
	} {
		bad := in
		spoil(&bad)
		if err := client.Send(t.Context(), bad); parlance.KindOf(err) != parlance.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
