package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	maxAnswer = 1 << 16 // bytes of a packet that is no PUBLISH; the longest is SUBACK, with one for each filter
	firstPart = 1 << 20 // bytes for which there is room at once; for more once they have come
)

var errPacket = errors.New("what came is no packet of MQTT 3.1.1")

// readPacket reads what a broker sends. A packet says how long it is, up to 256 MiB: there is never room for more than eight times what has
// come. packets.ReadPacket takes all of it at once, twice, and fields that are cut for whole ones.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718019
func readPacket(in *bufio.Reader) (packets.ControlPacket, error) {
	first, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	length, err := readLength(in)
	if err != nil {
		return nil, err
	}
	header := packets.FixedHeader{
		MessageType: first >> 4, Dup: first&8 > 0, Qos: first >> 1 & 3, Retain: first&1 > 0, RemainingLength: length,
	}
	if header.MessageType == packets.Publish {
		return readPublish(in, header)
	}
	packet, err := packets.NewControlPacketWithHeader(header)
	if err != nil || !fits(header) {
		return nil, errPacket
	}
	body := make([]byte, length)
	if _, err = io.ReadFull(in, body); err != nil {
		return nil, err
	}
	return packet, packet.Unpack(bytes.NewReader(body))
}

// fits reports whether an answer can be so long. DISCONNECT and others that no broker may send are for nobody.
func fits(h packets.FixedHeader) bool {
	switch h.MessageType {
	case packets.Connack, packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp, packets.Unsuback:
		return h.RemainingLength == 2
	case packets.Suback:
		return h.RemainingLength > 2 && h.RemainingLength <= maxAnswer
	}
	return h.RemainingLength == 0
}

// readLength reads a length of at most four bytes.
func readLength(in *bufio.Reader) (length int, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if length |= int(b&0x7f) << shift; b < 0x80 {
			return length, nil
		}
	}
	return 0, errPacket
}

// readPublish reads a message, whose payload is a part of what was read.
func readPublish(in *bufio.Reader, h packets.FixedHeader) (packets.ControlPacket, error) {
	body, err := readBody(in, h.RemainingLength)
	if err != nil {
		return nil, err
	}
	p := &packets.PublishPacket{FixedHeader: h}
	topic, rest, ok := cut(body)
	if ok && h.Qos > 0 {
		if ok = len(rest) >= 2; ok {
			p.MessageID, rest = binary.BigEndian.Uint16(rest), rest[2:]
		}
		ok = ok && p.MessageID > 0
	}
	if !ok || len(topic) == 0 || h.Qos > 2 {
		return nil, errPacket
	}
	p.TopicName, p.Payload = string(topic), rest
	return p, nil
}

// cut takes a field, which has its length before it, off.
func cut(body []byte) (field, rest []byte, ok bool) {
	if len(body) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(body))
	if body = body[2:]; len(body) < n {
		return nil, nil, false
	}
	return body[:n], body[n:], true
}

func readBody(in *bufio.Reader, length int) ([]byte, error) {
	body := make([]byte, min(length, firstPart))
	for came := 0; ; {
		n, err := io.ReadFull(in, body[came:])
		if err != nil {
			return nil, err
		}
		if came += n; came == length {
			return body, nil
		}
		more := make([]byte, min(length, 8*came))
		copy(more, body)
		body = more
	}
}
