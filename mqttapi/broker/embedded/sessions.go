package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	maxSessions = 128                // that are kept for clients that are away, beside the bridge's
	sessionLife = 7 * 24 * time.Hour // how long a client may be away, like GPHOTOS_MAX_AGE; then its session ends
	sessionLook = time.Hour          // how often that is looked at
)

// sessions remembers which clients the server keeps a session for, and since when they are away. What is lost of it by a crash is only
// counted less. Methods: any goroutine.
type sessions struct {
	path string

	mu   sync.Mutex // guards away and here, and is held while the file is written: it is small, and a client connects seldom
	away map[string]time.Time
	here map[string]int // connections of a client; two while the server ends the older one
}

func openSessions(dir string) (*sessions, error) {
	s := &sessions{path: filepath.Join(dir, "sessions.json"), away: map[string]time.Time{}, here: map[string]int{}}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil && json.Unmarshal(text, &s.away) != nil { // cut off by a crash: they are learned again
		s.away = map[string]time.Time{}
	}
	return s, err
}

// room reports whether the client may have a session.
func (s *sessions) room(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.away[id]
	return known || len(s.away) < maxSessions
}

// begin notes that a client is here; without keep its session has ended.
func (s *sessions) begin(id string, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.here[id]++
	_, known := s.away[id]
	if keep {
		s.away[id] = time.Now()
	} else {
		delete(s.away, id)
	}
	if known != keep {
		s.save()
	}
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.here[id]--; s.here[id] <= 0 {
		delete(s.here, id)
	}
	if _, kept := s.away[id]; kept {
		s.away[id] = time.Now()
		s.save()
	}
}

func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.away)
}

// save is best effort. The caller holds mu.
func (s *sessions) save() {
	text, err := json.Marshal(s.away)
	if err == nil && os.WriteFile(s.path+".new", text, 0o600) == nil { //nolint:forbidigo // a count, of the broker alone
		_ = os.Rename(s.path+".new", s.path) //nolint:forbidigo // the same
	}
}

// old are those whose clients have been away for too long.
func (s *sessions) old() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, since := range s.away {
		if s.here[id] == 0 && time.Since(since) > sessionLife {
			ids = append(ids, id)
		}
	}
	return ids
}

// ended takes out one that the server has no more, unless its client has come meanwhile.
func (s *sessions) ended(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.here[id] == 0 {
		delete(s.away, id)
		s.save()
	}
}

// expire ends old sessions until ctx ends.
func (g *guard) expire(ctx context.Context) {
	look := time.NewTicker(sessionLook)
	defer look.Stop()
	for {
		for _, id := range g.sessions.old() {
			log := g.cfg.Log.WithField("client", id)
			if err := g.forget(ctx, id); err != nil {
				log.WithError(err).Warn("session of a client that is away was not ended")
			} else {
				g.sessions.ended(id) // a stop before this ends it once more
				log.Info("session of a client that is away ended")
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// forget ends a session in the one way that MQTT has: a clean one takes its place.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718030
func (g *guard) forget(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", g.server)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	c := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	c.ProtocolName, c.ProtocolVersion, c.CleanSession, c.ClientIdentifier = "MQTT", 4, true, id
	c.UsernameFlag, c.Username = g.cfg.User != "", g.cfg.User
	c.PasswordFlag, c.Password = g.cfg.User != "", []byte(g.cfg.Password)
	if err := c.Write(server); err != nil {
		return err
	}
	answer, err := packets.ReadPacket(server)
	if err != nil {
		return err
	}
	if ack, ok := answer.(*packets.ConnackPacket); !ok || ack.ReturnCode != packets.Accepted {
		return fmt.Errorf("the server answered %s", answer)
	}
	return packets.NewControlPacket(packets.Disconnect).Write(server)
}
