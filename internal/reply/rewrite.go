package reply

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/inflight"
)

// A Rewrite returns what stands in answers of a workspace in the place of a file's address; false if that stays.
type Rewrite func(ctx context.Context, ws parlance.WorkspaceID, address string) (string, bool)

// Rewriting returns h with addresses replaced in its answers: every string of a JSON answer that is an address as a
// whole. It works on the answer on its way out, so answers that are kept ready hold the platform's own addresses and stay true.
// H calls [In] once it knows the workspace. A nil f returns h.
func Rewriting(h http.Handler, f Rewrite) http.Handler {
	if f == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := &rewriter{ResponseWriter: w, rewrite: f}
		r = r.WithContext(context.WithValue(r.Context(), rewriterKey{}, rw))
		rw.ctx = r.Context()
		h.ServeHTTP(rw, r)
		rw.flush(nil)
	})
}

type rewriterKey struct{}

// In tells that the request with this context is answered from a workspace.
func In(ctx context.Context, ws parlance.WorkspaceID) {
	inflight.In(ctx, ws)
	if rw, ok := ctx.Value(rewriterKey{}).(*rewriter); ok {
		rw.ws = ws
	}
}

// A rewriter changes an answer that [JSON] sends.
type rewriter struct {
	http.ResponseWriter
	ctx     context.Context // of the request, whose end is the rewriter's
	rewrite Rewrite
	ws      parlance.WorkspaceID
	held    int // the status, held back until the body is there; 0: nothing is held back
}

// WriteHeader holds the header of an answer back whose length may change.
func (rw *rewriter) WriteHeader(status int) {
	if rw.ws != "" && status == http.StatusOK && strings.HasPrefix(rw.Header().Get("Content-Type"), "application/json") {
		rw.held = status
		return
	}
	rw.ResponseWriter.WriteHeader(status)
}

// Write sends b, with addresses replaced if it is the whole of a JSON answer.
func (rw *rewriter) Write(b []byte) (int, error) {
	if rw.held == 0 {
		return rw.ResponseWriter.Write(b)
	}
	if err := rw.flush(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// flush sends what is held back, and the body.
func (rw *rewriter) flush(b []byte) error {
	if rw.held == 0 {
		return nil
	}
	status := rw.held
	rw.held = 0
	if b == nil { // there is none: a HEAD
		rw.ResponseWriter.WriteHeader(status)
		return nil
	}
	known := map[string]string{} // an avatar is in every message of a page
	grown := 0
	b = replace(b, func(address string) (string, bool) {
		to, ok := known[address]
		if !ok && (len(known) >= parlance.MaxRewritten || rw.ctx.Err() != nil) {
			return address, false
		}
		if !ok {
			if to, ok = rw.rewrite(rw.ctx, rw.ws, address); !ok {
				to = address
			}
			known[address] = to
		}
		if to == address || grown > maxGrown {
			return address, false
		}
		grown += len(to) - len(address)
		return to, true
	}, 0)
	rw.Header().Set("Content-Length", strconv.Itoa(len(b)))
	rw.ResponseWriter.WriteHeader(status)
	_, err := rw.ResponseWriter.Write(b)
	return err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (rw *rewriter) Unwrap() http.ResponseWriter { return rw.ResponseWriter }

// maxGrown is by how many bytes an answer becomes larger at most.
const maxGrown = 8 << 20

// maxNested is how deep JSON may lie in strings of JSON for its addresses to be seen.
const maxNested = 2

// replace returns JSON with those strings replaced that find knows, also in JSON that is the text of a string. Everything
// else stays byte for byte; names of members too. B isn't changed.
func replace(b []byte, find func(string) (string, bool), nested int) []byte {
	var out []byte // what is done of b; nil as long as nothing was replaced
	done := 0
	for i := 0; i < len(b); {
		start := bytes.IndexByte(b[i:], '"')
		if start < 0 {
			break
		}
		start += i
		end := stringEnd(b, start)
		if end < 0 {
			break
		}
		i = end
		if isName(b[end:]) {
			continue
		}
		to, ok := replacement(b[start:end], find, nested)
		if !ok {
			continue
		}
		out = append(out, b[done:start]...)
		out, _ = jsontext.AppendQuote(out, to) // the error only tells of the replacement of what isn't UTF-8
		done = end
	}
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

// replacement returns what stands in the place of a quoted string.
func replacement(quoted []byte, find func(string) (string, bool), nested int) (string, bool) {
	if len(quoted) < 4 {
		return "", false
	}
	switch quoted[1] {
	case 'h', 'H', '/', '\\':
	case '{', '[':
		if nested == maxNested {
			return "", false
		}
	default:
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil || len(text) == 0 {
		return "", false
	}
	if text[0] == '{' || text[0] == '[' {
		if !jsontext.Value(text).IsValid() {
			return "", false
		}
		changed := replace(text, find, nested+1)
		return string(changed), &changed[0] != &text[0]
	}
	s := string(text)
	if len(s) < 4 || s[0] != '/' && !strings.EqualFold(s[:4], "http") {
		return "", false
	}
	return find(s)
}

// stringEnd returns the index behind the string that begins at start, -1 if it doesn't end.
func stringEnd(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// isName reports whether the string before b is the name of a member.
func isName(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == ':'
}
