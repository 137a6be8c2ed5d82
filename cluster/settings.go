package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// ports are the default ones. https://docs.nats.io/using-nats/developer/connecting#nats-url
var ports = map[string]string{"nats": "4222", "tls": "4222", "ws": "80", "wss": "443"}

// ParseServers reads addresses separated by commas, such as nats://a,nats://b:4223, and completes them with their ports. They are all of
// one kind: nats or tls, or ws or wss. The error says what to write.
func ParseServers(list string) (servers []string, err error) {
	const advice = "write addresses such as nats://nats-1:4222,nats://nats-2:4222, all with nats:// or tls://, or all with ws:// or wss://"
	webSocket := 0
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || ports[u.Scheme] == "" || u.Hostname() == "" || strings.ContainsAny(text, "?#") || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New(advice)
		}
		if u.User != nil {
			return nil, errors.New("write the addresses without user and password; these have settings of their own")
		}
		if strings.HasPrefix(u.Scheme, "ws") {
			webSocket++
		}
		port := u.Port()
		if port == "" {
			port = ports[u.Scheme]
		}
		servers = append(servers, u.Scheme+"://"+net.JoinHostPort(u.Hostname(), port))
	}
	if len(servers) == 0 || webSocket > 0 && webSocket < len(servers) {
		return nil, errors.New(advice)
	}
	return servers, nil
}

// IsSecure reports whether all addresses are of TLS.
func IsSecure(servers []string) bool {
	for _, s := range servers {
		if !strings.HasPrefix(s, "tls:") && !strings.HasPrefix(s, "wss:") {
			return false
		}
	}
	return len(servers) > 0
}

// CheckNKey tells whether a file holds the seed of a user's NKey, as `nk -gen user` writes it.
func CheckNKey(path string) error {
	if _, err := nats.NkeyOptionFromSeed(path); err != nil {
		return fmt.Errorf("%s does not hold the seed of a user's NKey, which begins with SU: %w", path, err)
	}
	return nil
}

// CheckCreds tells whether a file holds credentials, which are a user's JWT and the seed of its NKey, as `nsc generate creds` writes it.
func CheckCreds(path string) error {
	content, err := os.ReadFile(path)
	if err == nil {
		_, err = nkeys.ParseDecoratedUserNKey(content)
	}
	if jwt, _ := nkeys.ParseDecoratedJWT(content); err == nil && strings.Count(jwt, ".") != 2 {
		err = errors.New("there is no JWT in it")
	}
	if err != nil {
		return fmt.Errorf("%s does not hold the credentials of a user, a JWT and a seed: %w", path, err)
	}
	return nil
}
