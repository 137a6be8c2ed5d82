package store

import (
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"
)

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

func job(id string, payloads ...string) *Job {
	j := &Job{
		ID: id, Entry: "home", Received: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC),
		CommandID: "mine", Transaction: json.RawMessage(`{"a":[1,null]}`), Delivery: Delivery{42, "abc"},
		Album: Album{Title: "Front door"}, Files: []File{{
			Path: "/media/door.mp4", Name: "door.mp4", MIMEType: "video/mp4", Size: 9, Status: FileSent,
			Source:  &Source{Path: "/media/door.mp4", Size: 9, ModTime: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Inode: 7},
			Session: "https://session.example/1",
			Token:   "upload-token", TokenAt: time.Date(2026, 11, 22, 20, 0, 1, 0, time.UTC),
		}},
	}
	for _, name := range payloads {
		j.Files = append(j.Files, File{Name: "p.jpg", MIMEType: "image/jpeg", Size: 9, Payload: name, Status: FileQueued})
	}
	return j
}

// edit changes a file.
func edit(path string, change func([]byte)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	change(data)
	return os.WriteFile(path, data, 0o600)
}

func flip(at int) func([]byte) { return func(b []byte) { b[at] ^= 0x10 } }
