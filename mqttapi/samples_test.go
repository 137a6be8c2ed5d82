package mqttapi

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"strings"
)

// photo returns a real JPEG whose base64 starts with "/9j/4".
func photo() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	// As cameras write it, with a JFIF header, which Go leaves out.
	jfif := "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
	return append([]byte(jfif), b.Bytes()[2:]...)
}

func base64Of(content []byte) string {
	return base64.StdEncoding.EncodeToString(content)
}

// heads are the first bytes of files.
var heads = map[string]string{
	"mts":     strings.Repeat("{\x00\x00\x01G\x40\x00\x10"+strings.Repeat("\xff", 184), 6),
	"png":     "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00",
	"pdf":     "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
	"zip":     "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("\x00", 20) + "a",
	"svg":     `<svg xmlns="http://www.w3.org/2000/svg"/>`,
	"webm":    "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x02",
	"unknown": "\x01\x02\x03\x04\x05\x06\x07\x08\x99\x98",
}
