package imetastore

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// The types of elements that the platform documents.
const (
	textElem     = "TIMTextElem"
	imageElem    = "TIMImageElem"
	fileElem     = "TIMFileElem"
	soundElem    = "TIMSoundElem"
	videoElem    = "TIMVideoFileElem"
	locationElem = "TIMLocationElem"
	faceElem     = "TIMFaceElem"
	customElem   = "TIMCustomElem"
)

// The contents of the elements. Sizes are bytes, seconds are seconds, width and height are
// pixels (0 if unknown).
type (
	textContent struct {
		Text *string `json:"text"`
	}
	imageContent struct {
		UUID           string      `json:"uuid"`
		ImageFormat    int         `json:"imageFormat"` // 1 JPG, 2 GIF, 3 PNG, 4 BMP, 255 other
		ImageInfoArray []imageInfo `json:"imageInfoArray"`
	}
	imageInfo struct {
		Type   int    `json:"type"` // 1 original, 2 large, 3 thumbnail
		Size   int64  `json:"size"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
		URL    string `json:"url"`
	}
	fileContent struct {
		URL          string `json:"url"`
		UUID         string `json:"uuid"`
		FileSize     *int64 `json:"fileSize"`
		FileName     string `json:"fileName"`
		DownloadFlag int    `json:"download_Flag"` // 2: to be fetched from url
	}
	soundContent struct {
		URL          string `json:"url"`
		UUID         string `json:"uuid"`
		Size         *int64 `json:"size"`
		Second       int64  `json:"second"`
		DownloadFlag int    `json:"download_Flag"`
	}
	videoContent struct {
		VideoURL          string `json:"videoUrl"`
		VideoUUID         string `json:"videoUUID"`
		VideoSize         *int64 `json:"videoSize"`
		VideoSecond       int64  `json:"videoSecond"`
		VideoFormat       string `json:"videoFormat"` // such as mp4
		VideoDownloadFlag int    `json:"videoDownloadFlag"`
		ThumbURL          string `json:"thumbUrl"`
		ThumbUUID         string `json:"thumbUUID"`
		ThumbSize         int64  `json:"thumbSize"`
		ThumbWidth        int    `json:"thumbWidth"`
		ThumbHeight       int    `json:"thumbHeight"`
		ThumbFormat       string `json:"thumbFormat"`
		ThumbDownloadFlag int    `json:"thumbDownloadFlag"`
	}
	locationContent struct {
		Desc      string   `json:"desc"`
		Latitude  *float64 `json:"latitude"` // degrees
		Longitude *float64 `json:"longitude"`
	}
	faceContent struct {
		Index int64  `json:"index"`
		Data  string `json:"data"`
	}
	customContent struct {
		Data  *string `json:"data"`
		Desc  string  `json:"desc"`
		Ext   string  `json:"ext"`
		Sound string  `json:"sound"`
	}
)

// imageFormats pairs the platform's numbers with MIME types.
var imageFormats = map[int]string{1: "image/jpeg", 2: "image/gif", 3: "image/png", 4: "image/bmp"}

// readContent reads an element's content into v. The error, of kind Invalid, names the
// field that can't be read. Damaged text is read with U+FFFD in it: what is sent has none, [wireKeys] sees to that.
//
// iMetaStore elements, names: compared without case and underscores.
func readContent(c Content, v any) error {
	err := json.Unmarshal([]byte(c), v, loose)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return parlance.Wrap(parlance.Invalid, err, "Field msgContent.%s is of the wrong type.", fieldOf(semantic.JSONPointer))
	}
	return parlance.Wrap(parlance.Invalid, err, "Field msgContent does not hold valid JSON.")
}

// setContent gives m the common form of what the elements say: its type, text,
// attachments, place and sticker. The error, of kind Invalid, tells of the first element that
// can't be understood; the others are in m nevertheless.
func (es Elements) setContent(m *parlance.Message) error {
	var lines []string
	var failed error
	custom := false
	for _, e := range es {
		kind, line, err := e.addTo(m)
		if err != nil {
			custom = true
			if failed == nil {
				failed = err
			}
			continue
		}
		switch {
		case kind == parlance.TypeCustom:
			custom = true
		case kind != parlance.TypeText && m.Type == "":
			m.Type = kind
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	m.Text = strings.Join(lines, "\n")
	switch {
	case m.Type != "":
	case custom:
		m.Type = parlance.TypeCustom
	default:
		m.Type = parlance.TypeText
	}
	return failed
}

// addTo adds to m what e says beside text, and returns e's common type and text.
func (e *Element) addTo(m *parlance.Message) (parlance.Type, string, error) {
	switch e.MsgType {
	case textElem:
		var c textContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		if c.Text == nil {
			return "", "", missing("msgContent.text")
		}
		return parlance.TypeText, *c.Text, nil
	case imageElem:
		var c imageContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		if len(c.ImageInfoArray) == 0 {
			return "", "", missing("msgContent.imageInfoArray")
		}
		m.Attachments = append(m.Attachments, c.attachment())
		return parlance.TypeImage, "", nil
	case fileElem:
		var c fileContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		a := parlance.Attachment{Type: parlance.TypeFile, Name: c.FileName, URL: c.URL}
		setSize(&a, c.FileSize)
		m.Attachments = append(m.Attachments, a)
		return parlance.TypeFile, "", nil
	case soundElem:
		var c soundContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		a := parlance.Attachment{Type: parlance.TypeAudio, URL: c.URL, Duration: parlance.Millis(c.Second) * 1000}
		setSize(&a, c.Size)
		m.Attachments = append(m.Attachments, a)
		return parlance.TypeAudio, "", nil
	case videoElem:
		var c videoContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		a := parlance.Attachment{Type: parlance.TypeVideo, URL: c.VideoURL, Thumb: c.ThumbURL, Duration: parlance.Millis(c.VideoSecond) * 1000}
		if c.VideoFormat != "" {
			a.MIME = "video/" + strings.ToLower(c.VideoFormat)
		}
		setSize(&a, c.VideoSize)
		m.Attachments = append(m.Attachments, a)
		return parlance.TypeVideo, "", nil
	case locationElem:
		var c locationContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		if c.Latitude == nil || c.Longitude == nil {
			return "", "", missing("msgContent.latitude and longitude")
		}
		m.Location = &parlance.Location{Latitude: *c.Latitude, Longitude: *c.Longitude}
		return parlance.TypeLocation, c.Desc, nil
	case faceElem:
		var c faceContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		if m.Sticker = c.Data; c.Data == "" {
			m.Sticker = strconv.FormatInt(c.Index, 10)
		}
		return parlance.TypeSticker, "", nil
	case customElem:
		var c customContent
		if err := readContent(e.MsgContent, &c); err != nil {
			return "", "", err
		}
		if c.Data == nil {
			return "", "", missing("msgContent.data")
		}
		return parlance.TypeCustom, c.Desc, nil
	}
	return "", "", parlance.Errorf(parlance.Invalid, "Field msgType: there is no element %q.", e.MsgType)
}

// attachment returns the picture's original, or its first version if none is called so.
func (c *imageContent) attachment() parlance.Attachment {
	best := &c.ImageInfoArray[0]
	a := parlance.Attachment{Type: parlance.TypeImage, MIME: imageFormats[c.ImageFormat]}
	for i := range c.ImageInfoArray {
		switch v := &c.ImageInfoArray[i]; v.Type {
		case 1:
			best = v
		case 3:
			a.Thumb = v.URL
		}
	}
	a.URL, a.Width, a.Height = best.URL, best.Width, best.Height
	setSize(&a, &best.Size)
	return a
}

// setSize notes a size unless it is absent or 0, which stands for unknown.
func setSize(a *parlance.Attachment, size *int64) {
	if size != nil && *size > 0 {
		a.Size, a.HasSize = *size, true
	}
}

// isPlainText reports whether content is {"text":…} with nothing else, which the
// common form gives back.
func isPlainText(c Content) bool {
	o, err := splitObject([]byte(c))
	return err == nil && len(o) == 1 && o[0].name == "text" && o[0].value.Kind() == '"'
}

// wireKeys returns content with those names that begin with a capital changed into the
// platform's: Text into text, ImageInfoArray into imageInfoArray, UUID into uuid.
// Content without such names is returned as it is, byte for byte.
//
// iMetaStore elements, capitals: accepted.
func wireKeys(c Content) (Content, error) { return wireNames(c, true) }

// wireNames is wireKeys. The names inside an imageInfoArray are changed too if images is true; there is none
// inside of another, and what a client nests there is left alone, or each level would be copied once for every one above it.
func wireNames(c Content, images bool) (Content, error) {
	o, err := splitObject([]byte(c))
	if err != nil {
		return "", parlance.Wrap(parlance.Invalid, err, "Field msgContent is no valid JSON object.")
	}
	changed := false
	seen := map[string]bool{}
	for i := range o {
		changed = lower(&o[i].name) || changed
		if images && o[i].name == "imageInfoArray" {
			again, err := wireKeysOfEach(&o[i].value)
			if err != nil {
				return "", err
			}
			changed = changed || again
		}
		if seen[o[i].name] {
			return "", parlance.Errorf(parlance.Invalid, "Field msgContent.%s is there twice.", o[i].name)
		}
		seen[o[i].name] = true
	}
	if !changed {
		return c, nil
	}
	return Content(o.append(nil)), nil
}

// wireKeysOfEach does what wireKeys does for the names of every object of an array, and reports whether it changed one.
func wireKeysOfEach(array *jsontext.Value) (bool, error) {
	var all []jsontext.Value
	if json.Unmarshal(*array, &all) != nil {
		return false, nil // not an array: readContent says so
	}
	changed := false
	for i, v := range all {
		if v.Kind() != '{' {
			continue
		}
		c, err := wireNames(Content(v), false)
		if err != nil {
			return false, err
		}
		if string(c) != string(v) {
			all[i], changed = jsontext.Value(c), true
		}
	}
	if !changed {
		return false, nil
	}
	b, err := json.Marshal(all)
	if err != nil {
		return false, parlance.Wrap(parlance.Invalid, err, "Field msgContent.imageInfoArray can't be written.")
	}
	*array = b
	return true, nil
}

// capitals are the names that the first letter in lower case would not give.
var capitals = map[string]string{"UUID": "uuid", "URL": "url"}

// lower changes a name that begins with a capital and reports whether it did.
func lower(name *string) bool {
	s := *name
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	if wire, ok := capitals[s]; ok {
		*name = wire
	} else {
		*name = string(s[0]-'A'+'a') + s[1:]
	}
	return true
}
