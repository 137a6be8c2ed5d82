// Command gphotos2mqtt uploads what is published to MQTT topics to Google
// Photos, and publishes what is there.
//
// Without an argument it runs the bridge until SIGINT or SIGTERM. All settings
// are environment variables, see Config. The arguments are:
//
//	demo      shows the whole job on this machine, without a Google account
//	link      links an entry to a Google account, while the bridge runs
//	health    tells whether a running bridge is online, for container checks
//	version   prints the version
//
// The exit code is 0 when all went well, 1 when something failed, and 2 when a
// setting or an argument must change.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also on machines without time zones

	"github.com/caarlos0/env/v11"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	settings := env.ToMap(environ)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	if len(args) > 0 && len(args) <= 2 && args[0] == "link" {
		return link(ctx, settings, strings.Join(args[1:], ""), stdin, stdout, stderr)
	}
	switch strings.Join(args, " ") {
	case "":
		return serve(ctx, settings, stderr)
	case "demo":
		return demo(ctx, settings, stdout, stderr)
	case "health":
		return health(settings, stdout, stderr)
	case "version":
		fmt.Fprintln(stdout, "gphotos2mqtt", version())
		return exitDone
	default:
		fmt.Fprintln(stderr, "usage: gphotos2mqtt [demo | link ENTRY | health | version]")
		return exitUsage
	}
}
