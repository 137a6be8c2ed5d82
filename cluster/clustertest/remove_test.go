package clustertest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store/engine"
)

// A payload that cannot be removed while the cluster has no leader is removed with the next one.
func TestRemoveBlobLater(t *testing.T) {
	s := Start(t, 1, "")
	e := claimed(t, config(t, s.URLs(), 1), s, "home")
	names := []string{"first", "second", "third"}
	for _, name := range names {
		_, _, err := e.PutBlob(t.Context(), name, strings.NewReader(name))
		must(t, err)
	}
	s.Kill(0)
	must(t, e.RemoveBlob(t.Context(), names[0]))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.RemoveBlob(ctx, names[1]); !errors.Is(err, context.Canceled) {
		t.Errorf("removed without a server: %v", err)
	}
	s.Run(0)
	for e.RemoveBlob(t.Context(), names[2]) == nil {
		_, _, err := e.OpenBlob(t.Context(), names[2])
		if errors.Is(err, engine.ErrNotFound) {
			break
		}
		must(t, err)
	}
	for _, name := range names {
		if _, _, err := e.OpenBlob(t.Context(), name); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}
