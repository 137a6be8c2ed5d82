package broker

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Address{
		"mqtt://host":                 {Network: "tcp", Host: "host:1883"},
		"tcp://host:1884/":            {Network: "tcp", Host: "host:1884"},
		"MQTTS://host":                {Network: "tls", Host: "host:8883"},
		"ssl://[fe80::1]:99":          {Network: "tls", Host: "[fe80::1]:99"},
		"tls://[::1]":                 {Network: "tls", Host: "[::1]:8883"},
		"ws://host":                   {Network: "ws", Host: "host:80", Path: "/"},
		"wss://host/mqtt?token=x":     {Network: "wss", Host: "host:443", Path: "/mqtt?token=x"},
		"unix:///run/broker.sock":     {Network: "unix", Host: "/run/broker.sock"},
		"mqtt://ann:p%40ss%2F@host:1": {Network: "tcp", Host: "host:1", User: "ann", Password: "p@ss/"},
		"mqtt://ann@host":             {Network: "tcp", Host: "host:1883", User: "ann"},
	} {
		got, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Address) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestParseURLErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "not the address of a broker",
		"host":                      "not the address of a broker",
		"host:1883":                 "not the address of a broker",
		"mqtt://":                   "names no host",
		"mqtt://:1883":              "names no host",
		"unix://":                   "names no socket",
		"http://host":               `no broker is reached by "http"`,
		"mqtt://host:0":             "from 1 to 65535",
		"mqtt://host:70000":         "from 1 to 65535",
		"mqtt://host:1:2":           "not the address of a broker",
		"mqtt://ho%20st":            "not the address of a broker",
		"mqtt://host:x":             "not the address of a broker",
		"mqtt://host/topic":         "nothing may follow the port",
		"mqtt://host?x=1":           "nothing may follow the port",
		"mqtt://host#x":             "not the address of a broker",
		"mqtt://:hunter22@host":     "a password but no user",
		"mqtt://ann:hunter22/@host": "not the address of a broker",
		"mqtt://ann:hunter22%@host": "not the address of a broker",
		"mqtt://ann:hunter22@":      "names no host",
		"mqtt://fe80::1":            "stands in brackets",
		"mqtt://::1":                "stands in brackets",
		"mqtt://::1:1883":           "stands in brackets",
		"mqtts://2001:db8::1:8883":  "stands in brackets",
		"mqtt://fe80::1%25eth0":     "stands in brackets",
		"ws://ann:hunter22@2001:db8:0:0:0:0:0:1/mqtt": "stands in brackets",
		"ann:hunter22@host":                           "not the address of a broker",
	} {
		b, err := ParseURL(text)
		switch {
		case err == nil:
			t.Errorf("%q: taken as %v", text, b)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v, want %q", text, err, want)
		case strings.Contains(err.Error(), "hunter22"):
			t.Errorf("%q: the password is in the error %v", text, err)
		}
	}
}

func TestAddressHidesPassword(t *testing.T) {
	t.Parallel()
	b, err := ParseURL("wss://ann:hunter22@host/path?key=hunter22")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, b); strings.Contains(text, "hunter22") || !strings.Contains(text, "wss://host:443/path") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{
		"mqtt://host", "tls://u:p@[::1]:99/", "ws://h/p?q", "unix:///a", "mqtt://u:%zz@h", "mqtt://%41:1", "://", "wss://h:1:2", "mqtt:h", "ws://h#f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseURL(text)
		if err != nil {
			if b.User+string(b.Password) != "" && strings.Contains(err.Error(), string(b.Password)) && len(b.Password) > 8 {
				t.Errorf("%q: the password may be in %v", text, err)
			}
			return
		}
		if b.Network != "unix" {
			host, port, err := net.SplitHostPort(b.Host)
			if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 || host == "" {
				t.Errorf("%q: address %q", text, b.Host)
			}
		} else if b.Host == "" {
			t.Errorf("%q: no socket", text)
		}
		if b.User == "" && b.Password != "" {
			t.Errorf("%q: a password without a user", text)
		}
		if b.Network == "unix" || strings.ContainsAny(b.Host, "%") {
			return // what was escaped is not escaped again
		}
		again, err := ParseURL(b.String())
		if err != nil || again.Network != b.Network || again.Host != b.Host {
			t.Errorf("%q: %s is read as %s, %v", text, b, again, err)
		}
	})
}
