package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Look is what a cluster says of itself.
type Look struct {
	Server, Version string // that has answered
	Servers         int    // that are known
	Replicas        int    // on which the records are; 0 = there are none yet
	Current         int    // of these, that have all of them now
	Sync            string // how the server syncs: "always", or an interval; "" = it does not say so to this user
}

// LookAt connects to a cluster and looks at it, without changing anything. The error is a sentence to act on.
func LookAt(ctx context.Context, cfg Config) (l Look, err error) {
	c := &Conn{cfg: cfg, denied: denials{all: true}} // a question may be open for longer than what is recent
	options, err := c.options()
	if err != nil {
		return l, err
	}
	if c.nats, err = nats.Connect(strings.Join(cfg.Servers, ","), append(options, nats.NoReconnect())...); err != nil {
		return l, c.explain(err)
	}
	defer c.Close()
	l.Server, l.Version, l.Servers = c.nats.ConnectedServerName(), c.nats.ConnectedServerVersion(), len(c.nats.Servers())
	if c.js, err = jetstream.New(c.nats, jetstream.WithDefaultTimeout(answerLimit)); err == nil {
		_, err = c.js.AccountInfo(ctx)
	}
	if err != nil {
		return l, c.explain(err)
	}
	stream, err := c.js.Stream(ctx, "KV_"+c.recordsName())
	if err == nil {
		info := stream.CachedInfo()
		l.Replicas, l.Current = info.Config.Replicas, 1
		if info.Cluster != nil {
			for _, peer := range info.Cluster.Replicas {
				if peer.Current && !peer.Offline {
					l.Current++
				}
			}
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return l, c.explain(err)
	}
	l.Sync = c.syncs(ctx)
	return l, nil
}

// syncs asks the servers how they sync, which they say to a user of the system account alone.
// https://docs.nats.io/running-a-nats-service/configuration/sys_accounts
func (c *Conn) syncs(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := c.nats.RequestWithContext(ctx, "$SYS.REQ.SERVER.PING.JSZ", []byte(`{"config": true}`))
	var answer struct {
		Data struct {
			Config struct {
				Interval time.Duration `json:"sync_interval"`
				Always   bool          `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	switch {
	case err != nil || json.Unmarshal(m.Data, &answer) != nil:
		return ""
	case answer.Data.Config.Always:
		return "always"
	case answer.Data.Config.Interval == 0:
		return ""
	}
	return answer.Data.Config.Interval.String()
}
