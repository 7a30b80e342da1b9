package fake

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"parlance"
)

// A file is what a message's attachment leads to.
type file struct {
	id, name, mime string
	typ            parlance.Type // image or file
	body           []byte
	missing        bool // answers 404
}

const side = 8 // pixels of a picture's edges

// newFile makes a small picture or text, and keeps it.
func (w *world) newFile(typ parlance.Type, name string, t parlance.Time) *file {
	f := &file{id: w.hex(t), name: name, typ: typ}
	if typ == parlance.TypeImage {
		f.mime, f.body = "image/png", w.picture()
		if f.name == "" {
			f.name = fmt.Sprintf("照片 %d.png", len(w.files)+1)
		}
	} else {
		f.mime, f.body = "text/plain; charset=utf-8", []byte("file "+f.id+"\n"+text(w.random)+"\n")
		if f.name == "" {
			f.name = fmt.Sprintf("price list %d.txt", len(w.files)+1)
		}
	}
	w.files[f.id] = f
	return f
}

// picture returns a small picture in two colours.
func (w *world) picture() []byte {
	r := w.random
	p := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{
		color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255}, color.White,
	})
	for i := range p.Pix {
		p.Pix[i] = uint8(r.IntN(2))
	}
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &w.pictures}
	_ = e.Encode(&b, p) // to memory, of a size that it knows
	return b.Bytes()
}

// A buffer is what pictures are made with, one after the other. A new one for each costs more than all else that
// an upstream holds.
type buffer struct{ b *png.EncoderBuffer }

func (b *buffer) Get() *png.EncoderBuffer  { return b.b }
func (b *buffer) Put(x *png.EncoderBuffer) { b.b = x }
