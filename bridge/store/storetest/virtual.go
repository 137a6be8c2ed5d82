// Package storetest lets tests run a store in virtual time, in which six hours
// pass in less than a second:
//
//	storetest.VirtualTime(t)
//	synctest.Test(t, func(t *testing.T) {
//		s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Log: log})
//		…
//		time.Sleep(6 * time.Hour)
//		…
//		err = s.Close()
//	})
//
// A store belongs to the bubble that opened it, and must be closed in it. Sockets
// do not work there: Config.MQTT must be nil.
package storetest

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server/ats"
)

// VirtualTime makes the store's engine fit for a synctest bubble. Call it outside
// the bubble: the engine has one goroutine for the whole process that keeps the
// time, and if that were started inside, time would never pass there.
func VirtualTime(t *testing.T) {
	t.Helper()
	ats.Register()
	t.Cleanup(ats.Unregister)
}
