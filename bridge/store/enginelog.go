package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/sirupsen/logrus"
)

// noise is what the server says at every start about settings that are meant: its
// two passwords are made up for one run and known to this process alone, or are
// the user's; and photos are larger than most messages.
var noise = map[string]bool{
	"Plaintext passwords detected, use nkeys or bcrypt":                                     true,
	"Maximum payloads over %v are generally discouraged and could lead to poor performance": true,
}

// engineLog passes the server's warnings and errors on, and notices those that
// mean the end: the server tells nobody else when a write fails.
type engineLog struct {
	log    *logrus.Entry
	failed func(error)

	mu    sync.Mutex
	first error // fatal
}

// fatal returns why the server could not start.
func (l *engineLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// Fatalf is called while the server starts, and does not end the process here.
func (l *engineLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = describe(format, args)
	}
}

// Errorf and Warnf are called from any goroutine of the server.
func (l *engineLog) Errorf(format string, args ...any) {
	l.watch(args)
	l.log.WithField("detail", fmt.Sprintf(format, args...)).Error("engine error")
}

// Warnf is for what the server could go on after.
func (l *engineLog) Warnf(format string, args ...any) {
	if noise[format] {
		return
	}
	l.watch(args)
	l.log.WithField("detail", fmt.Sprintf(format, args...)).Warn("engine warning")
}

// Noticef drops what is only of interest to who runs a server on its own.
func (l *engineLog) Noticef(string, ...any) {}

// Debugf is never called, since debugging is off.
func (l *engineLog) Debugf(string, ...any) {}

// Tracef is never called, since tracing is off.
func (l *engineLog) Tracef(string, ...any) {}

func (l *engineLog) watch(args []any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok && isDiskError(err) {
			l.failed(err)
		}
	}
}

// describe makes an error of a log line, and keeps the error within it.
func describe(format string, args []any) error {
	text := fmt.Sprintf(format, args...)
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			return &engineError{text, err}
		}
	}
	return errors.New(text)
}

type engineError struct {
	text  string
	cause error
}

func (e *engineError) Error() string { return e.text }
func (e *engineError) Unwrap() error { return e.cause }
