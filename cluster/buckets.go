package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// For so long a server knows a write again: one that was repeated because its answer did not come, and then arrives late from a server
	// that hung. Longer than the servers take to leave one that hangs: two pings of two minutes and the time of a third.
	// https://docs.nats.io/running-a-nats-service/configuration#connection-timeouts
	repeatsKnown = 10 * time.Minute
	// How long the marker of a removed record stays: longer than a replica may lag behind and still be asked.
	markersStay = 15 * time.Minute
)

func (c *Conn) recordsName() string   { return c.cfg.Prefix + "-records" }
func (c *Conn) processesName() string { return c.cfg.Prefix + "-processes" }
func (c *Conn) payloadsName() string  { return c.cfg.Prefix + "-payloads" }

// buckets are the streams of the three buckets, in the forms of ADR-8 (key-value) and ADR-20 (object store), so that the tools of NATS
// know them too. https://github.com/nats-io/nats-architecture-and-design/tree/main/adr
func (c *Conn) buckets() []jetstream.StreamConfig {
	keyValue := func(bucket string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: "KV_" + bucket, Subjects: []string{"$KV." + bucket + ".>"}, MaxMsgsPerSubject: 1, AllowMsgTTL: true, DenyDelete: true,
		}
	}
	records, processes := keyValue(c.recordsName()), keyValue(c.processesName())
	records.Description = "Records of gphotos2mqtt"
	records.Duplicates, records.SubjectDeleteMarkerTTL = repeatsKnown, markersStay
	processes.Description = "Leases of the processes of gphotos2mqtt"
	processes.MaxAge, processes.SubjectDeleteMarkerTTL, processes.Duplicates = c.cfg.Lease, max(c.cfg.Lease, time.Minute), c.cfg.Lease
	payloads := jetstream.StreamConfig{
		Name: "OBJ_" + c.payloadsName(), Description: "Payloads of gphotos2mqtt",
		Subjects:   []string{"$O." + c.payloadsName() + ".C.>", "$O." + c.payloadsName() + ".M.>"},
		Duplicates: repeatsKnown,
	}
	all := []jetstream.StreamConfig{records, processes, payloads}
	for i := range all {
		b := &all[i]
		b.Storage, b.Replicas, b.Discard = jetstream.FileStorage, c.cfg.Replicas, jetstream.DiscardNew
		b.AllowRollup, b.AllowDirect = true, true
		b.MaxMsgs, b.MaxBytes, b.MaxConsumers, b.MaxMsgSize = -1, -1, -1, -1
		if b.MaxMsgsPerSubject == 0 {
			b.MaxMsgsPerSubject = -1
		}
	}
	return all
}

// openBucket makes a bucket that is not there, or checks the one that is. Several processes may do that at the same time.
func (c *Conn) openBucket(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := c.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = c.js.CreateStream(ctx, want) // no error when another process has just made the same
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		stream, err = c.js.Stream(ctx, want.Name)
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", want.Name, err)
	}
	info := stream.CachedInfo()
	if want.Name == "KV_"+c.recordsName() {
		c.founded = time.Now().Add(info.Created.Sub(info.TimeStamp))
	}
	return c.check(want, info.Config)
}

func (c *Conn) bind(ctx context.Context) (err error) {
	if c.records, err = c.js.KeyValue(ctx, c.recordsName()); err == nil {
		c.processes, err = c.js.KeyValue(ctx, c.processesName())
	}
	return err
}

// check compares a bucket that is there with what it should be. What only costs more or less space or time is left to who runs the cluster.
func (c *Conn) check(want, got jetstream.StreamConfig) error {
	servers := fmt.Sprintf("is on %d servers where GPHOTOS_NATS_REPLICAS asks for %d: set that, or change the bucket with "+
		"`nats stream edit %s --replicas %d`", got.Replicas, want.Replicas, want.Name, want.Replicas)
	markers := fmt.Sprintf("keeps markers of removed keys for %v, not for %v", got.SubjectDeleteMarkerTTL, want.SubjectDeleteMarkerTTL)
	for _, d := range []struct {
		differs bool
		is      string
	}{
		{got.Replicas != want.Replicas, servers},
		{!slices.Equal(got.Subjects, want.Subjects), "has the subjects " + strings.Join(got.Subjects, ", ")},
		{got.MaxMsgsPerSubject != want.MaxMsgsPerSubject, fmt.Sprintf("keeps %d values of a key", got.MaxMsgsPerSubject)},
		{got.MaxAge != want.MaxAge, fmt.Sprintf("keeps values for %v where it should be %v (0s: for ever)", got.MaxAge, want.MaxAge)},
		{got.Storage != want.Storage, "is in memory, not in files"},
		{got.Discard != want.Discard, "drops old values to make room"},
		{got.Duplicates < want.Duplicates, fmt.Sprintf("knows repeated writes for %v only, less than %v", got.Duplicates, want.Duplicates)},
		{!got.AllowDirect || !got.AllowRollup, "does not allow direct reads and roll-ups"},
		{got.AllowMsgTTL != want.AllowMsgTTL || got.SubjectDeleteMarkerTTL != want.SubjectDeleteMarkerTTL, markers},
		{got.Mirror != nil || len(got.Sources) > 0 || got.Sealed || got.DenyPurge, "is a mirror, takes from other buckets or cannot be changed"},
	} {
		if d.differs {
			return settledError{fmt.Errorf("the bucket %s of the NATS cluster %s. It is not as this program makes it: "+
				"mend it, or let the bridge make another with another GPHOTOS_NATS_PREFIX", want.Name, d.is)}
		}
	}
	return nil
}
