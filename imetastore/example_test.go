package imetastore_test

import (
	"context"
	"fmt"
	"log"

	"parlance"
	"parlance/fake"
	"parlance/imetastore"
)

func ExampleClient() {
	ctx := context.Background()
	platform, err := fake.New(fake.Options{Platform: parlance.IMetaStore, Page: 5})
	if err != nil {
		log.Fatal(err)
	}
	c := platform.Credentials()
	client, err := imetastore.NewClient("https://shop.example.org/merchant-api", imetastore.Password(c.Email, c.Password), imetastore.ClientOptions{Transport: platform.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	from, to := imetastore.Integer(0), imetastore.Integer(4_102_444_800)
	page, err := client.Messages(ctx, imetastore.MessagesRequest{MinTime: &from, MaxTime: &to})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items), "of the newest messages of all buyers; complete:", page.Complete)
	// Output: 5 of the newest messages of all buyers; complete: false
}
