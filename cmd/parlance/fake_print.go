package main

import (
	"fmt"
	"net/url"
	"strings"

	"parlance"
	"parlance/fake"
)

// printFake writes what a practice upstream offers.
func (p *program) printFake(d fakeDescription) error {
	if p.json {
		return writeLine(p.stdout, d)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, to practise on, is at %s with %d messages in %d conversations; Ctrl-C ends it.\n", d.Platform, d.URL, d.Messages, len(d.Conversations))
	if len(d.Faults) > 0 {
		fmt.Fprintf(&b, "Faults: %s\n", fake.Faults(d.Faults))
	}
	fmt.Fprintf(&b, "\nWhat a secret file for it holds:\n\n%s\nA request to begin with:\n\n%s", secretFile(d.Credentials), fakeCurl(d))
	_, err := p.stdout.Write([]byte(b.String()))
	return err
}

// secretFile is credentials as lines of a secret file.
func secretFile(c fake.Credentials) string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"client_key", c.ClientKey}, {"token", c.Token}, {"email", c.Email}, {"password", c.Password},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "  %s\n", secretLine(line[0], line[1]))
		}
	}
	return b.String()
}

// fakeCurl is a request that gets messages, or, on iMetaStore, the token to get them with.
func fakeCurl(d fakeDescription) string {
	switch d.Platform {
	case parlance.IMKit:
		path := "/rooms"
		if len(d.Conversations) > 0 {
			path += "/" + url.PathEscape(d.Conversations[0]) + "/messages/v3?limit=5"
		}
		return fmt.Sprintf("  curl -s '%s%s' -H 'IM-CLIENT-KEY: %s' -H 'IM-Authorization: %s'\n", d.URL, path, d.Credentials.ClientKey, d.Credentials.Token)
	case parlance.Shopline:
		return fmt.Sprintf("  curl -s '%s/v1/conversations?platform=shop_messages' -H 'Authorization: Bearer %s'\n", d.URL, d.Credentials.Token)
	default:
		return fmt.Sprintf("  curl -s '%s/merchant-api/seller/auth/login' -H 'Content-Type: application/json' -d '{\"email\":\"%s\",\"password\":\"%s\"}'\n\n"+
			"and with the accessToken that it answers:\n\n"+
			"  curl -s '%[1]s/merchant-api/seller/im/msg' -H \"Authorization: Bearer $TOKEN\" -d '{\"buyerId\":null,\"minTime\":0,\"maxTime\":4102444800}'\n",
			d.URL, d.Credentials.Email, d.Credentials.Password)
	}
}
