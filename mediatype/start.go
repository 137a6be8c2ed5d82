package mediatype

import (
	"bytes"
	"encoding/binary"
)

// How much may stand before a JPEG: a byte of the bus or a length, and as text the head of a part of multipart/x-mixed-replace.
const (
	maxLead     = 128
	maxTextLead = 512
)

// jpegStart returns where a JPEG starts that has bytes before it, as some cameras with an ESP32 send it; 0 is nowhere. What is a file of
// another kind with a picture in it, such as a song, is told apart before; this one starts early, and its first segments are in order.
func jpegStart(head []byte) int {
	at := bytes.Index(head, []byte("\xFF\xD8\xFF"))
	if at <= 0 || at > maxLead && (at > maxTextLead || isBinary(head[:at])) || len(head) < at+6 {
		return 0
	}
	mark, next := head[at+3], at+4+int(binary.BigEndian.Uint16(head[at+4:]))
	if (mark < 0xE0 || mark > 0xEF) && mark != 0xDB && mark != 0xFE || next < len(head) && head[next] != 0xFF {
		return 0
	}
	return at
}
