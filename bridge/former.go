package bridge

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"gphotos2mqtt/bridge/homeassistant"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// sessionsRecord is the root at which the broker keeps commands for each entry, in its session.
const sessionsRecord = "sessions"

// FormerSessions are the sessions of entries that are gone, or have another root now, with the root that they had. The broker goes on filling
// them, so each is to be emptied and ended, and then SessionEnded.
func (s *Status) FormerSessions(ctx context.Context) (map[string]string, error) {
	former, err := s.sessions(ctx)
	now := s.Names()
	maps.DeleteFunc(former, func(name, root string) bool { return root == s.cfg.Root && slices.Contains(now, name) })
	return former, err
}

// SessionEnded notes that a former session is no more. A stop before the save has an empty session ended again.
func (s *Status) SessionEnded(ctx context.Context, entry string) error {
	return s.changeSessions(ctx, func(sessions map[string]string) {
		delete(sessions, entry)
		if slices.Contains(s.Names(), entry) {
			sessions[entry] = s.cfg.Root
		}
	})
}

// recordSessions notes those of the entries that there are, but for former ones.
func (s *Status) recordSessions(ctx context.Context) error {
	return s.changeSessions(ctx, func(sessions map[string]string) {
		for _, name := range s.Names() {
			sessions[name] = cmp.Or(sessions[name], s.cfg.Root)
		}
	})
}

func (s *Status) changeSessions(ctx context.Context, change func(map[string]string)) error {
	before, err := s.sessions(ctx)
	after := maps.Clone(before)
	change(after)
	if err != nil || maps.Equal(before, after) {
		return err
	}
	var sessions map[string]string
	return s.cfg.Store.MergeState(ctx, store.Bridge, sessionsRecord, &sessions, func() {
		if sessions == nil {
			sessions = maps.Clone(before)
		}
		change(sessions)
	})
}

func (s *Status) sessions(ctx context.Context) (map[string]string, error) {
	sessions := map[string]string{}
	found, err := s.cfg.Store.LoadState(ctx, store.Bridge, sessionsRecord, &sessions)
	if err == nil && !found { // an earlier version has noted where entries have published alone
		var known []homeassistant.Presence
		known, err = s.removed.Known(ctx)
		for _, p := range known {
			sessions[p.Entry] = p.Root
		}
	}
	return sessions, err
}

// HandleFormer answers a command that waited in a former session where it was sent, by way of send.
func (s *Status) HandleFormer(ctx context.Context, d broker.Delivery, root string, send func(context.Context, string, []byte) error) {
	defer d.Ack()
	entry, verb, ok := mqttapi.ParseTopic(root, d.Topic)
	if !ok || d.Retained || verb == mqttapi.VerbUpload && len(d.Payload) == 0 || unanswerable(d, s.cfg.Log) {
		return
	}
	why := mqttapi.NewError(mqttapi.CodeUnknownEntry)
	if now := s.cfg.Root; now != root {
		why = mqttapi.Errorf(mqttapi.CodeUnknownEntry, "The topics of the bridge begin with %s now (GPHOTOS_TOPIC): publish to %s.",
			now, now+d.Topic[len(root):])
	}
	topics := mqttapi.Topics{Root: root, Entry: entry}
	answer := topics.Response(verb)
	if verb == mqttapi.VerbUpload {
		answer = topics.UploadResult()
	}
	s.refuse(ctx, d, answer, verb, why, send)
}
