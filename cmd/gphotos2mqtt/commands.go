package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// A call is what the program was started with.
type call struct {
	args, environ  []string // args without the command itself
	stdin          io.Reader
	stdout, stderr io.Writer
}

// A command is what the first argument names.
type command struct {
	name, args, what string
	maxArgs          int
	run              func(ctx context.Context, c call) error
}

// commands in the order of help; the first is what runs without an argument.
func commands() []command {
	return []command{
		{"", "", "runs the bridge until SIGINT or SIGTERM", 0, runServe},
		{"check", "", "tries the broker, the folders, the clock and Google, and says what to do", 0, runCheck},
		{"link", "[ENTRY]", "links an entry to a Google account, while the bridge runs", 1, runLink},
		{"health", "", "tells whether a running bridge is online, for container checks", 0, runHealth},
		{"export", "FILE|-", "writes queue, links and all else into one file, while the bridge is stopped or in a cluster", 1, runExport},
		{"import", "FILE|-", "reads it into an empty store; --check only reads it, --any-key: its key is lost", 3, runImport},
		{"demo", "", "shows the whole job on this machine, without a Google account", 0, runDemo},
		{"app", "", "runs the bridge as an app of Home Assistant, with the settings of its form", 0, runApp},
		{"version", "", "prints what was built, from which commit of which day", 0, runVersion},
		{"help", "", "prints this", 0, runHelp},
	}
}

func dispatch(ctx context.Context, c call) error {
	name := ""
	if len(c.args) > 0 {
		name, c.args = c.args[0], c.args[1:]
	}
	if isHelp := func(arg string) bool { return arg == "-h" || arg == "--help" || arg == "-help" }; isHelp(name) ||
		slices.ContainsFunc(c.args, isHelp) {
		return runHelp(ctx, c)
	}
	if name == "--version" || name == "-v" {
		name = "version"
	}
	var names []string
	for _, known := range commands() {
		if known.name == name {
			if len(c.args) > known.maxArgs {
				return usageError{fmt.Errorf("%s is too much; usage: gphotos2mqtt %s", strings.Join(c.args[known.maxArgs:], " "),
					strings.TrimSpace(known.name+" "+known.args))}
			}
			return known.run(ctx, c)
		}
		if known.name != "" {
			names = append(names, known.name)
		}
	}
	return usageError{fmt.Errorf("%.40q is not a command; did you mean %s? All of them: gphotos2mqtt help", name,
		config.Nearest(strings.TrimLeft(name, "-"), names))}
}

func runHelp(_ context.Context, c call) error {
	fmt.Fprint(c.stdout, "Uploads what is published to MQTT topics to Google Photos, and publishes what is there.\n\n"+
		"usage: gphotos2mqtt [COMMAND]\n\n")
	for _, known := range commands() {
		fmt.Fprintf(c.stdout, "  %-15s %s\n", strings.TrimSpace(known.name+" "+known.args), known.what)
	}
	_, err := fmt.Fprintf(c.stdout, `
Settings are environment variables whose names begin with %[1]s: %[1]sCLIENT_ID and %[1]sCLIENT_SECRET
are needed, %[1]sMQTT_URL names your broker. All of them: %[2]s#settings
The exit code is 0 when all went well, 1 when something failed, 2 when a setting or an argument must change.
`, config.Prefix, projectURL)
	return err
}

const projectURL = "https://github.com/gphotos2mqtt/gphotos2mqtt" // as packaging/names.env says

func runVersion(_ context.Context, c call) error {
	_, err := fmt.Fprintln(c.stdout, "gphotos2mqtt", version())
	return err
}

func runServe(ctx context.Context, c call) error {
	settings, warnings, err := config.Read(c.environ)
	if err != nil {
		return usageError{err}
	}
	return serve(ctx, settings, warnings, c.stderr)
}

func runDemo(ctx context.Context, c call) error { return demo(ctx, c.environ, c.stdout, c.stderr) }

func runHealth(ctx context.Context, c call) error {
	settings, err := config.ReadClient(c.environ)
	if err != nil {
		return usageError{err}
	}
	return health(ctx, settings, c.stdout)
}

func runLink(ctx context.Context, c call) error {
	settings, err := config.ReadClient(c.environ)
	if err != nil {
		return usageError{err}
	}
	return link(ctx, settings, strings.Join(c.args, ""), c.stdin, c.stdout)
}

var errLogged = errors.New("logged") // the reason is in the log or on the screen already

type usageError struct{ error } // says which setting or argument must change
