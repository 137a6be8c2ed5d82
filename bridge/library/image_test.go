package library

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"gphotos2mqtt/photos"
)

func TestAsJPEG(t *testing.T) {
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	photo := encoded.Bytes()
	if got, err := asJPEG(photo); err != nil || !bytes.Equal(got, photo) {
		t.Errorf("a jpeg is changed: %v", err)
	}
	var drawing, huge bytes.Buffer
	if err := errors.Join(png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 40, 30))), png.Encode(&huge, image.NewGray(image.Rect(0, 0, 2000, 10)))); err != nil {
		t.Fatal(err)
	}
	got, err := asJPEG(drawing.Bytes())
	if config, bad := jpeg.DecodeConfig(bytes.NewReader(got)); err != nil || bad != nil || config.Width != 40 {
		t.Errorf("a png is not turned into a jpeg: %v", err)
	}
	for name, bad := range map[string][]byte{"too large": huge.Bytes(), "no picture": []byte("<html>404</html>"), "empty": nil} {
		if _, err := asJPEG(bad); !errors.Is(err, errNoJPEG) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPicturesThatAreConvertedAreSmall(t *testing.T) {
	drawing := photos.Item{MIMEType: "image/png", Width: 4000, Height: 3000}
	if side := imageSides[largest(drawing)]; side > maxConvert {
		t.Errorf("a png is asked for at %d pixels", side)
	}
	if n := pixels(photos.Item{}, largest(photos.Item{})); n <= 0 {
		t.Errorf("an item without a size has %f pixels", n)
	}
}
