package bridge

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
	"go.uber.org/goleak"
)

// TestMain starts the engine's own clock before any test: started by a store
// within a synctest bubble, it would be a goroutine there that never rests, and
// the bubble's time would stand still.
func TestMain(m *testing.M) {
	ats.Register()
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"))
}
