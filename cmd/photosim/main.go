// Command photosim serves a simulated Google (OAuth, Photos Library API, media bytes) for anyone's tests.
//
// With -listen alone it speaks plain HTTP; the services are found by Host header or by path prefix, the control API under /_sim/.
// With -tls-dir the same address also takes TLS with HTTP/2, under certificates for Google's host names, and works as an HTTPS proxy
// for those hosts: point any Google Photos client at it with HTTPS_PROXY and the CA file DIR/ca.pem, and it needs no other change.
//
// It prints its address and the settings with which gphotos2mqtt uses it when it is ready, and stops on SIGINT and SIGTERM with exit
// code 0. docs/photosim.md tells more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gphotos2mqtt/photos/photosim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "photosim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. The port is taken before anything is printed, so a reader of the address can connect.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	opt, err := readOptions(args, stderr)
	if err != nil {
		return err
	}
	var ca *photosim.CA
	if opt.tlsDir != "" {
		if ca, err = photosim.NewCAFrom(time.Now().Add(opt.tlsIn)); err != nil {
			return err
		}
		if err := ca.WriteFile(opt.tlsDir); err != nil {
			return err
		}
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", opt.listen)
	if err != nil {
		return err
	}
	sim := photosim.New(opt.config)
	defer func() { err = errors.Join(err, sim.Close()) }()
	if _, err := fmt.Fprintf(stdout, "photosim listening on http://%s\n%s", ln.Addr(), settings(ln.Addr().String())); err != nil {
		_ = ln.Close()
		return err
	}
	return sim.Serve(ctx, ln, ca)
}
