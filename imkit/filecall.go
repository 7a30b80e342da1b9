package imkit

import (
	"net/http"
	"net/url"
	"strings"
)

// isFileCall reports whether r reads a file of the server at base: GET or HEAD /files/{bucket}/{id}, as the page's heading Files says, and nothing that
// a server could take for another call. So the path is compared as it is written, and its names have no sign that anybody reads in two ways: no escapes,
// no "..", no empty steps, no parameters behind a semicolon. A query is let through; what it may ask for is an answer in JSON, which is no file.
func isFileCall(r *http.Request, base *url.URL) bool {
	u := r.URL
	if r.Method != "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if u.Scheme != base.Scheme || u.User != nil || u.Opaque != "" || r.Host != "" && r.Host != u.Host ||
		!strings.EqualFold(u.Hostname(), base.Hostname()) || portOf(u) != portOf(base) {
		return false
	}
	path, ok := strings.CutPrefix(u.EscapedPath(), strings.TrimRight(base.EscapedPath(), "/")+"/files/")
	if !ok {
		return false
	}
	bucket, id, ok := strings.Cut(path, "/")
	return ok && isFileName(bucket) && isFileName(id)
}

// isFileName reports whether s is a bucket's or a file's name as IMKit's servers make them.
func isFileName(s string) bool {
	return strings.Trim(s, ".") != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// portOf returns u's port, its scheme's if it names none.
func portOf(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
