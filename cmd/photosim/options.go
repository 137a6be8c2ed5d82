package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"gphotos2mqtt/photos/photosim"
)

// errUsage means that the flags were wrong; the flag package has said so.
var errUsage = errors.New("wrong usage")

type options struct {
	listen string
	tlsDir string
	tlsIn  time.Duration
	config photosim.Config
}

// readOptions reads the flags into a configuration that photosim.New accepts.
func readOptions(args []string, stderr io.Writer) (options, error) {
	opt := options{}
	c := &opt.config
	client := photosim.Client{}
	f := flag.NewFlagSet("photosim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "photosim is a simulated Google for tests of Google Photos clients: docs/photosim.md.\n\nFlags:\n")
		f.PrintDefaults()
		fmt.Fprintf(stderr, "\nSettings with which gphotos2mqtt uses it:\n%s", settings(opt.listen))
	}
	f.StringVar(&opt.listen, "listen", "127.0.0.1:8085", "`address` to listen on; port 0 takes a free one")
	f.StringVar(&opt.tlsDir, "tls-dir", "", "also serve TLS and an HTTPS proxy, with the CA certificate written to `DIR`/ca.pem")
	f.DurationVar(&opt.tlsIn, "tls-valid-in", -time.Hour, "when the certificates begin to be valid, from now: above 0 every client's clock seems to be behind")
	f.StringVar(&c.Dir, "dir", "", "`folder` for media too large for memory (default: the system's temporary folder)")
	f.BoolVar(&c.Quotas, "quotas", false, "enforce 10,000 requests a day and 30 writes a minute")
	f.DurationVar(&c.AccessTokenLife, "access-token-life", 0, "how long access tokens work (default 3599s)")
	f.DurationVar(&c.BaseURLLife, "base-url-life", 0, "how long base URLs work (default 1h)")
	f.DurationVar(&c.VideoProcessing, "video-processing", 0, "how long a new video is PROCESSING (default: ready at once)")
	f.StringVar(&client.ID, "client-id", photosim.DefaultClientID, "OAuth client `id`")
	f.StringVar(&client.Secret, "client-secret", photosim.DefaultClientSecret, "OAuth client `secret`")
	f.BoolVar(&client.Testing, "testing", false, `publishing status "Testing": refresh tokens die after 7 days`)
	f.BoolVar(&client.Desktop, "desktop", false, `client of the type "Desktop app": any port of localhost, no registered redirect URI`)
	f.Func("redirect-uri", "registered redirect `URI`, may be repeated (default: ports 8099 and 53682 of localhost)", func(uri string) error {
		client.RedirectURIs = append(client.RedirectURIs, uri)
		return nil
	})
	f.Func("account", "account that can sign in as `email[=name]`, may be repeated (default: "+photosim.DefaultAccountEmail+")", func(text string) error {
		email, name, _ := strings.Cut(text, "=")
		if name == "" {
			name, _, _ = strings.Cut(email, "@")
		}
		id := fmt.Sprintf("1%020d", len(c.Accounts)+1)
		c.Accounts = append(c.Accounts, photosim.Account{ID: id, Name: name, Email: email})
		return nil
	})
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return options{}, err
		}
		return options{}, errUsage
	}
	if f.NArg() > 0 {
		fmt.Fprintf(stderr, "photosim: unexpected argument %q\n", f.Arg(0))
		return options{}, errUsage
	}
	client.Project = photosim.DefaultProject
	if len(client.RedirectURIs) == 0 && !client.Desktop {
		client.RedirectURIs = photosim.DefaultRedirectURIs()
	}
	c.Clients = []photosim.Client{client}
	return opt, c.Check()
}
