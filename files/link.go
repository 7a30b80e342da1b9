package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"parlance"
)

// LinkPath begins the path of every signed address.
const LinkPath = "/attachments/"

// Links makes addresses under which anybody reads a file who was given one, and answers them. Nobody can guess or
// change one: it is signed for one file of one workspace, with a [LinkKey] that the store keeps. It is an [http.Handler] for
//
//	GET /attachments/WORKSPACE/KEY/NAME?sig=SIGNATURE[&Expires=UNIX-SECONDS]
type Links struct {
	archive *Archive
	base    string // without a slash at its end; may be empty
	log     *slog.Logger
}

// NewLinks returns the links of an archive. Base is where the world finds this server, such as "https://chat.example.org". Empty: nowhere
// that is known, and [Links.Address] makes none.
func NewLinks(a *Archive, base string, log *slog.Logger) *Links {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Links{archive: a, base: strings.TrimRight(base, "/"), log: log}
}

// Base returns where the world finds the server; empty if that isn't known.
func (l *Links) Base() string { return l.base }

// Address returns the signed address, valid as long as its key, of the file that address names; false if the archive doesn't have it
// or that can't be found out now.
func (l *Links) Address(ctx context.Context, ws parlance.WorkspaceID, address string) (string, bool) {
	if l.base == "" {
		return "", false
	}
	r, err := l.archive.Find(ctx, ws, address)
	if err != nil || r.State != Kept {
		if err != nil && !errors.Is(err, parlance.NotFound) && ctx.Err() == nil {
			l.log.LogAttrs(ctx, slog.LevelWarn, "a file couldn't be looked up: an answer shows its old address", slog.Any("error", err))
		}
		return "", false
	}
	path, err := l.Path(ctx, ws, &r, 0)
	if err != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "a file's address couldn't be signed: an answer shows its old one", slog.Any("error", err))
		return "", false
	}
	return l.base + path, true
}

// Path returns the signed path and query of a file, valid until the second of expires, or as long as its key if that is zero.
func (l *Links) Path(ctx context.Context, ws parlance.WorkspaceID, r *Record, expires parlance.Time) (string, error) {
	key, err := l.archive.signingKey(ctx, ws)
	if err != nil {
		return "", err
	}
	k := KeyOf(r.Address)
	until := ""
	if expires != 0 {
		until = strconv.FormatInt(expires.Seconds(), 10)
	}
	p := LinkPath + string(ws) + "/" + string(k) + "/" + url.PathEscape(fileName(r)) + "?sig=" + sign(key, ws, k, until)
	if until != "" {
		p += "&Expires=" + until
	}
	return p, nil
}

// sign returns the signature of a file's address. The name in it isn't signed: it only is what a browser may call the file.
func sign(key []byte, ws parlance.WorkspaceID, k Key, until string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(string(ws) + "\x00" + string(k) + "\x00" + until))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// ServeHTTP answers a signed address. Whatever is wrong with one, it is unknown; only one that was good once is told to be out of date.
func (l *Links) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	rec, err := l.signed(r)
	if err == nil {
		err = l.archive.Serve(w, r, &rec)
	}
	switch {
	case err == nil:
	case errors.Is(err, parlance.NotFound):
		http.Error(w, "not found", http.StatusNotFound)
	case errors.Is(err, parlance.Forbidden):
		http.Error(w, "this address is out of date", http.StatusGone)
	case r.Context().Err() != nil: // the client is gone
	default:
		l.log.LogAttrs(r.Context(), slog.LevelError, "a file can't be served", slog.Any("error", err))
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not available now", http.StatusServiceUnavailable)
	}
}

// signed returns the file that a signed address names, NotFound if it isn't one, Forbidden if its time is over.
func (l *Links) signed(r *http.Request) (Record, error) {
	ws, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, LinkPath), "/")
	k, _, named := strings.Cut(rest, "/")
	id := parlance.WorkspaceID(ws)
	if !named || parlance.CheckWorkspace(id) != nil {
		return Record{}, errUnknown
	}
	// Keys are read and not made: addresses of workspaces that there aren't write nothing.
	good, err := l.archive.linkKeys(r.Context(), id)
	if err != nil {
		return Record{}, err
	}
	q := r.URL.Query()
	until, sig := q.Get("Expires"), []byte(q.Get("sig"))
	signs := func(key linkKey) bool {
		return subtle.ConstantTimeCompare(sig, []byte(sign(key.Key, id, Key(k), until))) == 1
	}
	if !slices.ContainsFunc(good, signs) {
		return Record{}, errUnknown
	}
	if until != "" {
		sec, err := strconv.ParseInt(until, 10, 64)
		if err != nil || l.archive.store.Now() > parlance.TimeOfSeconds(sec) {
			return Record{}, parlance.Errorf(parlance.Forbidden, "the address is out of date")
		}
	}
	return l.archive.ByKey(r.Context(), id, Key(k))
}

// slowest is the rate in bytes a second below which a client is cut off.
const slowest = 16 << 10

// Serve answers a request with a file, whole or in part. NotFound if it isn't in the folder; nothing has been
// written then.
//
// A browser is told to take the file for what the record says, to run nothing of it, and to save what it could take for a page.
func (a *Archive) Serve(w http.ResponseWriter, r *http.Request, rec *Record) error {
	if rec.State != Kept {
		return errUnknown
	}
	f, err := a.folder.Open(rec.Sum)
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	media := rec.Type
	if media == "text/plain" {
		media += "; charset=utf-8"
	}
	how := "attachment"
	if shownInline(rec.Type) {
		how = "inline"
	}
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": fileName(rec)}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("ETag", `"`+rec.Sum.String()+`"`)
	// The server's limit is that of a page of messages. A file may take longer, the longer the larger it is; a writer that knows no limit needs none.
	limit := time.Minute + time.Duration(rec.Size/slowest)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// fileName returns what a browser may call a file: one name without folders or what a shell would read.
func fileName(r *Record) string {
	name := r.Name
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || strings.ContainsRune(`"<>|:*?`, c) {
			return '_'
		}
		return c
	}, strings.ToValidUTF8(name, "_"))
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	if name = strings.Trim(name, " ."); name == "" {
		return "file"
	}
	return name
}
