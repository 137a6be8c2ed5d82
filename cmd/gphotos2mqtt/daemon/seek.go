package daemon

import (
	"context"
	"encoding/json"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
)

const (
	seekEvery = 5 * time.Second  // between two questions for a file of an entry
	settled   = 10 * time.Second // how long an entry has been here before it moves for a file: what is here comes first
)

// A seeker brings entries of a fleet to the machines that have their files.
type seeker struct {
	process *process
	media   *media.Folders
}

type foundFile struct {
	Machine string       `json:"machine"` // on which it was seen
	Seen    store.Source `json:"seen"`
}

// answer says to another process whether a file is here.
func (s *seeker) answer(ctx context.Context, text []byte) []byte {
	var f foundFile
	if json.Unmarshal(text, &f) == nil && s.has(ctx, f) {
		return []byte(s.process.machine)
	}
	return nil
}

// has reports whether a file is here: as it was seen, or on the machine on which it was, whatever has become of it there.
func (s *seeker) has(ctx context.Context, f foundFile) bool {
	file, err := s.media.Open(ctx, f.Seen.Path)
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // only looked at
	return f.Machine == s.process.machine || media.Seen(f.Seen).Same(file.Seen)
}

// follow moves an entry to a process that has a file which is not here, until ctx ends. Each move brings a file to Google, as nothing that
// is to be sent from here is left.
func (s *seeker) follow(ctx context.Context, h *hosted) error {
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case f := <-h.sought:
			if time.Since(began) > settled && !h.NeedsMachine() {
				s.move(ctx, h.name, f)
			}
		}
		if wake.Sleep(ctx, nil, seekEvery) != nil {
			return nil //nolint:nilerr // a stop
		}
	}
}

func (s *seeker) move(ctx context.Context, entry string, f foundFile) {
	to := ""
	s.process.ask(ctx, subjectFile, f, func(process string, answer []byte) bool { // who does not answer is asked again
		if len(answer) > 0 {
			to = process
		}
		return to != ""
	})
	if to != "" {
		s.process.log.WithField("entry", entry).WithField("to", to).Info("entry moves to where a file is")
		s.process.fleet.Move(entry, to)
	}
}
