package imetastore

import (
	"testing"

	"parlance"
)

// A format is told by the MIME type, else by the name, else by the address.
func TestFormatsOfPicturesAndVideos(t *testing.T) {
	for _, c := range []struct {
		a     parlance.Attachment
		image int
		video string
	}{
		{parlance.Attachment{MIME: "image/png"}, 3, "mp4"},
		{parlance.Attachment{MIME: "image/png", Name: "a.gif"}, 3, "mp4"},
		{parlance.Attachment{MIME: "image/webp", Name: "a.gif"}, 255, "mp4"},
		{parlance.Attachment{Name: "A.JPG"}, 1, "mp4"},
		{parlance.Attachment{MIME: "application/octet-stream", Name: "a.jpeg"}, 1, "mp4"},
		{parlance.Attachment{URL: "https://x/a.bmp?sig=b.png#c.gif"}, 4, "mp4"},
		{parlance.Attachment{Name: "clip.MOV", URL: "https://x/a.png"}, 255, "mov"},
		{parlance.Attachment{URL: "https://x/v.webm?Expires=1"}, 255, "webm"},
		{parlance.Attachment{MIME: "video/quicktime", Name: "a.mp4"}, 255, "quicktime"},
		{parlance.Attachment{URL: "https://x.example/v"}, 255, "mp4"},
		{parlance.Attachment{URL: "https://x.example"}, 255, "mp4"},
	} {
		if n := imageFormatOf(&c.a); n != c.image {
			t.Errorf("%+v: image format %d, want %d", c.a, n, c.image)
		}
		if f := videoFormatOf(&c.a); f != c.video {
			t.Errorf("%+v: video format %s, want %s", c.a, f, c.video)
		}
	}
}
