package shopline_test

import (
	"context"
	"fmt"
	"log"

	"parlance"
	"parlance/fake"
	"parlance/shopline"
)

func ExampleClient() {
	ctx := context.Background()
	platform, err := fake.New(fake.Options{Platform: parlance.Shopline})
	if err != nil {
		log.Fatal(err)
	}
	client, err := shopline.NewClient("https://shop.example.org", shopline.StaticToken(platform.Credentials().Token), shopline.ClientOptions{Transport: platform.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.Conversations(ctx, shopline.ConversationsQuery{Platform: shopline.ShopMessages})
	if err != nil {
		log.Fatal(err)
	}
	conversation, err := list.Items[0].Read()
	if err != nil {
		log.Fatal(err)
	}
	page, err := client.Messages(ctx, conversation.ID, shopline.MessagesQuery{Platform: shopline.ShopMessages, Limit: 5})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items), "of the newest messages")
	// Output: 5 of the newest messages
}
