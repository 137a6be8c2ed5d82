package cluster

import (
	"testing"

	"go.uber.org/goleak"

	"gphotos2mqtt/cluster/clustertest"
)

func TestMain(m *testing.M) {
	clustertest.Serve()
	goleak.VerifyTestMain(m)
}
