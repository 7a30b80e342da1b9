package mirror_test

import (
	"errors"
	"net/http"
	"testing"

	"parlance"
	"parlance/fake"
	"parlance/mirror"
)

// Who gave a wrong address hears of it soon.
func TestNobodyAnswers(t *testing.T) {
	for _, platform := range fake.Platforms() {
		w := newWorld(t, fake.Options{Platform: platform})
		calls := 0
		m := mirror.New(w.store, mirror.Options{
			Secret: w.secret, Now: w.now, Wait: w.wait,
			Transport: transport(func(*http.Request) (*http.Response, error) {
				calls++
				return nil, errors.New("connection refused")
			}),
		})
		r, err := m.Run(t.Context(), source, mirror.RunOptions{})
		if !errors.Is(err, parlance.Unavailable) || r.State == mirror.Complete || calls > 4 {
			t.Errorf("%s: %s after %d calls, with %v", platform, r.State, calls, err)
		}
		w.close()
	}
}
