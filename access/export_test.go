package access

import (
	"fmt"

	"parlance"
)

// CountedLogins counts wrong logins of n e-mails at n addresses, and returns how many of each are remembered in all.
func CountedLogins(n int, now parlance.Time) int {
	t := newThrottle()
	for i := range n {
		a, _ := t.begin(fmt.Sprint(i, "@shop.example"), fmt.Sprintf("%d.%d.%d.1", 1+i>>16, i>>8&255, i&255), now)
		t.fail(a, now)
	}
	return len(t.pairs.by) + len(t.address.by) + len(t.emails.by)
}
