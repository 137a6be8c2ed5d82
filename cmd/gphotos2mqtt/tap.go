package main

import (
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
)

// A tap sits in the way of requests to Google: it counts them for the day's
// quota and, at debug level, logs each one. It never shows a query, a header or a
// body, which hold secrets.
type tap struct {
	base  http.RoundTripper
	count func()        // may be nil
	log   *logrus.Entry // may be nil
}

// RoundTrip passes the request on.
func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.count != nil {
		t.count()
	}
	if t.log == nil || !t.log.Logger.IsLevelEnabled(logrus.DebugLevel) {
		return t.base.RoundTrip(req)
	}
	began := time.Now()
	resp, err := t.base.RoundTrip(req)
	log := t.log.WithFields(logrus.Fields{"op": req.Method + " " + req.URL.Host, "wait": time.Since(began).Round(time.Millisecond).String()})
	if err != nil {
		log.WithField("kind", "no answer").Debug("request to google")
		return nil, err
	}
	log.WithField("kind", resp.StatusCode).Debug("request to google")
	return resp, nil
}

// newTransport is Go's usual one, with room for as many connections as an
// entry sends files at a time, so that none is opened anew for each file.
func newTransport(connections int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone() // it is one
	t.MaxIdleConnsPerHost = connections
	t.MaxIdleConns = 0
	return t
}
