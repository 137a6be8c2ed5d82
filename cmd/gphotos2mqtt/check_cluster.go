package main

import (
	"context"
	"io"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/cluster"
)

// clusterWait is how long a cluster is tried, which may just be choosing a leader: 4 to 9 s.
// https://github.com/nats-io/nats-server/blob/v2.15.2/server/raft.go (minElectionTimeout, maxElectionTimeout)
const clusterWait = 15 * time.Second

// cluster connects as the bridge would, makes the buckets that are not there yet, and does once what the bridge does.
func (k *check) cluster(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, clusterWait)
	defer cancel()
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	cfg := k.config.Cluster
	cfg.Log = logrus.NewEntry(quiet)
	conn, err := cluster.Connect(ctx, cfg)
	if err == nil {
		defer conn.Close()
		err = conn.Try(ctx)
	}
	if err != nil {
		k.say(lineBad, "cluster", "%v", err)
		return
	}
	k.say(lineOK, "cluster", "records and payloads can be kept there, on %d %s", cfg.Replicas, plural(cfg.Replicas, "server", "servers"))
}
