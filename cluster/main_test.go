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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
