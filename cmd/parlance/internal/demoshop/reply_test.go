package demoshop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/imetastore"
	"parlance/shopline"
	"parlance/store"
)

// ask makes a request that must succeed and decodes the answer.
func ask[T any](t *testing.T, to http.Handler, method, path, token, body string) T {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s %s = %d %s, %v", method, path, w.Code, w.Body, err)
	}
	return v
}

// TestRepliesGoWhereTheyWereRead lists all conversations of the demo, whichever platform they came from, reads each, and replies as
// that platform's clients do. The reply is in the conversation that was read, and no other one was made.
func TestRepliesGoWhereTheyWereRead(t *testing.T) {
	s, w := open(t)
	ctx := t.Context()
	k, err := access.Open(ctx, s, access.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, secrets, err := k.CreateWorkspace(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := Fill(ctx, s, w); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for _, kind := range []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order} {
			one, err := s.CountConversations(ctx, w.ID, store.List{Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			n += one
		}
		return n
	}
	before := count()

	shop, token := shopline.New(s, k, shopline.Options{}), secrets.ShoplineToken
	replied := 0
	for _, platform := range []string{"shop_messages", "order_messages"} {
		list := ask[shopline.ConversationPage](t, shop, "GET", "/v1/conversations?per_page=250&platform="+platform, token, "")
		if len(list.Items) == 0 || len(list.Items) != list.Pagination.TotalCount {
			t.Fatalf("%s: %d of %d", platform, len(list.Items), list.Pagination.TotalCount)
		}
		for _, c := range list.Items {
			page := "/v1/conversations/" + string(c.ID) + "/messages?platform=" + platform
			if platform == "shop_messages" && c.CustomerID == "" {
				continue // a room of many, in which the platform knows nobody to reply to
			}
			read := ask[shopline.Page](t, shop, "GET", page, token, "")
			var sent struct{ ID parlance.MessageID }
			if platform == "shop_messages" {
				sent = ask[struct{ ID parlance.MessageID }](t, shop, "POST", "/v1/conversations/message", token,
					fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":"reply"}`, w.Merchant, c.CustomerID))
			} else {
				sent = ask[struct{ ID parlance.MessageID }](t, shop, "POST", "/v1/orders/"+c.OrderID+"/messages", token, `{"text":"reply"}`)
			}
			again := ask[shopline.Page](t, shop, "GET", page, token, "")
			if again.Total != read.Total+1 || again.Items[0].ID != sent.ID {
				t.Errorf("%s: the reply to what was read in %s, with %s, is not there", platform, c.ID, c.CustomerID)
			}
			replied++
		}
	}
	if replied < 20 {
		t.Errorf("%d conversations", replied)
	}

	session, err := k.Login(ctx, secrets.Email, secrets.Password)
	if err != nil {
		t.Fatal(err)
	}
	buyers := imetastore.New(s, k, imetastore.Options{})
	type message struct{ MsgRandom uint32 }
	type answer = imetastore.Envelope[struct{ MsgList []message }]
	var key string
	met := map[string]bool{}
	for more := true; more; {
		all := ask[imetastore.Envelope[imetastore.MessageList]](t, buyers, "POST", "/seller/im/msg", session.AccessToken,
			fmt.Sprintf(`{"minTime":0,"maxTime":4102444800,"lastMsgKey":%q}`, key))
		for _, m := range all.Data.MsgList {
			buyer := m.FromAccount
			if buyer == w.Seller {
				buyer = m.ToAccount
			}
			met[string(buyer)] = true
		}
		key, more = all.Data.LastMsgKey, all.Data.Complete == 0
	}
	ofOrdersAlone := 0
	for buyer := range met {
		if !hasChat(t, s, w.ID, buyer) {
			ofOrdersAlone++
		}
		ask[answer](t, buyers, "POST", "/seller/im/send-msg", session.AccessToken,
			fmt.Sprintf(`{"buyerId":%s,"msgRandom":4242,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":"reply"}}}`, buyer))
		read := ask[answer](t, buyers, "POST", "/seller/im/msg", session.AccessToken, fmt.Sprintf(`{"buyerId":%s,"minTime":0,"maxTime":4102444800}`, buyer))
		if !slices.ContainsFunc(read.Data.MsgList, func(m message) bool { return m.MsgRandom == 4242 }) {
			t.Errorf("the reply to buyer %s isn't in what is read: %+v", buyer, read)
		}
	}
	if len(met) < 20 {
		t.Errorf("%d buyers", len(met))
	}
	// Only who has nothing but an order gets a conversation of iMetaStore's own: iMetaStore sending, conversation.
	if after := count(); after != before+ofOrdersAlone {
		t.Errorf("%d conversations became %d, with %d buyers of orders alone", before, after, ofOrdersAlone)
	}
}

// hasChat reports whether a buyer has a conversation that isn't about an order.
func hasChat(t *testing.T, s *store.Store, ws parlance.WorkspaceID, buyer string) bool {
	t.Helper()
	number, err := strconv.ParseInt(buyer, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	account, err := s.AccountOfNumber(t.Context(), ws, number)
	if err != nil {
		t.Fatal(err)
	}
	for sum, err := range s.Recent(t.Context(), ws, store.List{Account: account}) {
		if err != nil {
			t.Fatal(err)
		}
		if sum.Conversation.Kind == parlance.Shop && sum.Conversation.Customer == account {
			return true
		}
	}
	return false
}
