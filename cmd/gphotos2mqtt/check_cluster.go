package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
)

const clusterWait = 15 * time.Second // for the cluster to answer, which may just be choosing a leader: 4 to 9 s

// cluster looks at the NATS servers, and does once what the bridge does with what is kept there already.
func (k *check) cluster(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, clusterWait)
	defer cancel()
	settings := k.config.Cluster
	settings.Log = noLog()
	look, err := cluster.LookAt(ctx, settings)
	if err != nil {
		k.say(lineBad, "cluster", "%v", err)
		return
	}
	k.say(lineOK, "cluster", "%s answers, NATS %s with JetStream; %d %s known", look.Server, look.Version, look.Servers,
		plural(look.Servers, "server is", "servers are"))
	switch {
	case look.Replicas == 0 && look.Servers < settings.Replicas:
		k.say(lineBad, "replicas", "%d are to be kept (%sNATS_REPLICAS), and %d %s known: start the others, or set 1 for a server that is alone",
			settings.Replicas, config.Prefix, look.Servers, plural(look.Servers, "server is", "servers are"))
	case look.Replicas == 0:
		k.say(lineNote, "replicas", "nothing is kept there yet: the first process makes the buckets")
	case look.Replicas != settings.Replicas:
		k.say(lineBad, "replicas", "the records are on %d servers, and %sNATS_REPLICAS is %d: set it to that, or edit the three buckets",
			look.Replicas, config.Prefix, settings.Replicas)
	case look.Current < look.Replicas:
		k.say(lineBad, "replicas", "%d of %d have all records now: start the servers that are away, or wait until they have caught up",
			look.Current, look.Replicas)
	default:
		k.say(lineOK, "replicas", "all records are on %d %s", look.Replicas, plural(look.Replicas, "server", "servers"))
	}
	switch look.Sync {
	case "always":
		k.say(lineOK, "sync", "the servers sync every write")
	case "":
		k.say(lineNote, "sync", "the servers do not tell this user how they sync: their configuration has to have sync_interval: always")
	default:
		k.say(lineBad, "sync", "the servers sync every %s: a power cut of all loses that. Set sync_interval: always in their configuration", look.Sync)
	}
	if look.Replicas == settings.Replicas {
		k.try(ctx, settings)
	}
}

// try shows a right or room that is missing.
func (k *check) try(ctx context.Context, settings cluster.Config) {
	conn, err := cluster.Connect(ctx, settings)
	if err == nil {
		defer conn.Close()
		err = conn.Try(ctx)
	}
	if err == nil {
		err = k.sameKey(ctx, conn)
	}
	switch {
	case errors.Is(err, secret.ErrOtherKey):
		k.say(lineBad, "key", "%sSECRET_KEY is not that of the processes of this cluster: set it to theirs: %v", config.Prefix, err)
	case err != nil:
		k.say(lineBad, "kept there", "%v", err)
	default:
		k.say(lineOK, "kept there", "records and payloads can be written, read and removed")
	}
}

func (k *check) sameKey(ctx context.Context, conn *cluster.Conn) error {
	key, err := daemon.Key(k.config)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{Engine: conn.Engine(), Key: &key, Log: noLog()})
	if err != nil {
		return err
	}
	return errors.Join(s.SameKey(ctx, false), s.Close())
}

// processHealth asks the process of a fleet on this machine whether it takes part; which entries it runs is not its own affair.
func processHealth(ctx context.Context, c config.Config, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, brokerWait)
	defer cancel()
	host, port, err := net.SplitHostPort(c.HTTPListen)
	if err != nil {
		return fmt.Errorf("unhealthy: %w", err)
	}
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+daemon.HealthPath, http.NoBody)
	if err != nil {
		return fmt.Errorf("unhealthy: %w", err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) // past any proxy
	if err != nil {
		return fmt.Errorf("unhealthy: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	_ = answer.Body.Close() // it was read
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("unhealthy: %s", strings.TrimSpace(string(text)))
	}
	fmt.Fprintln(stdout, "healthy")
	return nil
}
