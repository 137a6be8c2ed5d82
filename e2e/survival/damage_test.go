package survival

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"gphotos2mqtt/e2e/e2etest"
)

// A database that is not what was written is set aside, never deleted, with the bytes of
// the uploads that it knew. The bridge says so at each start, until a person has cleared
// it away, and goes on with an empty one.
func TestDamagedDatabase(t *testing.T) {
	const page = 4096
	damages := map[string]func([]byte) []byte{
		"cut": func(b []byte) []byte { return b[:2*page+1000] },
		"flipped": func(b []byte) []byte {
			for at := 2 * page; at < len(b); at += page { // a bit of each page: most are of no use any more
				b[at] ^= 0x20
			}
			return b
		},
		"without heads": func(b []byte) []byte {
			clear(b[:2*page])
			return b
		},
		"empty": func([]byte) []byte { return nil },
	}
	e := newEnv(t)
	for what, change := range damages {
		t.Run(what, func(t *testing.T) {
			defer e.In(t)()
			e.damagedDatabase(change)
		})
	}
	e.wantEmpty()
}

func (e *env) damagedDatabase(change func([]byte) []byte) {
	e.Helper()
	ended, items := len(e.Results()), len(e.library().Items)
	photo := e2etest.Photo(items+1, 20_000)
	e.faults(unavailable)
	e.Forget(e2etest.ResultTopic)
	e.upload(photo)
	e.Expect(e2etest.ResultTopic, "accepted", nil)
	e.Bridge.Stop(0)
	broken := change(e.read("records.db"))
	e2etest.Must(e, os.WriteFile(filepath.Join(e.Data, "records.db"), broken, 0o600))
	e.faults()

	e.StartBridge()
	if text := e.Bridge.Output(); !contains(text, "database is damaged and is set aside", "belong to no record", "lost+found") {
		e.Errorf("the bridge said:\n%s", text)
	}
	aside, lost := e.list("records-damaged-*.db"), e.list("payloads", "lost+found", "*")
	if len(aside) != 1 || !regexp.MustCompile(`-damaged-\d{8}T\d{6}\.\d{3}Z\.db$`).MatchString(aside[0]) || len(lost) != 1 {
		e.Fatalf("set aside: %v, lost: %v", aside, lost)
	}
	if !bytes.Equal(e.read(aside[0]), broken) || !bytes.Equal(e.read(lost[0]), photo) {
		e.Error("what was set aside is not what was there")
	}
	e.wantProblem(aside[0], "1 files", "lost+found", "Link the accounts again", "then delete")
	e.wantGoesOn(ended, items)
	e.Bridge.Stop(0)
	e.StartBridge()
	e.wantProblem(aside[0], "lost+found", "then delete")

	e.Bridge.Stop(0)
	e2etest.Must(e, os.Remove(filepath.Join(e.Data, aside[0])))
	e2etest.Must(e, os.RemoveAll(filepath.Join(e.Data, "payloads", "lost+found")))
	e.StartBridge()
	e.wantProblem()
	e.NoJobs()
}

// wantProblem checks that log, E/state and bridge/health say all that: what has happened
// and what to do. Without parts they must say that nothing is wrong.
func (e *env) wantProblem(parts ...string) {
	e.Helper()
	for _, topic := range []string{"gphotos/home/state", "gphotos/bridge/health"} {
		var is struct{ Problem *string }
		e.Until(topic, func() bool {
			return e.Last(topic, &is) && is.Problem != nil && (*is.Problem == "") == (len(parts) == 0) && contains(*is.Problem, parts...)
		})
	}
	const line = "a damaged database lies aside"
	if text := e.Bridge.Output(); strings.Contains(text, line) != (len(parts) > 0) || !contains(text, parts...) {
		e.Errorf("the bridge said:\n%s", text)
	}
}

// wantGoesOn checks that the bridge knows nothing, and works once an account is linked.
func (e *env) wantGoesOn(ended, items int) {
	e.Helper()
	e.NoJobs()
	e.Link()
	e.upload(e2etest.Photo(items+1, 20_000))
	if r := e.awaitResults(ended + 1)[ended]; r.Status != "done" || len(e.library().Items) != items+1 {
		e.Errorf("result: %+v", r)
	}
}

// A payload that is not what was put fails its file alone, with a sentence, and the
// command can be sent again.
func TestDamagedPayload(t *testing.T) {
	e := newEnv(t)
	e.faults(unavailable)
	damages := []func(path string) error{
		func(path string) error { return os.Truncate(path, 10_000) },
		os.Remove,
		func(path string) error {
			b, err := os.ReadFile(path)
			e2etest.Must(t, err)
			b[len(b)/2] ^= 0x20
			return os.WriteFile(path, b, 0o600)
		},
	}
	for n := range len(damages) + 1 {
		e.upload(e2etest.Photo(n, 300_000))
		e.Expect(e2etest.ResultTopic, "accepted", nil)
	}
	e.Bridge.Stop(0)
	payloads := e.list("payloads", "*")
	if len(payloads) != len(damages)+1 {
		t.Fatalf("payloads: %v", payloads)
	}
	for n, damage := range damages { // their names are in the order of their uploads
		e2etest.Must(t, damage(filepath.Join(e.Data, payloads[n])))
	}
	e.faults()
	e.StartBridge()
	done := 0
	for _, r := range e.awaitResults(len(payloads)) {
		if r.Status == "done" {
			done++
		} else if why := r.Items[0].Error; r.Status != "failed" || why.Code != "internal" || !contains(why.Message, "damaged", "send the file again") {
			t.Errorf("result: %+v", r)
		}
	}
	if done != 1 || len(e.library().Items) != 1 {
		t.Errorf("%d uploads done, %d items", done, len(e.library().Items))
	}
	for n := range damages {
		e.upload(e2etest.Photo(n, 300_000))
	}
	for _, r := range e.awaitResults(len(payloads) + len(damages))[len(payloads):] {
		if r.Status != "done" {
			t.Errorf("sent again: %+v", r)
		}
	}
	if len(e.library().Items) != len(payloads) || len(e.list("payloads", "lost+found")) > 0 {
		t.Errorf("%d items", len(e.library().Items))
	}
	e.Bridge.Stop(0)
}

// A record that is not what was written fails alone: its upload fails, the link is to be
// made again, and what else was known begins anew.
func TestDamagedRecords(t *testing.T) {
	e := newEnv(t)
	e.upload(e2etest.Photo(1, 20_000)) // so that all kinds of records are there
	e.awaitResults(1)
	e.faults(unavailable)
	for n := range 2 {
		e.upload(e2etest.Photo(2+n, 20_000))
		e.Expect(e2etest.ResultTopic, "accepted", nil)
	}
	e.Bridge.Stop(0)
	damaged := e.damageRecords()
	for _, kind := range kinds {
		if damaged[kind] == 0 {
			t.Errorf("no record of the kind %s", kind)
		}
	}
	e.faults()
	e.StartBridge()
	if text := e.Bridge.Output(); !contains(text, "record is damaged", "home.totals", "queued uploads are damaged and cannot go on") {
		t.Errorf("the bridge said:\n%s", text)
	}
	if r := e.awaitResults(2)[1]; r.Status != "failed" || r.Error.Code != "internal" {
		t.Errorf("result: %+v", r)
	}
	e.Link()
	if r := e.awaitResults(3)[2]; r.Status != "done" || len(e.library().Items) != 2 {
		t.Errorf("result: %+v", r)
	}
	if aside := e.list("records-damaged-*.db"); len(aside)+len(e.list("payloads", "lost+found")) > 0 {
		t.Errorf("set aside: %v", aside)
	}
	e.NoJobs()
	e.Bridge.Stop(0)
}

// damageRecords changes a byte of the first job and of all that is no job, and returns
// how many records of each kind those are.
func (e *env) damageRecords() (damaged map[string]int) {
	e.Helper()
	damaged = map[string]int{}
	db, err := bbolt.Open(filepath.Join(e.Data, "records.db"), 0o600, nil)
	e2etest.Must(e, err)
	e2etest.Must(e, db.Update(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, records *bbolt.Bucket) error {
			changed := map[string][]byte{}
			err := records.ForEach(func(key, record []byte) error {
				kind := kindOf(string(name) + "." + string(key))
				if kind != "jobs" || damaged[kind] == 0 {
					changed[string(key)] = slices.Clone(record)
					damaged[kind]++
				}
				return nil
			})
			for key, record := range changed {
				record[len(record)/2+6] ^= 0x01
				e2etest.Must(e, records.Put([]byte(key), record))
			}
			return err
		})
	}))
	e2etest.Must(e, db.Close())
	return damaged
}

// kinds are those of the records that an entry with uploads has.
var kinds = []string{"jobs", "links", "receipts", "state"}

// kindOf is the kind of a record, which is a part of its name.
func kindOf(name string) string {
	for part := range strings.SplitSeq(name, ".") {
		if slices.Contains(kinds, part) {
			return part
		}
	}
	return ""
}

// list are the files of the data folder that a pattern names.
func (e *env) list(pattern ...string) (names []string) {
	e.Helper()
	paths, err := filepath.Glob(filepath.Join(append([]string{e.Data}, pattern...)...))
	e2etest.Must(e, err)
	for _, path := range paths {
		name, err := filepath.Rel(e.Data, path)
		e2etest.Must(e, err)
		names = append(names, name)
	}
	return names
}

// read reads a file of the data folder.
func (e *env) read(name string) []byte {
	e.Helper()
	b, err := os.ReadFile(filepath.Join(e.Data, name))
	e2etest.Must(e, err)
	return b
}
