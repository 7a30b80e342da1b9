package access_test

import (
	"encoding/base64"
	"regexp"
	"slices"
	"sync"
	"testing"

	"parlance"
	"parlance/access"
)

func TestCreateWorkspace(t *testing.T) {
	w := newWorld(t, access.Options{})
	ws, s := w.create(t, "acme")

	object := regexp.MustCompile(`^[0-9a-f]{24}$`)
	if ws.Created != start || !object.MatchString(string(ws.Merchant)) || !object.MatchString(string(ws.Staff)) || ws.Merchant == ws.Staff || ws.Seller != "seller_001" {
		t.Errorf("defaults: got %+v", ws)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(s.ShoplineToken) {
		t.Errorf("SHOPLINE token %q: want 64 hex digits", s.ShoplineToken)
	}
	if b, err := base64.StdEncoding.DecodeString(s.APIKey); err != nil || len(b) != 32 {
		t.Errorf("API key %q: want 32 bytes in base64", s.APIKey)
	}
	if s.ClientKey == "" || s.Email == "" || len(s.Password) < 20 {
		t.Errorf("secrets: got %+v", s)
	}

	got, err := w.Workspace(t.Context(), "acme")
	ok(t, "get workspace", err)
	if got != ws {
		t.Errorf("got %+v, want %+v", got, ws)
	}
	_, _, err = w.CreateWorkspace(t.Context(), ws)
	want(t, "create it again", err, parlance.Conflict)
	_, err = w.Workspace(t.Context(), "other")
	want(t, "get another workspace", err, parlance.NotFound)
	_, err = w.Workspace(t.Context(), "no/such")
	want(t, "get a name that is no workspace's", err, parlance.NotFound)
}

func TestCreateWorkspaceKeepsWhatIsGiven(t *testing.T) {
	w := newWorld(t, access.Options{})
	given := access.Workspace{
		ID: "acme", Created: 1, Merchant: "5a2b3c4d5e6f708192a3b4c5", Staff: "5a2b3c4d5e6f708192a3b4c6", Seller: "gold-shop",
	}
	got, _, err := w.CreateWorkspace(t.Context(), given)
	ok(t, "create", err)
	if got != given {
		t.Errorf("got %+v, want %+v", got, given)
	}
}

func TestCreateWorkspaceRefuses(t *testing.T) {
	w := newWorld(t, access.Options{})
	for what, ws := range map[string]access.Workspace{
		"no id":                   {},
		"capitals in the id":      {ID: "Acme"},
		"a short merchant":        {ID: "acme", Merchant: "5a2b"},
		"a merchant in capitals":  {ID: "acme", Merchant: "5A2B3C4D5E6F708192A3B4C5"},
		"staff that isn't hex":    {ID: "acme", Staff: "zzzzzzzzzzzzzzzzzzzzzzzz"},
		"a seller of digits only": {ID: "acme", Seller: "1907369850568257537"},
		"a seller with a NUL":     {ID: "acme", Seller: "a\x00b"},
	} {
		_, _, err := w.CreateWorkspace(t.Context(), ws)
		want(t, what, err, parlance.Invalid)
	}
	for range w.Workspaces(t.Context()) {
		t.Error("a refused workspace was made")
	}
}

func TestWorkspacesAreListedByID(t *testing.T) {
	w := newWorld(t, access.Options{})
	var made []access.Workspace
	for _, id := range []parlance.WorkspaceID{"a", "b", "b-1", "c_2"} {
		ws, _ := w.create(t, id)
		made = append(made, ws)
	}
	var listed []access.Workspace
	for ws, err := range w.Workspaces(t.Context()) {
		ok(t, "list", err)
		listed = append(listed, ws)
	}
	if !slices.Equal(made, listed) {
		t.Errorf("listed %+v, want %+v", listed, made)
	}
}

// Of many who make the same workspace at the same time, exactly one does.
func TestCreateWorkspaceOnce(t *testing.T) {
	w := newWorld(t, access.Options{})
	same := access.Workspace{ID: "acme", Created: 1, Merchant: "5a2b3c4d5e6f708192a3b4c5", Staff: "5a2b3c4d5e6f708192a3b4c6"}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = w.CreateWorkspace(t.Context(), same) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			want(t, "create", err, parlance.Conflict)
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	n := 0
	for _, err := range w.Credentials(t.Context(), "acme") {
		ok(t, "list credentials", err)
		n++
	}
	if n != 4 {
		t.Errorf("it has %d credentials, want 4", n)
	}
}
