package store

import (
	"errors"
	"testing"

	"gphotos2mqtt/auth/secret"
)

// The first process notes its key; one with another does not fit, until the note is gone with an import into another store.
func TestSameKey(t *testing.T) {
	mine, theirs := secret.Key{1}, secret.Key{2}
	s := opened(t, Config{Dir: t.TempDir()})
	for _, step := range []struct {
		key  *secret.Key
		note bool
		want error
	}{{&theirs, false, nil}, {&mine, true, nil}, {&mine, true, nil}, {&theirs, true, secret.ErrOtherKey}, {&theirs, false, secret.ErrOtherKey}, {&mine, false, nil}} {
		s.key = step.key
		if err := s.SameKey(t.Context(), step.note); !errors.Is(err, step.want) {
			t.Errorf("%v, note %v: %v, want %v", step.key, step.note, err, step.want)
		}
	}
	if keys, err := s.Whole().Keys(t.Context(), kindState); err != nil || len(keys) > 0 {
		t.Errorf("an export would have %v, %v", keys, err)
	}
}
