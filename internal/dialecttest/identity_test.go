package dialecttest_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parlance"
	"parlance/access"
	"parlance/export"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/internal/dialecttest"
	"parlance/search"
	"parlance/shopline"
	"parlance/store"
)

const (
	customer = "600d71329888be544e4f27fb"
	orderID  = "5d8c8b3be388095d25acbc89"
	buyer    = "1907369850568257537"
	secret   = "for the eyes of the second alone"
)

// A house is one workspace that all three dialects are served from.
type house struct {
	*testing.T
	store                       *store.Store
	keeper                      *access.Keeper
	ws                          access.Workspace
	secrets                     access.Secrets
	seller                      string
	imkit, shopline, imetastore http.Handler
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t}
	h.store, h.keeper, _ = dialecttest.Open(t, 1_700_000_000_000)
	var err error
	if h.ws, h.secrets, err = h.keeper.CreateWorkspace(t.Context(), access.Workspace{ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	session, err := h.keeper.Login(t.Context(), h.secrets.Email, h.secrets.Password)
	if err != nil {
		t.Fatal(err)
	}
	h.seller = session.AccessToken
	index := search.Open(h.store, search.Options{})
	t.Cleanup(index.Close)
	h.imkit = imkit.New(h.store, h.keeper, imkit.Options{Search: index})
	h.shopline = shopline.New(h.store, h.keeper, shopline.Options{})
	h.imetastore = imetastore.New(h.store, h.keeper, imetastore.Options{})
	return h
}

// call makes a request and returns the status and the body.
func (h *house) call(to http.Handler, method, path, body string, headers ...string) (int, string) {
	h.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// user returns the headers of an ordinary user.
func (h *house) user(id parlance.AccountID) []string {
	h.Helper()
	token, err := h.keeper.AddToken(h.Context(), h.ws.ID, id, access.Claims{})
	if err != nil {
		h.Fatal(err)
	}
	return []string{"IM-CLIENT-KEY", h.secrets.ClientKey, "IM-Authorization", token.Token}
}

func (h *house) key() []string { return []string{"IM-API-KEY", h.secrets.APIKey} }

// A second is a way in which a conversation is written to by those whose it is, with the id that it has then.
type second struct {
	name  string
	id    parlance.ConversationID
	write func(h *house) (int, string)
	error int // the status where another conversation has the id
}

func (h *house) sendShop() (int, string) {
	return h.call(h.shopline, "POST", "/v1/conversations/message", fmt.Sprintf(`{"sender_id":%q,"recipient_id":%q,"text":%q}`, h.ws.Merchant, customer, secret),
		"Authorization", "Bearer "+h.secrets.ShoplineToken)
}

func (h *house) sendOrder() (int, string) {
	return h.call(h.shopline, "POST", "/v1/orders/"+orderID+"/messages",
		fmt.Sprintf(`{"trackable_type":"Order","trackable_id":%q,"text":%q,"is_private":true}`, orderID, secret), "Authorization", "Bearer "+h.secrets.ShoplineToken)
}

func (h *house) sendBuyer() (int, string) {
	return h.call(h.imetastore, "POST", "/seller/im/send-msg",
		fmt.Sprintf(`{"buyerId":%s,"msgRandom":7,"msgBody":{"msgType":"TIMTextElem","msgContent":{"text":%q}}}`, buyer, secret), "Authorization", "Bearer "+h.seller)
}

// openDirect opens the room of alice and bob, and writes there.
func (h *house) openDirect() (int, string) {
	alice := h.user("alice")
	status, body := h.call(h.imkit, "POST", "/rooms/createAndJoin", `{"roomType":"direct","invitee":"bob"}`, alice...)
	if status != 200 {
		return status, body
	}
	return h.call(h.imkit, "POST", "/rooms/"+string(directOf("alice", "bob"))+"/message", fmt.Sprintf(`{"message":%q}`, secret), alice...)
}

func derivedOf(h *house, kind parlance.Kind, about string) parlance.ConversationID {
	sum := sha256.Sum256([]byte(string(h.ws.Merchant) + "\x00" + string(kind) + "\x00" + about))
	return parlance.ConversationID(hex.EncodeToString(sum[:12]))
}

func directOf(a, b string) parlance.ConversationID {
	sum := md5.Sum([]byte(a + "_" + b))
	return parlance.ConversationID(hex.EncodeToString(sum[:]))
}

func (h *house) seconds() []second {
	return []second{
		{"SHOPLINE, shop", derivedOf(h, parlance.Shop, customer), (*house).sendShop, 422},
		{"SHOPLINE, order", derivedOf(h, parlance.Order, orderID), (*house).sendOrder, 422},
		{"iMetaStore", parlance.ConversationID(string(h.ws.Seller) + ":" + buyer), (*house).sendBuyer, 409},
		{"IMKit, direct", directOf("alice", "bob"), (*house).openDirect, 409},
	}
}

// sees reports whether anything that a user can ask for about a conversation, or at all, holds the secret.
func (h *house) sees(id parlance.ConversationID, who parlance.AccountID) bool {
	h.Helper()
	user, room := h.user(who), url.PathEscape(string(id))
	for _, c := range [][3]string{
		{"GET", "/rooms/" + room + "/messages/v3?limit=100", ""},
		{"GET", "/rooms/" + room, ""},
		{"GET", "/rooms?limit=0", ""},
		{"POST", "/rooms/" + room + "/join", ""},
		{"POST", "/rooms/createAndJoin", fmt.Sprintf(`{"_id":%q}`, id)},
		{"POST", "/rooms", fmt.Sprintf(`{"_id":%q}`, id)},
		{"POST", "/rooms/" + room + "/members", fmt.Sprintf(`{"invitees":[%q]}`, who)},
		{"GET", "/rooms/" + room + "/messages/v3?limit=100&sortOrder=desc", ""},
	} {
		if _, body := h.call(h.imkit, c[0], c[1], c[2], user...); strings.Contains(body, secret) {
			h.Errorf("%s sees by %s %s: %s", who, c[0], c[1], body)
			return true
		}
	}
	return false
}

// TestUsersTakeNoDerivedID has an ordinary user ask for the rooms whose ids conversations will have, in every way, and then those
// conversations begin. They do, and the user reads nothing of them.
func TestUsersTakeNoDerivedID(t *testing.T) {
	h := newHouse(t)
	mallory := h.user("mallory")
	ids := []parlance.ConversationID{"x:1", "other_seller:" + buyer, ":12", "600d71329888be544e4f27fb", "600D71329888BE544E4F27FB", directOf("bob", "carol")}
	for _, s := range h.seconds() {
		ids = append(ids, s.id, parlance.ConversationID(strings.ToUpper(string(s.id))))
	}
	for _, id := range ids {
		if parlance.DerivedForm(id) == "" {
			continue // such as SELLER_001:190736… is none of ours
		}
		for _, more := range []string{"", `,"roomType":"group"`, `,"roomType":"custom"`, `,"roomType":"direct","invitee":"carol"`, `,"invitee":"alice"`, `,"invitee":["alice","bob"]`, `,"owner":"mallory"`} {
			body := fmt.Sprintf(`{"_id":%q%s}`, id, more)
			for _, path := range []string{"/rooms/createAndJoin", "/rooms", "/rooms/"} {
				if status, got := h.call(h.imkit, "POST", path, strings.Replace(body, "invitee", map[bool]string{true: "invitee", false: "members"}[path == "/rooms/createAndJoin"], 1), mallory...); status != 403 && status != 400 {
					t.Errorf("POST %s %s = %d %s", path, body, status, got)
				}
			}
		}
	}
	// Neither two others' room, nor one that an administrator would take from a buyer.
	if status, got := h.call(h.imkit, "POST", "/rooms", `{"roomType":"direct","members":["alice","bob"]}`, mallory...); status != 403 {
		t.Errorf("a room of two others = %d %s", status, got)
	}
	if status, got := h.call(h.imkit, "POST", "/rooms", fmt.Sprintf(`{"_id":"%s:%s"}`, h.ws.Seller, buyer), h.key()...); status != 403 {
		t.Errorf("a room in a buyer's place = %d %s", status, got)
	}
	for _, s := range h.seconds() {
		if status, body := s.write(h); status != 200 {
			t.Errorf("%s: %d %s", s.name, status, body)
		}
		if c, err := h.store.Conversation(t.Context(), parlance.Ref{Workspace: h.ws.ID, Conversation: s.id}); err != nil || c.Kind == parlance.Room {
			t.Errorf("%s: the conversation is %+v, %v", s.name, c, err)
		}
		h.sees(s.id, "mallory")
	}
}

// A first is a conversation that stands before another one comes under its id.
type first struct {
	name string
	parlance.Conversation
}

func firsts() []first {
	return []first{
		{"a user's room", parlance.Conversation{Kind: parlance.Room, Platform: parlance.IMKit, Owner: "reader", Maker: "reader"}},
		{"an administrator's room", parlance.Conversation{Kind: parlance.Room, Platform: parlance.IMKit, Owner: "reader"}},
		{"an imported room", parlance.Conversation{Kind: parlance.Room}},
		{"an imported direct room", parlance.Conversation{Kind: parlance.Direct}},
		{"another pair's direct room", parlance.Conversation{Kind: parlance.Direct, Platform: parlance.IMKit, Maker: "reader"}},
		{"SHOPLINE's shop conversation", parlance.Conversation{Kind: parlance.Shop, Platform: parlance.Shopline, Customer: "reader"}},
		{"SHOPLINE's order conversation", parlance.Conversation{Kind: parlance.Order, Platform: parlance.Shopline, Customer: "reader", OrderID: "another"}},
		{"iMetaStore's conversation", parlance.Conversation{Kind: parlance.Shop, Platform: parlance.IMetaStore, Customer: "reader"}},
		{"an imported shop conversation", parlance.Conversation{Kind: parlance.Shop, Customer: "reader"}},
		{"an imported order conversation of a room's kind", parlance.Conversation{Kind: parlance.Order, Customer: "reader", OrderID: "x"}},
	}
}

// begin makes the first conversation under an id, with a member who reads it and a message.
func (h *house) begin(f first, id parlance.ConversationID) {
	h.Helper()
	ctx, ref := context.Background(), parlance.Ref{Workspace: h.ws.ID, Conversation: id}
	f.ID = id
	if _, err := h.store.Create(ctx, h.ws.ID, f.Conversation); err != nil {
		h.Fatal(err)
	}
	role := parlance.Owner
	if f.Customer != "" {
		role = parlance.Customer
	}
	if err := h.store.AddMembers(ctx, ref, parlance.Member{Account: "reader", Role: role}, parlance.Member{Account: "zed"}); err != nil {
		h.Fatal(err)
	}
	if _, err := h.store.Put(ctx, ref, store.Send, parlance.Message{Sender: "reader", Text: "first", Type: parlance.TypeText}); err != nil {
		h.Fatal(err)
	}
}

// TestTheFirstKeepsTheID begins conversations of every kind under the ids that others will have. Those others get their
// dialect's error, and no reader of the first sees anything of theirs.
func TestTheFirstKeepsTheID(t *testing.T) {
	for _, f := range firsts() {
		for i := range newHouse(t).seconds() {
			h := newHouse(t)
			s := h.seconds()[i]
			t.Run(f.name+"/"+s.name, func(t *testing.T) {
				h.T = t
				f := f
				if s.name == "SHOPLINE, order" && f.Kind == parlance.Order && f.Platform == "" {
					f.Platform = parlance.IMetaStore // else it might be the same
				}
				h.begin(f, s.id)
				status, body := s.write(h)
				if status == 403 && strings.Contains(body, "NOT_ROOM_MEMBER") {
					status = s.error // alice isn't told more of what she isn't in
				}
				if status != s.error || strings.Contains(body, "reader") {
					t.Errorf("%d %s, want %d", status, body, s.error)
				}
				h.sees(s.id, "reader")
				page, err := h.store.Page(t.Context(), parlance.Ref{Workspace: h.ws.ID, Conversation: s.id}, store.Query{Limit: 10, Private: true})
				if err != nil || len(page.Entries) != 1 || page.Entries[0].Message.Text != "first" {
					t.Errorf("there are %d messages, %v", len(page.Entries), err)
				}
			})
		}
	}
}

// TestImportKeepsToItsConversations imports lines under the id of each conversation that may stand. Those of another kind, with
// another customer, or of a room that a user made, are bad; the rest of the file is taken.
func TestImportKeepsToItsConversations(t *testing.T) {
	for _, f := range firsts() {
		for _, kind := range []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order} {
			t.Run(f.name+"/"+string(kind), func(t *testing.T) {
				h := newHouse(t)
				h.begin(f, "conv")
				ref := parlance.Ref{Workspace: h.ws.ID, Conversation: "conv"}
				before, err := h.store.Members(t.Context(), ref)
				if err != nil {
					t.Fatal(err)
				}
				line := func(conversation, id, sender string) string {
					b, err := json.Marshal(map[string]any{
						"conversation": conversation, "conversation_kind": kind, "id": id, "sender": sender, "sender_role": "customer",
						"sent_at": "2024-01-02T03:04:05Z", "type": "text", "text": secret,
					})
					if err != nil {
						t.Fatal(err)
					}
					return string(b)
				}
				file := line("conv", "m1", "somebody") + "\n" + line("fine", "m1", "somebody") + "\n" + line("conv", "m2", "somebody") + "\n"
				for range 2 {
					r, err := export.Import(t.Context(), h.store, h.ws.ID, "file", strings.NewReader(file), export.ImportOptions{})
					if err != nil {
						t.Fatal(err)
					}
					// An import may go on with what was imported, and with an administrator's rooms.
					open := kind == f.Kind && f.Maker == "" && (f.Platform == "" || f.Customer == "")
					if open {
						if r.Bad != 0 || r.Messages != 3 {
							t.Fatalf("%+v", r)
						}
						return
					}
					if r.Bad != 2 || r.Messages != 1 || !strings.Contains(r.Errors[0].Reason, "another conversation") || r.Errors[0].Line != 1 || r.Errors[1].Line != 3 {
						t.Errorf("%+v", r)
					}
				}
				h.sees("conv", "reader")
				after, err := h.store.Members(t.Context(), ref)
				if err != nil || !slices.Equal(after, before) {
					t.Errorf("members %+v became %+v, %v", before, after, err)
				}
			})
		}
	}
}

// TestAnExportComesBack imports what a store with rooms of users has exported into the same store: nothing is bad, and nothing is written.
func TestAnExportComesBack(t *testing.T) {
	h := newHouse(t)
	alice := h.user("alice")
	for path, body := range map[string]string{
		"/rooms/createAndJoin":  `{"_id":"our-room","name":"Ours"}`,
		"/rooms/createAndJoin/": `{"roomType":"direct","invitee":"bob"}`,
	} {
		if status, got := h.call(h.imkit, "POST", path, body, alice...); status != 200 {
			t.Fatalf("%d %s", status, got)
		}
	}
	for _, id := range []string{"our-room", string(directOf("alice", "bob"))} {
		if status, got := h.call(h.imkit, "POST", "/rooms/"+id+"/message", `{"message":"hello"}`, alice...); status != 200 {
			t.Fatalf("%d %s", status, got)
		}
	}
	for _, send := range []func() (int, string){h.sendShop, h.sendOrder, h.sendBuyer} {
		if status, got := send(); status != 200 {
			t.Fatalf("%d %s", status, got)
		}
	}
	var b strings.Builder
	if _, err := export.Export(t.Context(), h.store, h.ws.ID, &b, export.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := export.Import(t.Context(), h.store, h.ws.ID, "file", strings.NewReader(b.String()), export.ImportOptions{})
	if err != nil || r.Bad != 0 || r.New != 0 || r.Changed != 0 || r.Same != 5 {
		t.Errorf("%+v, %v\n%s", r, err, b.String())
	}
}

// TestOwnersByTheirOwnWord finds that a user who made a room under an id of their choice isn't shown what the staff notes there, until an
// administrator gives the room to them.
func TestOwnersByTheirOwnWord(t *testing.T) {
	h := newHouse(t)
	mallory := h.user("mallory")
	if status, got := h.call(h.imkit, "POST", "/rooms/createAndJoin", `{"_id":"vip","invitee":"carl","managers":["carl"]}`, mallory...); status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	ref := parlance.Ref{Workspace: h.ws.ID, Conversation: "vip"}
	if _, err := h.store.Put(t.Context(), ref, store.Send, parlance.Message{Sender: "agent", Role: parlance.Agent, Type: parlance.TypeNote, Text: secret}); err != nil {
		t.Fatal(err)
	}
	h.sees("vip", "mallory")
	h.sees("vip", "carl")
	if status, got := h.call(h.imkit, "PUT", "/rooms/vip", `{"owner":"mallory"}`, h.key()...); status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	if _, body := h.call(h.imkit, "GET", "/rooms/vip/messages/v3", "", mallory...); !strings.Contains(body, secret) {
		t.Errorf("an owner by an administrator's word sees %s", body)
	}
}

// TestNamesThatLookAlike opens direct rooms of people whose ids come to the same sum. The second pair doesn't get the first one's room.
func TestNamesThatLookAlike(t *testing.T) {
	for _, pairs := range [][2][2]parlance.AccountID{
		{{"alice", "bob"}, {"alice", "Bob"}},
		{{"alice", "bob"}, {"Alice", "bob"}},
		{{"a_b", "c"}, {"a", "b_c"}},
	} {
		h := newHouse(t)
		open := func(p [2]parlance.AccountID, more string) (int, string) {
			return h.call(h.imkit, "POST", "/rooms/createAndJoin", fmt.Sprintf(`{"roomType":"direct","invitee":%q%s}`, p[1], more), h.user(p[0])...)
		}
		if status, got := open(pairs[0], ""); status != 200 {
			t.Fatalf("%d %s", status, got)
		}
		if status, got := open(pairs[1], ""); status != 409 && status != 403 {
			t.Errorf("%s, after %s: %d %s", pairs[1], pairs[0], status, got)
		}
		if status, got := open([2]parlance.AccountID{pairs[0][1], pairs[0][0]}, ""); status != 200 {
			t.Errorf("%s again: %d %s", pairs[0], status, got)
		}
	}
}
