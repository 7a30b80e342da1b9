package history_test

import (
	"context"
	"fmt"
	"log"

	"parlance"
	"parlance/fake"
	"parlance/history"
	"parlance/imkit"
)

// A source is walked stream by stream; a walk's last page says how its end is known.
func Example() {
	ctx := context.Background()
	platform, err := fake.New(fake.Options{Platform: parlance.IMKit, Messages: 1000, Conversations: 2})
	if err != nil {
		log.Fatal(err)
	}
	credentials := imkit.Credentials{APIKey: platform.Credentials().APIKey}
	client, err := imkit.NewClient("https://chat.example.org", credentials.Provide, imkit.ClientOptions{Transport: platform.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	var source history.Source = imkit.NewSource(client)
	messages, gaps := map[parlance.MessageID]bool{}, 0
	for stream, err := range source.Streams(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		for page, err := range source.Walk(ctx, stream.ID, history.Window{}) {
			if err != nil {
				log.Fatal(err)
			}
			for _, item := range page.Items {
				messages[item.Message.ID] = true
			}
			gaps += len(page.Gaps)
		}
	}
	fmt.Println(len(messages), "messages,", gaps, "gaps")
	// Output: 1000 messages, 0 gaps
}
