package imetastore

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/quote"
)

// appendBody appends the common form of m as a msgBody.
func appendBody(b []byte, m *parlance.Message) []byte {
	// The plain text is nearly every message, so it goes the short way.
	if m.State == parlance.Live && isText(m.Type) && len(m.Attachments) == 0 && m.Location == nil && m.Sticker == "" {
		return append(appendTextElement(append(b, '['), m.Text), ']')
	}
	b = append(b, '[')
	for i, e := range elementsOf(m) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendElement(b, e.MsgType, string(e.MsgContent))
	}
	return append(b, ']')
}

func appendElement(b []byte, msgType, content string) []byte {
	b = append(b, `{"msgType":`...)
	b = appendString(b, msgType)
	b = append(b, `,"msgContent":`...)
	b = appendString(b, content)
	return append(b, '}')
}

func appendTextElement(b []byte, text string) []byte {
	b = append(b, `{"msgType":"TIMTextElem","msgContent":`...)
	if quote.Plain(text) {
		b = append(append(b, `"{\"text\":\"`...), text...)
		return append(b, `\"}"}`...)
	}
	var space [256]byte
	content := append(appendString(append(space[:0], `{"text":`...), text), '}')
	b, _ = jsontext.AppendQuote(b, content) // it is UTF-8
	return append(b, '}')
}

// isText reports whether messages of type t are told as text.
//
// iMetaStore other dialects, text: notes that the customer may see and actions are text too.
func isText(t parlance.Type) bool {
	switch t {
	case parlance.TypeText, parlance.TypeAction, parlance.TypeNote, "":
		return true
	}
	return false
}

// elementsOf returns what m's common form says. There is at least one element.
//
// iMetaStore other dialects, elements: the text first, then what came with it.
func elementsOf(m *parlance.Message) Elements {
	if m.State != parlance.Live {
		// iMetaStore other dialects, recalled: an empty custom element.
		return Elements{{customElem, contentOf(customContent{Data: new("")})}}
	}
	var es Elements
	add := func(msgType string, v any) {
		es = append(es, Element{msgType, contentOf(v)})
	}
	if isText(m.Type) || hasOwnElement(m.Type) {
		desc := m.Text
		if m.Location == nil && m.Text != "" {
			add(textElem, textContent{&m.Text})
		}
		for i := range m.Attachments {
			add(attachmentOf(&m.Attachments[i]))
		}
		if m.Location != nil {
			add(locationElem, locationContent{desc, &m.Location.Latitude, &m.Location.Longitude})
		}
		if m.Sticker != "" {
			add(faceElem, faceContent{0, m.Sticker})
		}
		if len(es) > 0 {
			return es
		}
		if isText(m.Type) {
			add(textElem, textContent{&m.Text})
			return es
		}
	}
	// iMetaStore other dialects, custom: with the native form, else the common fields.
	add(customElem, customContent{Data: new(dataOf(m)), Desc: m.Text})
	return es
}

func hasOwnElement(t parlance.Type) bool {
	switch t {
	case parlance.TypeImage, parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo, parlance.TypeLocation, parlance.TypeSticker:
		return true
	}
	return false
}

// dataOf returns the data of a custom element: m's native form if that still holds, else the
// common fields as JSON.
func dataOf(m *parlance.Message) string {
	if len(m.Native.JSON) > 0 && !m.Native.Stale && m.Native.Dialect != parlance.IMetaStore {
		return string(m.Native.JSON)
	}
	type file struct {
		Type parlance.Type `json:"type"`
		Name string        `json:"name,omitempty"`
		URL  string        `json:"url,omitempty"`
	}
	fields := struct {
		Type        parlance.Type `json:"type"`
		Text        string        `json:"text,omitempty"`
		Attachments []file        `json:"attachments,omitempty"`
	}{Type: m.Type, Text: m.Text}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		fields.Attachments = append(fields.Attachments, file{a.Type, a.Name, a.URL})
	}
	return string(contentOf(fields))
}

// attachmentOf returns the element of an attachment: its type and its content.
func attachmentOf(a *parlance.Attachment) (string, any) {
	id := uuidOf(a.URL)
	var size *int64
	if a.HasSize || a.Size > 0 {
		size = &a.Size
	} else {
		size = new(int64(0))
	}
	switch a.Type {
	case parlance.TypeImage:
		thumb := a.Thumb
		if thumb == "" {
			thumb = a.URL
		}
		return imageElem, imageContent{UUID: id, ImageFormat: imageFormatOf(a), ImageInfoArray: []imageInfo{
			{Type: 1, Size: *size, Width: a.Width, Height: a.Height, URL: a.URL},
			{Type: 2, URL: a.URL},
			{Type: 3, URL: thumb},
		}}
	case parlance.TypeAudio:
		return soundElem, soundContent{URL: a.URL, UUID: id, Size: size, Second: secondsOf(a.Duration), DownloadFlag: 2}
	case parlance.TypeVideo:
		c := videoContent{
			VideoURL: a.URL, VideoUUID: id, VideoSize: size, VideoSecond: secondsOf(a.Duration),
			VideoFormat: videoFormatOf(a), VideoDownloadFlag: 2,
			ThumbURL: a.Thumb, ThumbUUID: uuidOf(a.Thumb), ThumbFormat: "JPG", ThumbDownloadFlag: 2,
		}
		return videoElem, c
	}
	return fileElem, fileContent{URL: a.URL, UUID: id, FileSize: size, FileName: a.Name, DownloadFlag: 2}
}

// uuidOf returns a stable name for the file at an address; empty for no address.
func uuidOf(url string) string {
	if url == "" {
		return ""
	}
	h := sha256.Sum256([]byte(url))
	return hex.EncodeToString(h[:16])
}

// secondsOf rounds to the nearest second, but what is not silent has at least one.
func secondsOf(d parlance.Millis) int64 {
	if d <= 0 {
		return 0
	}
	return max(1, (int64(d)+500)/1000)
}

// imageFormatOf returns the platform's number of a picture's format, by its MIME type or else by its name.
func imageFormatOf(a *parlance.Attachment) int {
	mime := strings.ToLower(a.MIME)
	if !strings.HasPrefix(mime, "image/") {
		mime = "image/" + extensionOf(a)
	}
	if mime == "image/jpg" {
		mime = "image/jpeg"
	}
	for n, m := range imageFormats {
		if m == mime {
			return n
		}
	}
	return 255
}

// videoFormatOf returns a video's format, by its MIME type or else by its name; mp4 if neither tells.
func videoFormatOf(a *parlance.Attachment) string {
	if format, ok := strings.CutPrefix(a.MIME, "video/"); ok && format != "" {
		return format
	}
	if ext := extensionOf(a); slices.Contains(videoExtensions, ext) {
		return ext
	}
	return "mp4"
}

// videoExtensions are the ends of names that tell a video's format.
var videoExtensions = []string{"mp4", "mov", "webm", "avi", "mkv", "m4v", "3gp", "flv", "wmv", "mpeg", "mpg", "ts"}

// extensionOf returns the end of the name of a's file, or else of its address, in lower case and without the dot.
func extensionOf(a *parlance.Attachment) string {
	if ext := path.Ext(a.Name); ext != "" {
		return strings.ToLower(ext[1:])
	}
	address, _, _ := strings.Cut(a.URL, "?")
	address, _, _ = strings.Cut(address, "#")
	return strings.ToLower(strings.TrimPrefix(path.Ext(address), "."))
}

// contentOf writes v as the content of an element. Text that is not UTF-8 gets U+FFFD in it.
func contentOf(v any) Content {
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return "{}" // a place that is no number
	}
	return Content(b)
}
