package bridge

import (
	"context"
	"fmt"
	"slices"

	"gphotos2mqtt/mqttapi"
)

const (
	// presenceLedger is the record of where entries have published so far.
	presenceLedger = "presence"
)

// A presence is where an entry keeps retained topics at the broker.
type presence struct {
	Entry  string `json:"entry"`
	Root   string `json:"root"`
	Prefix string `json:"prefix"` // of discovery; empty without
}

// Remember notes where the entries that were added are going to publish. It
// comes before they run: a stop in between notes what was never published, and
// clearing that does no harm.
func (f *Front) Remember(ctx context.Context) error {
	known, err := f.loadPresences(ctx)
	if err != nil {
		return err
	}
	for _, p := range f.presences() {
		if !slices.Contains(known, p) {
			known = append(known, p)
		}
	}
	return f.savePresences(ctx, known)
}

// ClearFormer clears what is retained at the broker of entries that have been
// removed from the settings, or that publish elsewhere now. Their jobs and their
// links stay for the day they come back. It returns when the broker has
// confirmed, or when ctx ends.
func (f *Front) ClearFormer(ctx context.Context) error {
	known, err := f.loadPresences(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	now := f.presences()
	var used []string
	for _, p := range now {
		topics, err := f.retainedBy(ctx, p)
		if err != nil {
			return stopped(ctx, err)
		}
		used = append(used, topics...)
	}
	for _, p := range known {
		if slices.Contains(now, p) {
			continue
		}
		topics, err := f.retainedBy(ctx, p)
		if err != nil {
			return stopped(ctx, err)
		}
		for _, topic := range topics {
			if slices.Contains(used, topic) {
				continue
			}
			if err := f.cfg.Out.Clear(ctx, topic); err != nil {
				return stopped(ctx, fmt.Errorf("clear a topic of former entry %s: %w", p.Entry, err))
			}
		}
		f.log.WithField("entry", p.Entry).Info("topics of a former entry cleared")
	}
	// A stop before this save clears the same topics again; after it they are
	// free for another bridge.
	return stopped(ctx, f.savePresences(ctx, now))
}

// presences are where the entries of this run publish.
func (f *Front) presences() []presence {
	f.mu.Lock()
	defer f.mu.Unlock()
	var now []presence
	for name, e := range f.entries {
		now = append(now, presence{name, e.cfg.Root, e.cfg.DiscoveryPrefix})
	}
	return now
}

// retainedBy are all topics that an entry may have a retained message on.
func (f *Front) retainedBy(ctx context.Context, p presence) ([]string, error) {
	t := mqttapi.Topics{Root: p.Root, Entry: p.Entry}
	topics := []string{t.Availability(), t.State(), t.Albums(), t.Media(), t.Image()}
	if p.Prefix != "" {
		topics = append(topics, t.Discovery(p.Prefix))
	}
	var listed []string
	if _, err := f.cfg.Store.LoadState(ctx, p.Entry, listedLedger, &listed); err != nil {
		return nil, fmt.Errorf("load listed albums of %s: %w", p.Entry, err)
	}
	for _, id := range listed {
		topics = append(topics, t.Album(id))
	}
	return topics, nil
}

func (f *Front) loadPresences(ctx context.Context) ([]presence, error) {
	var known []presence
	if _, err := f.cfg.Store.LoadState(ctx, projectScope, presenceLedger, &known); err != nil {
		return nil, fmt.Errorf("load where entries have published: %w", err)
	}
	return known, nil
}

func (f *Front) savePresences(ctx context.Context, known []presence) error {
	if err := f.cfg.Store.SaveState(ctx, projectScope, presenceLedger, known); err != nil {
		return fmt.Errorf("save where entries have published: %w", err)
	}
	return nil
}
