package bridge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

const day = 24 * time.Hour

// steps are what happens to the clock of a machine: by how much it is wrong at first, and by how much it is set then. Virtual time begins
// in the year 2000.
var steps = map[string]struct{ wrong, set time.Duration }{
	"two hours forward": {0, 2 * time.Hour},
	"two hours back":    {0, -2 * time.Hour},
	"400 days forward":  {0, 400 * day},
	"400 days back":     {0, -400 * day},
	"from 1970":         {-30 * 365 * day, 30 * 365 * day},
	"to 1970":           {0, -30 * 365 * day},
}

// stepping runs a test in virtual time for each step of the clock, which do makes, and once more with a restart right after it.
func stepping(t *testing.T, test func(r *harness, step func()), config ...func(*EntryConfig)) {
	t.Helper()
	for name, tc := range steps {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restarts=%v", name, restarts), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					wake.Step(tc.wrong)
					stepped := tc.wrong
					defer func() { wake.Step(-stepped) }()
					r := newHarness(t)
					for _, c := range config {
						r.config = c
					}
					r.start()
					time.Sleep(time.Minute)
					test(r, func() {
						if restarts {
							r.stop()
						}
						wake.Step(tc.set)
						stepped += tc.set
						if restarts {
							r.start()
						}
					})
					r.stop()
				})
			})
		}
	}
}

// last is the last result that was published; accepted may come again after a restart.
func (r *harness) last() map[string]any {
	all := r.broker.all("gphotos/home/upload/result")
	return all[len(all)-1]
}

// within waits until the one job of a test is done, for at most so long.
func (r *harness) within(limit time.Duration) map[string]any {
	r.t.Helper()
	for began := time.Now(); time.Since(began) <= limit; time.Sleep(time.Minute) {
		synctest.Wait()
		if got := r.last(); got["status"] != "accepted" {
			return got
		}
	}
	r.t.Errorf("nothing became of the upload in %v", limit)
	return nil
}

// A file that waits before it is tried again is tried again as soon as it would have been, or sooner, and fails for no age.
func TestClockStepsWhileAFileWaits(t *testing.T) {
	stepping(t, func(r *harness, step func()) {
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", ItemCode: 13}))
		r.send(1)
		time.Sleep(time.Hour) // the pauses have grown to a quarter of an hour
		step()
		time.Sleep(time.Minute) // it fails once more, perhaps
		r.must(r.sim.Faults())
		if got := r.within(20 * time.Minute); got["status"] != "done" {
			r.t.Errorf("result: %v", got)
		}
		r.wantEmpty()
	})
}

// A hold lasts no longer than it was to last, and what waits in it does not grow old.
func TestClockStepsDuringAHold(t *testing.T) {
	for reason, limit := range map[mqttapi.HoldReason]time.Duration{
		mqttapi.HoldStorageFull: time.Hour + time.Minute, mqttapi.HoldQuotaDaily: 25*time.Hour + 16*time.Minute,
	} {
		fault := map[mqttapi.HoldReason]string{mqttapi.HoldStorageFull: "storage_full", mqttapi.HoldQuotaDaily: "daily_quota"}[reason]
		t.Run(fault, func(t *testing.T) {
			stepping(t, func(r *harness, step func()) {
				r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: fault}))
				r.send(1)
				r.hold(reason)
				time.Sleep(10 * time.Minute)
				step()
				time.Sleep(5 * time.Minute) // asked again, perhaps
				if got := r.last(); got["status"] != "accepted" {
					r.t.Fatalf("result: %v", got)
				}
				r.must(r.sim.Faults())
				if got := r.within(limit); got["status"] != "done" {
					r.t.Errorf("result: %v", got)
				}
				r.wantEmpty()
			})
		})
	}
}

// The bridge's own limit of age counts the time that it has run, whatever its clock says.
func TestClockStepsAndAge(t *testing.T) {
	stepping(t, func(r *harness, step func()) {
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "unavailable"}))
		r.send(1)
		time.Sleep(4 * time.Hour)
		step()
		time.Sleep(3*time.Hour + 30*time.Minute)
		if got := r.last(); got["status"] != "accepted" {
			r.t.Fatalf("before its time: %v", got)
		}
		got := r.within(time.Hour)
		if refused, _ := got["error"].(map[string]any); refused["code"] != "google_unavailable" {
			r.t.Errorf("after eight hours: %v", got)
		}
		time.Sleep(23 * time.Hour)
		step()
		r.must(r.sim.Faults())
		n := r.broker.count("gphotos/home/upload/result")
		r.ask("job/retry", got["job"].(string))
		time.Sleep(time.Minute)
		if got := r.broker.final(t, n); got["status"] != "done" {
			r.t.Errorf("tried again within a day: %v", got)
		}
	}, func(c *EntryConfig) { c.MaxAge = 8 * time.Hour })
}

// A command is recognised for a day by its id.
func TestClockStepsAndIDs(t *testing.T) {
	stepping(t, func(r *harness, step func()) {
		command := fmt.Sprintf(`{"path": %q, "id": "one"}`, r.write("a.jpg", jpegOf(1)))
		first := r.upload(command)
		time.Sleep(time.Minute)
		step()
		time.Sleep(20 * time.Hour)
		if again := r.upload(command); again["job"] != first["job"] {
			r.t.Errorf("it was another command: %v, then %v", first, again)
		}
		time.Sleep(5 * time.Hour)
		if again := r.upload(command); again["job"] == first["job"] {
			r.t.Error("it is recognised after a day")
		}
	})
}

// Who was just asked to link an account can finish, and E/state shows until when by the clock as it is now.
func TestClockStepsWhileLinking(t *testing.T) {
	for name, tc := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake.Step(tc.wrong)
				defer func() { wake.Step(-tc.wrong - tc.set) }()
				r := newHarness(t)
				r.autoLink = false
				r.start()
				time.Sleep(time.Minute)
				offer := r.entry.cfg.Link.Start()
				time.Sleep(time.Minute)
				wake.Step(tc.set)
				time.Sleep(time.Minute + time.Second)
				link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any)
				ends, err := time.Parse(time.RFC3339, fmt.Sprint(link["expires"]))
				if err != nil || ends.Sub(wake.Wall()).Round(time.Minute) != 8*time.Minute || link["url"] != offer.URL {
					t.Errorf("at %v: %v", wake.Wall(), link)
				}
				r.finish(offer.URL)
				r.hold("")
				if got := r.upload(string(jpegOf(1))); got["status"] != "done" {
					t.Errorf("result: %v", got)
				}
				time.Sleep(3 * time.Hour) // also with the next access tokens
				if got := r.upload(string(jpegOf(2))); got["status"] != "done" {
					t.Errorf("result: %v", got)
				}
				r.stop()
			})
		})
	}
}

// An upload token that the clock makes look old, or that is, costs no upload.
func TestClockStepsWithAnUploadToken(t *testing.T) {
	stepping(t, func(r *harness, step func()) {
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "storage_full"}))
		for n := range 3 {
			r.send(n)
		}
		r.hold(mqttapi.HoldStorageFull)
		time.Sleep(26 * time.Hour) // Google keeps it for a day
		step()
		r.must(r.sim.Faults())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		for _, got := range r.broker.all("gphotos/home/upload/result") {
			if s := fmt.Sprint(got["status"]); !strings.Contains("accepted done", s) {
				r.t.Errorf("result: %v", got)
			}
		}
		if n := len(r.items()); n != 3 {
			r.t.Errorf("%d items", n)
		}
		r.wantEmpty()
	})
}

// A machine whose clock is wrong trusts no certificate: E/state says that it is the clock.
func TestClockThatMakesCertificatesInvalid(t *testing.T) {
	for name, valid := range map[string][2]time.Duration{"the clock is behind": {day, 90 * day}, "the clock is ahead": {-90 * day, -day}} {
		t.Run(name, func(t *testing.T) {
			google := httptest.NewUnstartedServer(http.NotFoundHandler())
			google.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			trusted := certificate(t, google, valid)
			defer google.Close()
			r := newHarness(t)
			r.config = func(c *EntryConfig) {
				line := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
				t.Cleanup(line.CloseIdleConnections)
				c.Google = photos.New(photos.Config{Library: google.URL, HTTP: &http.Client{Transport: line}})
			}
			r.start()
			r.send(1)
			contains(t, r.hold(mqttapi.HoldOffline), "The clock of the bridge's machine says "+time.Now().UTC().Format(time.DateOnly), "set the clock")
		})
	}
}

// certificate starts a server with a certificate that is valid from one time to another, from now, and returns who trusts it.
func certificate(t *testing.T, server *httptest.Server, valid [2]time.Duration) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(valid[0]), NotAfter: time.Now().Add(valid[1]),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool
}
