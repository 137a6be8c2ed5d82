package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime/debug"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/mqttapi"
)

// serve is the daemon: it reads the settings, runs the bridge until ctx ends, and
// turns what went wrong into an exit code.
func serve(ctx context.Context, environ map[string]string, stderr io.Writer) int {
	config, warnings, err := ReadConfig(environ)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	log := newLog(config, stderr)
	saveMemory()
	for _, warning := range warnings {
		log.WithField("setting", warning).Warn("setting is not used")
	}
	if err := runBridge(ctx, config, log); err != nil {
		log.WithError(err).Error("bridge failed")
		return exitFailed
	}
	return exitDone
}

// runBridge runs one bridge from its first part to its last.
func runBridge(ctx context.Context, config Config, log *logrus.Entry) error {
	d, err := openDaemon(ctx, config, log)
	if err != nil {
		return err
	}
	log.WithField("version", version()).Info("bridge started")
	err = d.run(ctx)
	log.Info("bridge stopped")
	if closing := d.close(); err == nil {
		err = closing
	}
	return err
}

// newLog makes the log that the settings ask for.
func newLog(c Config, stderr io.Writer) *logrus.Entry {
	logger := logrus.New()
	logger.SetOutput(stderr)
	if c.LogFormat == "json" {
		logger.SetFormatter(&logrus.JSONFormatter{})
	}
	if level, err := logrus.ParseLevel(c.LogLevel); err == nil {
		logger.SetLevel(level)
	}
	log := logrus.NewEntry(logger)
	mqttapi.LogPaho(log)
	return log
}

// saveMemory lets the garbage collector work early, unless GOMEMLIMIT says
// otherwise: a home server has little memory and time enough, and 10,000 queued
// uploads then stay below 50 MB instead of 100.
func saveMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
		debug.SetGCPercent(50)
	}
}

// memoryLimit is soft: what lives is kept, whatever its size.
const memoryLimit = 64 << 20
