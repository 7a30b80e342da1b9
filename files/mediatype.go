package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"parlance"
)

// sniffed is how many bytes of a file tell its type.
const sniffed = 512

const (
	unknownType = "application/octet-stream"
	program     = "application/x-executable"
)

// Acceptable reports whether files of a media type are kept: images, sound, video, text, documents, archives, and
// what is of no known type. Programs aren't.
func Acceptable(mediaType string) bool {
	family, _, _ := strings.Cut(mediaType, "/")
	switch family {
	case "image", "audio", "video", "text", "font", "message", "model":
		return true
	case "application":
		return !programs[mediaType]
	}
	return false
}

// programs are types of what a machine would run.
var programs = map[string]bool{
	program:                                         true,
	"application/x-msdownload":                      true,
	"application/x-dosexec":                         true,
	"application/x-msi":                             true,
	"application/x-elf":                             true,
	"application/x-mach-binary":                     true,
	"application/x-sharedlib":                       true,
	"application/x-sh":                              true,
	"application/x-bat":                             true,
	"application/hta":                               true,
	"application/java-archive":                      true,
	"application/wasm":                              true,
	"application/vnd.microsoft.portable-executable": true,
}

// magics begin programs of all sorts.
var magics = [][]byte{
	[]byte("MZ"), []byte("\x7fELF"), []byte("\x00asm"),
	{0xfe, 0xed, 0xfa, 0xce},
	{0xfe, 0xed, 0xfa, 0xcf},
	{0xce, 0xfa, 0xed, 0xfe},
	{0xcf, 0xfa, 0xed, 0xfe},
	{0xca, 0xfe, 0xba, 0xbe},
}

// mediaType returns a file's type by what its server says and its first bytes. Bytes that say what they are win; where they
// could be several things, such as the ZIP that a document is, the server decides.
func mediaType(header string, head []byte) string {
	seen, _, _ := mime.ParseMediaType(http.DetectContentType(head))
	if seen == unknownType && slices.ContainsFunc(magics, func(m []byte) bool { return bytes.HasPrefix(head, m) }) {
		return program
	}
	said, _, err := mime.ParseMediaType(header)
	if err != nil || !strings.Contains(said, "/") {
		said = unknownType
	}
	if bytes.Contains(head, []byte("<svg")) && (seen == "text/xml" || seen == "text/plain") {
		return "image/svg+xml"
	}
	family, _, _ := strings.Cut(said, "/")
	switch seen {
	case unknownType, "text/plain", "text/xml":
		// Bytes that look like nothing can't be a picture that is only called one; sound and video have formats that aren't known here.
		if said == unknownType || seen != unknownType && (family == "image" || family == "audio" || family == "video") && said != "image/svg+xml" {
			return seen
		}
		return said
	case "application/zip", "application/x-gzip", "application/ogg", "video/webm", "video/mp4":
		if family == "image" || said == unknownType || family == "text" {
			return seen
		}
		return said // a document, or sound in a film's clothes
	}
	return seen
}

// plausible returns, as Broken, why what came can't be the file that was mentioned: platforms and their guards answer 200 with a
// page that asks for a login, or with an error in JSON.
func plausible(m Mention, u *url.URL, media string, size int) error {
	want := expected(m, u)
	if want == "" {
		return nil
	}
	switch media {
	case "text/html", "application/json":
		if want != media {
			return parlance.Errorf(parlance.Broken, "%s in the place of %s", media, want)
		}
	}
	if family, _, _ := strings.Cut(want, "/"); size == 0 && (family == "image" || family == "audio" || family == "video") {
		return parlance.Errorf(parlance.Broken, "nothing in the place of %s", want)
	}
	return nil
}

// isAnswer reports whether what came from the platform's own host is an answer of its API or one of its pages: HTML, JSON,
// scripts, or XML that is no picture, by what the server says, by its bytes, or by both.
func isAnswer(header, media string, head []byte) bool {
	said, _, err := mime.ParseMediaType(header)
	if err != nil {
		said, _, _ = strings.Cut(strings.ToLower(header), ";")
		said = strings.TrimSpace(said)
	}
	seen, _, _ := mime.ParseMediaType(http.DetectContentType(head))
	switch family, _, _ := strings.Cut(seen, "/"); {
	case family == "image", family == "audio", family == "video", seen == "application/pdf":
		return false // no API's answer begins so, whatever the server calls it
	case isAPIType(said), isAPIType(media), isAPIType(seen), beginsJSON(head):
		return true
	}
	return media != "image/svg+xml" && bytes.HasPrefix(trimText(head), []byte("<"))
}

func isAPIType(media string) bool {
	_, kind, _ := strings.Cut(media, "/")
	return strings.Contains(kind, "json") || strings.Contains(kind, "html") || strings.Contains(kind, "javascript") || strings.Contains(kind, "ecmascript") ||
		kind == "event-stream" || kind == "xml" || strings.HasSuffix(kind, "+xml") && media != "image/svg+xml"
}

// trimText removes what may stand before a text.
func trimText(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// beginsJSON reports whether the beginning of a file is the beginning of JSON objects or arrays, and nothing else.
func beginsJSON(head []byte) bool {
	head = trimText(head)
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(head))
	for {
		var v json.RawMessage
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return true
		case err != nil:
			return false
		}
	}
}

// expected returns the type that a mention leads to expect, empty if it could be any.
func expected(m Mention, u *url.URL) string {
	switch m.Type {
	case parlance.TypeImage, parlance.TypeSticker:
		return "image/*"
	case parlance.TypeAudio:
		return "audio/*"
	case parlance.TypeVideo:
		return "video/*"
	}
	for _, name := range []string{m.Name, u.Path} {
		if t, ok := extensions[strings.ToLower(path.Ext(name))]; ok {
			return t
		}
	}
	return ""
}

// extensions are types by names' ends. The table is our own: the operating system's differs from one to the next.
var extensions = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".svg": "image/svg+xml", ".heic": "image/heic",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".wav": "audio/wave", ".ogg": "application/ogg", ".aac": "audio/aac", ".amr": "audio/amr",
	".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".avi": "video/avi",
	".pdf": "application/pdf", ".zip": "application/zip", ".rar": "application/x-rar-compressed", ".7z": "application/x-7z-compressed",
	".gz": "application/x-gzip", ".tar": "application/x-tar", ".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".csv":  "text/csv", ".txt": "text/plain", ".html": "text/html", ".htm": "text/html", ".json": "application/json",
}

// dispositionName returns the file name of a Content-Disposition.
func dispositionName(header string) string {
	_, params, err := mime.ParseMediaType(header)
	if err != nil {
		return ""
	}
	return params["filename"]
}

// shownInline reports whether a browser may show a file of that type in its place: what it can't take for a page, and can't run.
func shownInline(mediaType string) bool {
	family, kind, _ := strings.Cut(mediaType, "/")
	switch family {
	case "image":
		return kind != "svg+xml"
	case "audio", "video":
		return true
	}
	return mediaType == "text/plain" || mediaType == "application/pdf"
}
