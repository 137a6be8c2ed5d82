package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
	"github.com/sirupsen/logrus"
)

// The engine keeps records in block files, N.blk, each record as
//
//	length(4) sequence(8) time(8) subject length(2) subject [header length(4) header] body checksum(8)
//
// little-endian, where the top bit of the length says that there is a header.
// The checksum is a HighwayHash-64 of all but the three lengths, under the SHA-256 of
// "<stream>-<N>".
// https://github.com/nats-io/nats-server/blob/v2.15.2/server/filestore.go
const (
	recordHead = 22
	recordSum  = 8
	headerFlag = 1 << 31
	maxRecord  = 32 << 20
	// The two top bits of a sequence number mark erased records and tombstones.
	sequenceFlags = 3 << 62
)

// checkBlocks reads every block but those of payloads, which are checked when
// they are opened. Damage is a record that does not have its checksum. Only the
// last one of a stream may be so, and only after a crash: it is what was being
// written, and nobody has been told that it is there.
func checkBlocks(paths []string, clean bool, log *logrus.Entry) error {
	newest := make(map[string]int) // of each directory
	for _, path := range paths {
		newest[filepath.Dir(path)] = max(newest[filepath.Dir(path)], blockNumber(path))
	}
	var buf bytes.Buffer
	for _, path := range paths {
		if streamOf(path) == "OBJ_"+bucketPayloads {
			continue
		}
		if err := readFile(&buf, path); err != nil {
			return err
		}
		good, err := checkBlock(path, buf.Bytes())
		if err != nil {
			return err
		}
		rest := buf.Bytes()[good:]
		if len(rest) == 0 {
			continue
		}
		torn := !clean && blockNumber(path) == newest[filepath.Dir(path)]
		if !torn || holdsRecord(path, rest) {
			return fmt.Errorf("%w: the disk has changed the record at byte %d of %s; restore GPHOTOS_DATA_DIR from a backup, or move that file away to go on without the records in it", ErrDamaged, good, path)
		}
		log.WithField("file", path).WithField("bytes", len(rest)).Warn("dropping a record that the last run was still writing")
	}
	return nil
}

// checkBlock returns how many bytes of a block are good records.
func checkBlock(path string, block []byte) (good int, err error) {
	sum, err := blockSum(path)
	if err != nil {
		return 0, err
	}
	for good < len(block) {
		n := recordLength(block[good:], sum)
		if n == 0 {
			break
		}
		good += n
	}
	return good, nil
}

// holdsRecord reports whether a good record begins anywhere in data: then what
// is before it is not just the end of an unfinished write.
func holdsRecord(path string, data []byte) bool {
	sum, err := blockSum(path)
	if err != nil {
		return true
	}
	for i := range data {
		if recordLength(data[i:], sum) > 0 {
			return true
		}
	}
	return false
}

// recordLength returns the length of the good record that data begins with, 0
// when it does not begin with one.
func recordLength(data []byte, sum hash.Hash64) int {
	if len(data) < recordHead+recordSum {
		return 0
	}
	le := binary.LittleEndian
	length := le.Uint32(data)
	n, subject := int(length&^headerFlag), int(le.Uint16(data[20:]))
	lengths := recordHead + recordSum
	if length&headerFlag != 0 {
		lengths += 4
	}
	// A sequence number has far fewer than 48 bits: a cheap look that spares most
	// of the sums when bytes are searched for a record.
	if n > len(data) || n > maxRecord || n < lengths+subject || le.Uint64(data[4:])&^sequenceFlags>>48 != 0 {
		return 0
	}
	body := data[recordHead+subject : n-recordSum]
	if length&headerFlag != 0 {
		body = body[4:]
	}
	sum.Reset()
	for _, part := range [][]byte{data[4:20], data[recordHead : recordHead+subject], body} {
		_, _ = sum.Write(part) // a hash never fails
	}
	if !bytes.Equal(sum.Sum(nil), data[n-recordSum:n]) {
		return 0
	}
	return n
}

func blockSum(path string) (hash.Hash64, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", streamOf(path), blockNumber(path)))
	return highwayhash.NewDigest64(key[:])
}

// streamOf returns the stream of …/streams/<stream>/msgs/<N>.blk.
func streamOf(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	slices.Reverse(parts)
	return parts[2]
}

// blockNumber returns N of N.blk, 0 when the name is another.
func blockNumber(path string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".blk"))
	return n
}

// readFile reads a file into a buffer that is used again.
func readFile(buf *bytes.Buffer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	buf.Reset()
	_, err = io.Copy(buf, f)
	return errors.Join(err, f.Close())
}
