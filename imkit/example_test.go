package imkit_test

import (
	"context"
	"fmt"
	"log"

	"parlance"
	"parlance/fake"
	"parlance/imkit"
)

func ExampleClient() {
	ctx := context.Background()
	platform, err := fake.New(fake.Options{Platform: parlance.IMKit})
	if err != nil {
		log.Fatal(err)
	}
	credentials := imkit.Credentials{APIKey: platform.Credentials().APIKey}
	client, err := imkit.NewClient("https://chat.example.org", credentials.Provide, imkit.ClientOptions{Transport: platform.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	rooms, err := client.Rooms(ctx, imkit.RoomsQuery{Limit: 1})
	if err != nil {
		log.Fatal(err)
	}
	page, err := client.Messages(ctx, rooms.Data[0].ID, imkit.HistoryQuery{Limit: 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Data), "of the newest messages")
	// Output: 5 of the newest messages
}
