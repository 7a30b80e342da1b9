package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// printDemo writes what the demo offers.
func (p *program) printDemo(ctx context.Context, a *archive, d demoDescription) error {
	if p.json {
		return writeLine(p.stdout, d)
	}
	session, err := a.keeper.Login(ctx, d.IMetaStore.Email, d.IMetaStore.Password)
	if err != nil {
		return fmt.Errorf("log in to the demo: %w", err)
	}
	now := time.Now()
	var b strings.Builder
	say := func(format string, args ...any) { _ = printf(&b, format+"\n", args...) }
	say("The demo is at %s; Ctrl-C ends it.\n", d.URL)

	say("IMKit: the newest messages of a room, as user %s", d.IMKit.Users[0].ID)
	say("\n  curl -s '%s/rooms/back-office/messages/v3?limit=5' -H 'IM-CLIENT-KEY: %s' -H 'IM-Authorization: %s'\n",
		d.URL, d.IMKit.ClientKey, d.IMKit.Users[0].Token)

	say("SHOPLINE: the messages between the shop and a customer")
	say("\n  curl -s %s -H 'Authorization: Bearer %s'\n", shell(d.URL+"/v1/conversations/"+url.PathEscape(string(d.Shopline.Conversations[0].ID))+
		"/messages?platform="+string(d.Shopline.Conversations[0].Platform)+"&limit=5"), d.Shopline.Token)

	say("iMetaStore: the messages with all buyers of the last four weeks")
	say("\n  curl -s '%s/merchant-api/seller/im/msg' -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{\"buyerId\":null,\"minTime\":%d,\"maxTime\":%d}'\n",
		d.URL, session.AccessToken, now.Add(-28*24*time.Hour).Unix(), now.Add(24*time.Hour).Unix())

	say("All platforms at once: messages that contain 請問 or ありがとう")
	say("\n  curl -sG '%s/archive/v1/search' --data-urlencode 'q=請問 OR ありがとう' -H 'Authorization: Bearer %s'\n", d.URL, d.Archive.Token)

	say("Where to look next:")
	for _, next := range [][2]string{
		{d.URL + "/openapi/imkit.yaml", "all that this server answers; also shopline.yaml, imetastore.yaml, archive.yaml"},
		{"GET /rooms", "the rooms of an IMKit user; there are " + userNames(d.IMKit.Users)},
		{"GET /v1/conversations?platform=shop_messages", "the shop's chats; order_messages are those about orders"},
		{"POST /merchant-api/seller/auth/login", "with e-mail " + d.IMetaStore.Email + " and password " + d.IMetaStore.Password},
		{"parlance demo --json", "all ids and credentials, for scripts"},
		{"parlance workspace create --help", "how to begin a store of your own"},
	} {
		say("  %-46s %s", next[0], next[1])
	}
	_, err = p.stdout.Write([]byte(b.String()))
	return err
}

func userNames(users []demoUser) string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = string(u.ID)
	}
	return strings.Join(names, ", ")
}
