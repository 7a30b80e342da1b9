package query_test

import (
	"fmt"
	"log"
	"time"

	"parlance/search/query"
)

func Example() {
	q, err := query.Parse(`酒店 (refund OR 退款) -from:bot during:2026-11`, time.UTC)
	if err != nil {
		log.Fatal(err)
	}
	s := q.Snippet("您好，酒店的订单已经退款。\nRefunded today.", 200)
	for _, m := range s.Marks {
		fmt.Println(s.Text[m[0]:m[1]])
	}
	_, err = query.Parse("酒店 form:anna", time.UTC)
	fmt.Println(err)
	// Output:
	// 酒店
	// 退款
	// Refund
	// query, sign 4: there is no operator form: (there are in:, from:, kind:, platform:, type:, has:, before:, after:, during:, is:); to search for this text, put it in quotes
}
