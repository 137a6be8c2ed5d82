package store_test

import (
	"context"
	"io"
	"testing"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/storetest"
)

func TestContract(t *testing.T) { storetest.Run(t, openStore) }

func TestMain(m *testing.M) {
	store.RunChild()
	storetest.Main(m, openStore)
}

func openStore(ctx context.Context, dir string) (*store.Store, error) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return store.Open(ctx, store.Config{Dir: dir, Log: logrus.NewEntry(log)})
}
