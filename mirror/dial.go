package mirror

import (
	"net/http"
	"strings"
	"time"

	"parlance"
	"parlance/history"
	"parlance/imetastore"
	"parlance/imkit"
	"parlance/shopline"
)

// patient is no limit: the time that a call takes is limited where it is made, and not the time that it waits for the budget.
const patient = 30 * 24 * time.Hour

// dial returns the source that a config names, whose calls go through the transport.
func dial(c Config, secret Secret, transport http.RoundTripper, now func() parlance.Time) (history.Source, error) {
	switch c.Platform {
	case parlance.IMKit:
		credentials := imkit.Credentials{ClientKey: secret.ClientKey, Token: secret.Token, APIKey: secret.APIKey}
		client, err := imkit.NewClient(c.URL, credentials.Provide, imkit.ClientOptions{Transport: transport, Timeout: patient})
		if err != nil {
			return nil, err
		}
		rooms := make([]string, len(c.Conversations))
		for i, id := range c.Conversations {
			rooms[i] = string(id)
		}
		return imkit.NewSource(client, rooms...), nil
	case parlance.Shopline:
		client, err := shopline.NewClient(c.URL, shopline.StaticToken(secret.Token), shopline.ClientOptions{Transport: transport, Timeout: patient, Now: now})
		if err != nil {
			return nil, err
		}
		return shopline.NewSource(client, shopline.SourceOptions{}), nil
	case parlance.IMetaStore:
		client, err := imetastore.NewClient(c.URL, imetastore.Password(secret.Email, secret.Password), imetastore.ClientOptions{Transport: transport, Timeout: patient, Now: now})
		if err != nil {
			return nil, err
		}
		return imetastore.NewSource(client, imetastore.SourceOptions{Buyers: buyersOf(c.Conversations), Seller: parlance.AccountID(c.Account)})
	}
	return nil, parlance.Errorf(parlance.Invalid, "platform %q: want imkit, shopline or imetastore", c.Platform)
}

// buyersOf returns the buyers of conversations: what stands behind the last colon of "seller:buyer", or a buyer's digits alone.
func buyersOf(ids []parlance.ConversationID) []parlance.AccountID {
	var buyers []parlance.AccountID
	for _, id := range ids {
		buyers = append(buyers, parlance.AccountID(id[strings.LastIndexByte(string(id), ':')+1:]))
	}
	return buyers
}

// traits returns what is known of a platform.
func traits(platform parlance.Dialect) history.Traits {
	switch platform {
	case parlance.IMKit:
		return (*imkit.Source)(nil).Traits() // what all its sources have
	case parlance.Shopline:
		return (*shopline.Source)(nil).Traits()
	case parlance.IMetaStore:
		return (*imetastore.Source)(nil).Traits()
	}
	return history.Traits{}
}
