// Command gphotos2mqtt uploads what is published to MQTT topics to Google Photos, and publishes what is there.
//
// Without an argument it runs the bridge until SIGINT or SIGTERM. All settings are environment variables, see config.Config. Arguments:
//
//	demo      shows the whole job on this machine, without a Google account
//	link      links an entry to a Google account, while the bridge runs
//	health    tells whether a running bridge is online, for container checks
//	version   prints the version
//
// The exit code is 0 when all went well, 1 when something failed, and 2 when a setting or an argument must change.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // Google's day ends at midnight Pacific, also on machines without time zones

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/mqttapi/broker"
)

const exitDone, exitFailed, exitUsage = 0, 1, 2 // the exit codes

type usageError struct{ error } // says which setting or argument must change

var (
	errUsage  = usageError{errors.New("usage: gphotos2mqtt [demo | link ENTRY | health | version]")}
	errLogged = errors.New("logged") // the reason is in the log
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)) }

func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	err := dispatch(ctx, args, environ, stdin, stdout, stderr)
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errLogged) {
		fmt.Fprintln(stderr, err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func dispatch(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 2 || len(args) == 2 && args[0] != "link" {
		return errUsage
	}
	args = append(slices.Clip(args), "", "")
	command, entry := args[0], args[1]
	switch command {
	case "", "link", "health":
	case "demo":
		return demo(ctx, environ, stdout, stderr)
	case "version":
		fmt.Fprintln(stdout, "gphotos2mqtt", version())
		return nil
	default:
		return errUsage
	}
	c, warnings, err := config.Read(environ)
	if err != nil {
		return usageError{err}
	}
	switch command {
	case "link":
		return link(ctx, c, entry, stdin, stdout)
	case "health":
		return health(ctx, c, stdout)
	}
	return serve(ctx, c, warnings, stderr)
}

// version is the module version that the Go tool stamped in, made from the git tag or commit it was built at.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func serve(ctx context.Context, c config.Config, warnings []string, stderr io.Writer) error {
	log := newLog(c, stderr)
	// The garbage collector works early, unless GOMEMLIMIT says otherwise, and earlier still while the queue is loaded: a home server has
	// little memory and time enough. The limit is soft: what lives is kept, whatever its size.
	early := debug.SetMemoryLimit(-1) == math.MaxInt64
	if early {
		debug.SetMemoryLimit(64 << 20)
		debug.SetGCPercent(10)
	}
	for _, warning := range warnings {
		log.WithField("setting", warning).Warn("setting is not used")
	}
	if c.LinkURL = linkURL(c); c.LinkURL == "" {
		log.Warn("set GPHOTOS_LINK_URL to where your browser reaches the linking pages, such as http://192.168.1.10:8099")
	}
	d, err := openDaemon(ctx, c, log)
	if err == nil {
		log.WithField("version", version()).Info("bridge started")
		if early {
			debug.SetGCPercent(50)
		}
		releaseMemory()
		err = d.run(ctx, task.Task{Name: "release memory", Run: func(ctx context.Context) error {
			defer releaseMemory() // what connecting and the first listings needed
			return wake.Sleep(ctx, nil, 5*time.Second)
		}})
		log.Info("bridge stopped")
	}
	if err != nil {
		log.WithError(err).Error("bridge failed")
		return errLogged
	}
	return nil
}

func newLog(c config.Config, stderr io.Writer) *logrus.Entry {
	log := logrus.NewEntry(logrus.New())
	log.Logger.SetOutput(stderr)
	if c.LogFormat == "json" {
		log.Logger.SetFormatter(&logrus.JSONFormatter{})
	}
	log.Logger.Level, _ = logrus.ParseLevel(c.LogLevel) // config takes no other
	broker.LogPaho(log)
	return log
}

// releaseMemory gives back what only the start needed: heap, and pages of the program itself, which come back one by one as they are used.
func releaseMemory() {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps") // https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html; elsewhere there is none
	if err != nil {
		return
	}
	defer maps.Close() //nolint:errcheck // only read from
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var rights string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); n == 3 && !strings.Contains(rights, "w") &&
			strings.HasSuffix(lines.Text(), program) {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}
