package bridge

import (
	"context"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// enter takes room for one job, or refuses with the code busy.
func (s *Spool) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.MaxJobs > 0 && s.jobs >= s.cfg.MaxJobs {
		return mqttapi.Errorf(mqttapi.CodeBusy, "%d uploads are already waiting (GPHOTOS_SPOOL_MAX_JOBS); send this one again later.", s.jobs)
	}
	s.jobs++
	return nil
}

// count takes room for a job that the store already holds.
func (s *Spool) count(j *store.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += spooled(j)
	if j.Told.IsZero() {
		s.jobs++
	}
}

// leave gives the room of a job back.
func (s *Spool) leave(j *store.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs--
	s.bytes -= spooled(j)
}

// room takes room for the bytes of one file, or refuses with the code busy. Jobs
// that failed and are only kept make room.
func (s *Spool) room(ctx context.Context, size int64) error {
	for {
		waiting, ok := s.fits(size)
		if ok {
			return nil
		}
		gone, err := s.discardOldest(ctx)
		if err != nil {
			return err
		}
		if !gone {
			return mqttapi.Errorf(mqttapi.CodeBusy, "%d bytes are already waiting and %d more are too many (GPHOTOS_SPOOL_MAX); send this one again later.", waiting, size)
		}
	}
}

func (s *Spool) fits(size int64) (waiting int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.MaxBytes > 0 && s.bytes+size > s.cfg.MaxBytes {
		return s.bytes, false
	}
	s.bytes += size
	return s.bytes, true
}

// retire stops counting one job as waiting.
func (s *Spool) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs--
}

// free gives the room of payloads back.
func (s *Spool) free(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= size
}
