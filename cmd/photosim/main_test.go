package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gphotos2mqtt/photos/photosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started runs the command until the test ends and returns the address that it prints.
func started(t *testing.T, args ...string) string {
	t.Helper()
	address, _ := printed(t, args...)
	return address
}

// printed is started with the settings too.
func printed(t *testing.T, args ...string) (address, settings string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		err := run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), w, io.Discard)
		w.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	for range 5 {
		if more, next := out.ReadString('\n'); err == nil {
			settings, err = settings+more, next
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "photosim listening on ")
	if !ok {
		t.Fatalf("line %q", line)
	}
	return address, settings
}

func TestPlain(t *testing.T) {
	address := started(t, "-account", "ann@example.com=Ann Example", "-account", "bob@example.com", "-client-id", "c", "-client-secret", "s",
		"-redirect-uri", "http://localhost:1/x")
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.Get(address + "/accounts/o/oauth2/v2/auth?client_id=c&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fx&response_type=code&scope=openid")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, page, err)
	}
	for _, want := range []string{"Ann Example", "ann@example.com", "bob@example.com"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the consent page lacks %s", want)
		}
	}
}

// proxied is a client that uses a started simulator as its proxy and trusts its authority.
func proxied(t *testing.T, args ...string) *http.Client {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tls")
	address := started(t, append(args, "-tls-dir", dir)...)
	pem, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestTLSAndProxy(t *testing.T) {
	resp, err := proxied(t).Get("https://photoslibrary.googleapis.com/v1/albums")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || resp.ProtoMajor != 2 {
		t.Errorf("%s over %s", resp.Status, resp.Proto)
	}
}

// TestClockBehind serves certificates that are not valid yet.
func TestClockBehind(t *testing.T) {
	resp, err := proxied(t, "-tls-valid-in", "1h").Get("https://photoslibrary.googleapis.com/v1/albums")
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); !ok || invalid.Reason != x509.Expired || !strings.Contains(err.Error(), "is before") {
		t.Errorf("error %v", err)
	}
	if err == nil {
		resp.Body.Close()
	}
}

func TestWrongUsage(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want error
		text string
	}{
		"unknown flag":     {[]string{"-port", "1"}, errUsage, "-port"},
		"argument":         {[]string{"serve"}, errUsage, "serve"},
		"help":             {[]string{"-h"}, flag.ErrHelp, "-tls-dir"},
		"help for a port":  {[]string{"-listen", ":9000", "-h"}, flag.ErrHelp, "\nGPHOTOS_GOOGLE_TOKEN_URL=http://127.0.0.1:9000/oauth2/token\n"},
		"desktop with uri": {[]string{"-desktop", "-redirect-uri", "http://localhost:1/x"}, nil, ""},
		"redirect address": {[]string{"-redirect-uri", "http://192.168.1.1/"}, nil, ""},
		"same account":     {[]string{"-account", "a@b.c", "-account", "a@b.c"}, nil, ""},
		"address":          {[]string{"-listen", "127.0.0.1:99999"}, nil, ""},
		"folder":           {[]string{"-tls-dir", "/dev/null/x"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			err := run(t.Context(), tt.args, io.Discard, &stderr)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(stderr.String(), tt.text) {
				t.Errorf("error %v, output %q", err, stderr.String())
			}
		})
	}
}

// TestSettings takes the printed lines for addresses that answer, and holds the pages to them.
func TestSettings(t *testing.T) {
	address, lines := printed(t)
	if want := settings(strings.TrimPrefix(address, "http://")); lines != want {
		t.Errorf("printed %s want %s", lines, want)
	}
	defer http.DefaultClient.CloseIdleConnections()
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		resp, err := http.Get(strings.Replace(value, "/library", "/library/v1/albums", 1))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound {
			t.Errorf("%s=%s leads nowhere", name, value)
		}
	}
	for _, page := range []string{"../../README.md", "../../docs/photosim.md"} {
		text, err := os.ReadFile(page)
		if err != nil || !strings.Contains(string(text), settings("127.0.0.1:8085")+"GPHOTOS_CLIENT_ID="+photosim.DefaultClientID+"\nGPHOTOS_CLIENT_SECRET="+photosim.DefaultClientSecret) {
			t.Errorf("%s lacks the settings: %v", page, err)
		}
	}
	for in, want := range map[string]string{"[::]:1": "127.0.0.1:1", "0.0.0.0:1": "127.0.0.1:1", ":1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "sim:1": "sim:1"} {
		if got := reachable(in); got != want {
			t.Errorf("%s is reached at %s, want %s", in, got, want)
		}
	}
}
