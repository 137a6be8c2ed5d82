package photosim

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"time"
)

// maxPixels is the largest picture that is decoded; others are shown as a drawn one.
const maxPixels = 64 << 20

// sendPicture sends an item at the wanted size: PNG and GIF photos as PNG, all else as JPEG.
func (s *Server) sendPicture(x *exchange, i *item, want suffix) {
	src := i.picture()
	if want.download { // a video's "=d" is its frame
		want = suffix{width: src.Bounds().Dx(), height: src.Bounds().Dy()}
	}
	out := scaled(src, want)
	var buf bytes.Buffer
	kind := "image/jpeg"
	var err error
	if i.facts.mime == "image/png" || i.facts.mime == "image/gif" {
		kind = "image/png"
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&buf, out)
	} else {
		err = jpeg.Encode(&buf, out, &jpeg.Options{Quality: 80})
	}
	if err != nil {
		abort() // encoding to memory does not fail
	}
	x.w.Header().Set("Content-Type", kind)
	http.ServeContent(x.w, x.r, "", time.Time{}, bytes.NewReader(buf.Bytes()))
}

// picture decodes a photo. Videos, seeded items and formats that the standard library cannot read are drawn.
func (i *item) picture() image.Image {
	if i.payload != nil && i.facts.decodable && i.facts.width*i.facts.height <= maxPixels {
		if img, ok := i.decode(); ok {
			return img
		}
	}
	w, h := int(i.facts.width), int(i.facts.height)
	if w <= 0 || h <= 0 || w*h > maxPixels {
		w, h = 1280, 720
	}
	return drawn(w, h, i.id)
}

func (i *item) decode() (image.Image, bool) {
	r, err := i.payload.open()
	if err != nil {
		return nil, false
	}
	defer closeQuietly(r)
	var img image.Image
	switch i.facts.mime {
	case "image/png":
		img, err = png.Decode(r)
	case "image/gif":
		img, err = gif.Decode(r)
	default:
		img, err = jpeg.Decode(r)
	}
	if err != nil {
		return nil, false
	}
	if i.facts.exif.turned {
		img = turned(img)
	}
	return img, true
}

// scaled fits img inside the wanted box, never larger than it is, or crops it to exactly the box. Nearest pixel.
func scaled(img image.Image, want suffix) image.Image {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if want.crop {
		return sample(img, cropped(b, want.width, want.height), want.width, want.height)
	}
	outW, outH := w, h
	if want.width > 0 && outW > want.width {
		outW, outH = want.width, max(1, h*want.width/w)
	}
	if want.height > 0 && outH > want.height {
		outW, outH = max(1, w*want.height/h), want.height
	}
	if outW == w && outH == h {
		return img
	}
	return sample(img, b, outW, outH)
}

// cropped is the largest middle part of b with the shape w:h.
func cropped(b image.Rectangle, w, h int) image.Rectangle {
	cw, ch := b.Dx(), b.Dx()*h/w
	if ch > b.Dy() {
		cw, ch = b.Dy()*w/h, b.Dy()
	}
	cw, ch = max(1, cw), max(1, ch)
	at := image.Pt(b.Min.X+(b.Dx()-cw)/2, b.Min.Y+(b.Dy()-ch)/2)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(cw, ch))}
}

func sample(img image.Image, from image.Rectangle, w, h int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		sy := from.Min.Y + y*from.Dy()/h
		for x := range w {
			out.Set(x, y, img.At(from.Min.X+x*from.Dx()/w, sy))
		}
	}
	return out
}

// turned exchanges width and height, as a camera held upright does.
func turned(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dy(), b.Dx()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(b.Dy()-1-y, x, img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

// drawn is a picture of two colours that depend on the text.
func drawn(w, h int, text string) image.Image {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(text)) // never fails
	c := sum.Sum(nil)
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{
		color.RGBA{c[0], c[1], c[2], 255},
		color.RGBA{c[1], c[2], c[3], 255},
	})
	draw.Draw(img, image.Rect(w/4, h/4, w-w/4, h-h/4), image.NewUniform(img.Palette[1]), image.Point{}, draw.Src)
	return img
}
