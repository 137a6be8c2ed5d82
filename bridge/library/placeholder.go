package library

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// noUpload stands for the id of the newest upload while there is none.
const noUpload = "-"

// placeholder is what E/image shows before the first upload, as a picture is what it is said to be: a frame with the sun above a hill.
func placeholder() []byte {
	const width, height, border = 320, 240, 12
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		x, y := i%width, i/width
		sunX, sunY := x-230, y-80
		hill := min(x-40, 250-x, 130) // as high as it is far from its feet
		shade := color.Gray{Y: 0xe8}
		switch {
		case min(x, y, width-1-x, height-1-y) < border, sunX*sunX+sunY*sunY < 28*28, y > 200-hill && y <= 200:
			shade.Y = 0xb0
		}
		img.SetGray(x, y, shade)
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // into memory, which cannot fail
	return b.Bytes()
}
