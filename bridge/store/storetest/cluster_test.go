package storetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"testing"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/clustertest"
)

// serversEnv has the addresses of the cluster, also for the processes that a test starts.
const serversEnv = "GPHOTOS_STORETEST_SERVERS"

func startServers(t *testing.T, engine string) {
	t.Helper()
	if count := map[string]int{"jetstream-1": 1, "jetstream-3": 3}[engine]; count > 0 {
		t.Setenv(serversEnv, clustertest.Start(t, count, "").URLs())
	}
}

func isCluster(t *testing.T) bool {
	t.Helper()
	return strings.Contains(t.Name(), "jetstream")
}

// openCluster opens the store of a folder in a cluster: in buckets of its own, and as the owner of all entries of
// the tests, from now on.
func openCluster(replicas int) Opener {
	return func(ctx context.Context, dir string) (*store.Store, error) {
		servers, err := cluster.ParseServers(os.Getenv(serversEnv))
		if err != nil {
			return nil, err
		}
		name := fnv.New64a()
		_, _ = name.Write([]byte(dir)) // never fails
		prefix := fmt.Sprintf("t%x", name.Sum64())
		conn, err := cluster.Connect(ctx, cluster.Config{Servers: servers, Prefix: prefix, Replicas: replicas, Log: quiet()})
		if err != nil {
			return nil, err
		}
		own := &owned{conn.Engine(), conn}
		for _, entry := range []string{"home", "home-2", "home2", "hom"} {
			fence, ownErr := clustertest.Own(ctx, os.Getenv(serversEnv), prefix, entry)
			err = errors.Join(err, ownErr, own.Claim(ctx, entry, fence))
		}
		s, openErr := store.Open(ctx, store.Config{Engine: own, Log: quiet()})
		return s, errors.Join(err, openErr)
	}
}

// owned is an engine that has a connection of its own.
type owned struct {
	*cluster.Engine

	conn *cluster.Conn
}

func (o *owned) Close() error {
	err := o.Engine.Close()
	o.conn.Close()
	return err
}
