// Package archive carries a whole store through one file, to another machine or engine, or as a backup.
//
// The file is a tar archive, of which a person can see all with `tar`; secrets in it are sealed as they are in the store, and the key is
// not in it. All parts are below the folder gphotos2mqtt:
//
//	about.json                 the format's version; it comes first
//	records/<key>.json         a record as it lies in the store
//	payloads/<name>            the bytes of an upload; they come right before the record of their job
//	SHA256SUMS.1, .2, …        the sums of up to 1,000 parts that came since the last such list, for `sha256sum -c`
//	summary.json               what there was
//	SHA256SUMS                 the last list; it comes last
//
// Each list begins with a comment that has the sum of all bytes before it, so that of a file not one can be changed unnoticed. That finds
// damage, not a forger: who can write the file can write its sums.
//
// Writing and reading hold one record, or 32 KiB of a payload, and one list in memory, whatever the size of the whole.
package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"
)

// What reading tells apart; each comes with the part that it was noticed at.
var (
	ErrForeign = errors.New("this is not an export of gphotos2mqtt")
	ErrLater   = errors.New("this is an export of a later version of gphotos2mqtt: use that one")
	ErrCut     = errors.New("the export is cut off")
	ErrChanged = errors.New("the export has been changed or damaged")
)

// Summary is what an archive holds.
type Summary struct {
	Jobs     int           `json:"uploads"`  // that are not over, or can be tried again
	Payloads int           `json:"payloads"` // with their bytes
	Bytes    int64         `json:"bytes"`    // of payloads
	Links    int           `json:"links"`    // linked accounts
	Receipts int           `json:"receipts"`
	Records  int           `json:"records"` // all of them
	Ran      time.Duration `json:"ran"`     // store.Store.Ran when the last part was written; nanoseconds
}

// String is for a person.
func (s Summary) String() string {
	return fmt.Sprintf("%d uploads with %d files (%.1f MB), %d links, %d receipts, %d records in all",
		s.Jobs, s.Payloads, float64(s.Bytes)/1e6, s.Links, s.Receipts, s.Records)
}

// about is what the first part says.
type about struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Program string    `json:"program"` // version of the program that wrote it
	Made    time.Time `json:"made"`
}

const (
	formatName, formatVersion = "gphotos2mqtt export", 1

	root        = "gphotos2mqtt/"
	aboutName   = root + "about.json"
	summaryName = root + "summary.json"
	sumsName    = root + "SHA256SUMS"
	records     = root + "records/"
	recordEnd   = ".json"
	payloads    = root + "payloads/"

	partsPerList = 1000
	maxRecord    = 32 << 20 // bytes; a job of 1,000 files has a hundredth of it
	maxList      = partsPerList * (2*sha256.Size + 512)
)

// sums is a list of sums that grows with each part.
type sums struct {
	lines strings.Builder
	parts int
	lists int // that were full
}

func (s *sums) add(name string, sum hash.Hash) {
	fmt.Fprintf(&s.lines, "%x  %s\n", sum.Sum(nil), name)
	s.parts++
}

// list returns the name of the list that comes now and what is in it, and begins another; before is the sum of all bytes before it.
func (s *sums) list(last bool, before []byte) (name, text string) {
	name = sumsName
	if !last {
		s.lists++
		name = fmt.Sprintf("%s.%d", sumsName, s.lists)
	}
	text = "# all before this file has the SHA-256 " + hex.EncodeToString(before) + "\n" + s.lines.String()
	s.lines.Reset()
	s.parts = 0
	return name, text
}
