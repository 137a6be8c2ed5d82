package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store/engine"
)

// Codes of JetStream's errors that the library does not name.
// https://github.com/nats-io/nats-server/blob/v2.15.2/server/errors.json
const (
	codeInsufficientResources = 10023 // a server's memory or disk is at its limit
	codeMemoryExceeded        = 10028
	codeStorageExceeded       = 10047
	codeNoPeers               = 10005 // no suitable servers for so many replicas
	codeReplicasNotSupported  = 10074 // more than one in a server that is alone
	codeClusterNotAvailable   = 10008 // JetStream has no leader
	codeClusterNoLeader       = 10009
	codeStreamStoreFailed     = 10077 // a bucket's own limit, among others
	codeStreamOffline         = 10118
	codeAccountLimit          = 10002 // resource limits exceeded for account
	codeStreamLimit           = 10027 // maximum number of streams
	codeDuplicateOnItsWay     = 10158 // the same write is on its way already
)

// denials remember what the cluster's user may not do: the servers say so beside the request, which is never answered.
type denials struct {
	mu   sync.Mutex // guards both
	last string
	at   time.Time
}

// recent is what was denied just now, "" = nothing.
func (d *denials) recent() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.at) > 2*answerLimit {
		return ""
	}
	return d.last
}

func (d *denials) note(log *logrus.Entry, err error) {
	if _, broken := errors.AsType[net.Error](err); broken || errors.Is(err, nats.ErrConsumerNotActive) {
		return // no server answers: it is said once the connection is given up, and by who waits
	}
	if !errors.Is(err, nats.ErrPermissionViolation) {
		log.WithError(err).Warn("the cluster has refused something")
		return
	}
	d.mu.Lock()
	known := d.last == err.Error()
	d.last, d.at = err.Error(), time.Now()
	d.mu.Unlock()
	if !known {
		log.WithError(err).Error("the user of the cluster lacks a right")
	}
}

// An awayError is of what no server has answered, or has no leader for: in whatever form each operation learns of that.
type awayError struct{ error }

func (e awayError) Unwrap() error { return e.error }

// explain turns an error of the cluster into a sentence that a person can act on, with the error as its cause.
func (c *Conn) explain(err error) error {
	say := func(advice string) error { return fmt.Errorf("%s: %w", advice, err) }
	away := func(advice string) error { return awayError{say(advice)} }
	refused, _ := errors.AsType[*jetstream.APIError](err)
	code := jetstream.ErrorCode(0)
	if refused != nil {
		code = refused.ErrorCode
	}
	switch {
	case isOneOf(err, nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired):
		return say("the NATS servers refuse the login: check GPHOTOS_NATS_USER and GPHOTOS_NATS_PASSWORD, _TOKEN, _NKEY or _CREDS")
	case errors.Is(err, nats.ErrNoServers):
		return away("no NATS server answers at " + strings.Join(c.cfg.Servers, ", ") + " (GPHOTOS_NATS_URL)")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return away("JetStream is not enabled: start the NATS servers with -js, or with a jetstream block in their configuration")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return say("JetStream is not enabled for this account of the NATS cluster: give it limits for JetStream")
	case code == codeStreamLimit:
		return say("the account of the NATS cluster may have no more streams: it needs three")
	case code == codeNoPeers, code == codeReplicasNotSupported:
		return say(fmt.Sprintf("the NATS cluster has fewer than the %d servers that GPHOTOS_NATS_REPLICAS asks for: start them, "+
			"or set 1 for a server that is alone", c.cfg.Replicas))
	case isFull(err):
		return fmt.Errorf("%w: the NATS cluster has no room: free some on its disks, or raise the limits of its account, servers or "+
			"buckets: %w", engine.ErrFull, err)
	case isLeaderless(code):
		return away("the NATS cluster has no leader: more than half of its servers must run and reach each other")
	case isOneOf(err, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse):
		if denied := c.denied.recent(); denied != "" {
			return say("the user of the NATS cluster lacks a right (" + denied + ")")
		}
		return away("the NATS cluster does not answer: more than half of its servers must run and reach each other, with JetStream")
	case c.nats != nil && !c.nats.IsConnected():
		return away("no NATS server can be reached (GPHOTOS_NATS_URL)")
	case refused == nil:
		return awayError{err}
	}
	return err
}

var codesFull = []jetstream.ErrorCode{codeInsufficientResources, codeMemoryExceeded, codeStorageExceeded, codeAccountLimit}

func isOneOf(err error, of ...error) bool {
	return slices.ContainsFunc(of, func(one error) bool { return errors.Is(err, one) })
}

func isLeaderless(code jetstream.ErrorCode) bool {
	return code == codeClusterNotAvailable || code == codeClusterNoLeader || code == codeStreamOffline
}

// isFull reports whether only room is missing.
func isFull(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	// Of the last the text alone tells a bucket's limit from a disk that fails.
	limit := strings.Contains(refused.Description, "maximum") || strings.Contains(refused.Description, "no space")
	return slices.Contains(codesFull, refused.ErrorCode) || refused.ErrorCode == codeStreamStoreFailed && limit
}
