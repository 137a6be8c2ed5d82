package bridge

import (
	"context"
	"maps"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// sessionsRecord is the root at which the broker keeps commands for each entry, in its session.
const sessionsRecord = "sessions"

// FormerSessions are the sessions of entries that are gone, or have another root now, with the root that they had. The broker goes on filling
// them, so each is to be emptied and ended, and then SessionEnded. Sessions of this run are noted here, before they begin: a stop in between
// notes what never was, and ending that does no harm.
func (s *Status) FormerSessions(ctx context.Context) (former map[string]string, err error) {
	var sessions map[string]string
	found, err := s.cfg.Store.LoadState(ctx, store.Bridge, sessionsRecord, &sessions)
	if err != nil {
		return nil, err
	}
	if sessions == nil {
		sessions = map[string]string{}
	}
	if !found { // an earlier version has noted where entries have published alone
		known, err := s.removed.Known(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range known {
			sessions[p.Entry] = p.Root
		}
	}
	former = maps.Clone(sessions)
	for _, name := range s.names() {
		if sessions[name] == "" {
			sessions[name] = s.cfg.Root
		}
		if sessions[name] == s.cfg.Root {
			delete(former, name)
		}
	}
	return former, s.cfg.Store.SaveState(ctx, store.Bridge, sessionsRecord, sessions)
}

// SessionEnded notes that a former session is no more. A stop before the save has an empty session ended again.
func (s *Status) SessionEnded(ctx context.Context, entry string) error {
	var sessions map[string]string
	if _, err := s.cfg.Store.LoadState(ctx, store.Bridge, sessionsRecord, &sessions); err != nil {
		return err
	}
	delete(sessions, entry)
	for _, p := range s.presences() {
		if p.Entry == entry {
			sessions[entry] = p.Root
		}
	}
	return s.cfg.Store.SaveState(ctx, store.Bridge, sessionsRecord, sessions)
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
