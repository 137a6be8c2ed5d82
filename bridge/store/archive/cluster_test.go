package archive

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/clustertest"
)

// openCluster opens the store of a prefix as export and import do.
func openCluster(t *testing.T, servers *clustertest.Servers, prefix string) (*store.Store, *cluster.Importer) {
	t.Helper()
	addresses, err := cluster.ParseServers(servers.URLs())
	must(t, err)
	conn, err := cluster.Connect(t.Context(), cluster.Config{Servers: addresses, Prefix: prefix, Replicas: 1, Log: quiet()})
	must(t, err)
	t.Cleanup(conn.Close)
	importer := conn.Importer()
	return open(t, importer), importer
}

// From files to a cluster, to another cluster, and back to files: nothing is changed on the way, and the ages go on.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := clustertest.Start(t, 1, "")
	from, back := open(t, nil), open(t, nil)
	fill(t, from, 20)
	must(t, from.Whole().EndImport(t.Context(), 30*time.Hour))
	first, claimFirst := openCluster(t, servers, "first")
	second, claimSecond := openCluster(t, servers, "second")
	at := from
	for _, next := range []struct {
		store *store.Store
		to    *cluster.Importer
	}{{first, claimFirst}, {second, claimSecond}, {back, nil}} {
		cfg := Config{Store: next.store, Key: ourKey}
		if next.to != nil {
			cfg.Claim = next.to.Seize
		}
		_, err := Import(t.Context(), bytes.NewReader(export(t, at)), cfg)
		must(t, err)
		if ran := next.store.Ran(); ran < 30*time.Hour || ran > 31*time.Hour {
			t.Errorf("it has run for %v", ran)
		}
		at = next.store
	}
	if diff := cmp.Diff(all(t, from), all(t, back)); diff != "" {
		t.Error("(-want +got)", diff)
	}
	if diff := cmp.Diff(payloadsOf(t, from), payloadsOf(t, back)); diff != "" {
		t.Error("(-want +got)", diff)
	}
	must(t, claimFirst.Yield(t.Context()))
	// Another process that opens the cluster measures ages alike.
	if again, _ := openCluster(t, servers, "first"); again.Ran() < 30*time.Hour || again.Ran() > 31*time.Hour {
		t.Errorf("to another process it has run for %v", again.Ran())
	}
}

// An import into a cluster that fails leaves nothing, also of payloads, and one beside a running bridge is refused.
func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	servers := clustertest.Start(t, 1, "")
	file := sample(t, 5)
	s, importer := openCluster(t, servers, "cut")
	_, err := Import(t.Context(), bytes.NewReader(file[:len(file)-2000]), Config{Store: s, Key: ourKey, Claim: importer.Seize})
	if err == nil || !strings.Contains(err.Error(), ErrCut.Error()) {
		t.Errorf("import of a cut file = %v", err)
	}
	wantNothing(t, s)
	objects, err := servers.JetStream().Stream(t.Context(), "OBJ_cut-payloads")
	must(t, err)
	info, err := objects.Info(t.Context())
	must(t, err)
	if info.State.Msgs > 0 {
		t.Errorf("%d messages of payloads are left", info.State.Msgs)
	}
	leases, err := servers.JetStream().KeyValue(t.Context(), "cut-processes")
	must(t, err)
	_, err = leases.Create(t.Context(), "a-process", []byte("{}"), jetstream.KeyTTL(time.Minute))
	must(t, err)
	_, err = Import(t.Context(), bytes.NewReader(file), Config{Store: s, Key: ourKey, Claim: importer.Seize})
	if err == nil || !strings.Contains(err.Error(), "1 processes of the bridge run on the cluster: stop them") {
		t.Errorf("import beside a bridge = %v", err)
	}
	wantNothing(t, s)
}
