package mirror_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"parlance"
	"parlance/mirror"
)

// isPage reports whether r asks for messages of a room.
func isPage(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/messages/v3") }

// What comes with status 200 and isn't what the call always gives is no answer: nothing of it is taken for the end of a room or of the list.
func TestFalseSuccessOfIMKit(t *testing.T) {
	answers := map[string]string{
		"error":                   `{"RC":0,"RM":"OK","error":{"code":"X","message":"down"},"result":{"totalCount":0,"data":[]}}`,
		"error as a text":         `{"RC":0,"error":"shard is down","result":{"totalCount":0,"data":[]}}`,
		"errors":                  `{"RC":0,"errors":[{"message":"down"}],"result":{"totalCount":0,"data":[]}}`,
		"error in the result":     `{"RC":0,"result":{"totalCount":0,"data":[],"error":"down"}}`,
		"code":                    `{"RC":17,"RM":"no","result":{"totalCount":0,"data":[]}}`,
		"no rows":                 `{"RC":0,"result":{"totalCount":0}}`,
		"no count":                `{"RC":0,"result":{"data":[]}}`,
		"a count that is a text":  `{"RC":0,"result":{"totalCount":"none","data":[]}}`,
		"a count that is below 0": `{"RC":0,"result":{"totalCount":-1,"data":[]}}`,
		"nothing":                 `{"RC":0}`,
		"no object":               `[]`,
	}
	calls := map[string]func(*http.Request) bool{
		"messages": isPage,
		"rooms":    func(r *http.Request) bool { return r.URL.Path == "/rooms" },
	}
	for call, is := range calls {
		for name, answer := range answers {
			t.Run(call+"/"+name, func(t *testing.T) {
				c := newChat(t, "a")
				c.before = func(w http.ResponseWriter, r *http.Request) bool {
					if is(r) {
						fmt.Fprint(w, answer)
					}
					return is(r)
				}
				report, err := c.run(mirror.RunOptions{}, 0)
				if report.State == mirror.Complete || c.status().State == mirror.Complete {
					t.Errorf("complete, error %v, gaps %v", err, report.Gaps)
				}
				c.before = nil
				if report := c.ran(mirror.RunOptions{}); report.State != mirror.Complete || c.here("a") != 3 {
					t.Errorf("mended: %s, %d messages, gaps %v", report.State, c.here("a"), report.Gaps)
				}
			})
		}
	}
}

// A row that says it belongs to another room is set aside, is in neither room, and moves nothing.
func TestRowOfAnotherRoom(t *testing.T) {
	for name, room := range map[string]string{"an id": `"b"`, "an object": `{"_id":"b"}`, "a number": `7`, "an empty id": `""`} {
		t.Run(name, func(t *testing.T) {
			c := newChat(t, "a", "b")
			c.fill("a", 250)
			foreign := strings.Replace(message("a", 0, "elsewhere"), `"room":"a"`, `"room":`+room, 1)
			rows := c.messages["a"]
			c.messages["a"] = append(append(append([]string{}, rows[:50]...), foreign), rows[50:]...)
			report := c.ran(mirror.RunOptions{})
			if report.State == mirror.Complete || !hasReason(report.Gaps, "set aside") {
				t.Errorf("%s, gaps %v", report.State, report.Gaps)
			}
			if c.here("a") != 250 || c.here("b") != 3 {
				t.Errorf("%d and %d messages are here, want 250 and 3", c.here("a"), c.here("b"))
			}
		})
	}
}

// An item of the list that can't be read is a gap of the upstream, keeps nothing else from being read, and ends when the list is fine again.
func TestBadItemOfTheList(t *testing.T) {
	for name, item := range map[string]string{
		"no object": `7`, "no id": `{"name":"x"}`, "too long an id": `{"_id":"` + strings.Repeat("x", 600) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newChat(t, "a", "b")
			good := c.rooms
			c.rooms = []string{good[0], item, good[1]}
			report := c.ran(mirror.RunOptions{})
			if report.State != mirror.Partial || c.here("a") != 3 || c.here("b") != 3 {
				t.Fatalf("%s, %d and %d messages, gaps %v", report.State, c.here("a"), c.here("b"), report.Gaps)
			}
			if !hasReason(c.status().Gaps, "read") {
				t.Errorf("the status has gaps %v", c.status().Gaps)
			}
			c.rooms = good
			if report = c.ran(mirror.RunOptions{}); report.State != mirror.Complete || len(c.status().Gaps) != 0 {
				t.Errorf("mended: %s, gaps %v", report.State, c.status().Gaps)
			}
		})
	}
}

// Pages that are too large to be read are asked for again with fewer rows, and everything is here in the end.
func TestLargePagesAreHalved(t *testing.T) {
	c := newChat(t, "a")
	c.fill("a", 120)
	most := 0
	c.before = func(w http.ResponseWriter, r *http.Request) bool {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if !isPage(r) || limit <= 7 {
			if isPage(r) {
				most = max(most, limit)
			}
			return false
		}
		fmt.Fprint(w, `{"RC":0,"result":{"totalCount":120,"data":[`+strings.Repeat("1,", parlance.MaxUpstreamValues)+`1]}}`)
		return true
	}
	report := c.ran(mirror.RunOptions{})
	if c.here("a") != 120 || most == 0 {
		t.Errorf("%s, %d messages, at most %d at once, gaps %v", report.State, c.here("a"), most, report.Gaps)
	}
}

// Rows that a page has no room for are shown cut. They are asked for among fewer, and are here whole.
func TestCutRowsAreAskedForAgain(t *testing.T) {
	c := newChat(t, "a")
	c.fill("a", 40)
	long := strings.Repeat("long ", 1000)
	whole := message("a", 17, long)
	cut := strings.Replace(message("a", 17, "long"), `{`, `{"truncated": true,`, 1)
	c.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if isPage(r) {
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			c.messages["a"][23] = cut
			if limit <= 7 {
				c.messages["a"][23] = whole
			}
		}
		return false
	}
	report := c.ran(mirror.RunOptions{})
	if report.State != mirror.Complete || c.here("a") != 40 {
		t.Errorf("%s, %d messages, gaps %v", report.State, c.here("a"), report.Gaps)
	}
	ref := parlance.Ref{Workspace: workspace, Conversation: "a"}
	m, err := c.store.Message(t.Context(), ref, parlance.MessageID(fmt.Sprintf("%024x", 17)))
	if err != nil || m.Message.Text != long {
		t.Errorf("a text of %d bytes, error %v; want %d", len(m.Message.Text), err, len(long))
	}
}
