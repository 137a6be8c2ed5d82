package wake

import (
	"context"
	"testing"
	"time"
)

func TestOutlive(t *testing.T) {
	parent, stop := context.WithCancel(t.Context())
	ctx, cancel := Outlive(parent, time.Hour, time.Hour)
	defer cancel()
	stop()
	if err := ctx.Err(); err != nil {
		t.Errorf("ended with its parent: %v", err)
	}
}
