package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/archive"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

const standard = "-" // the file that is standard output or input

func runExport(ctx context.Context, c call) (err error) {
	file, _, err := fileOf(c.args)
	if err != nil {
		return err
	}
	settings, err := config.ReadStore(c.environ)
	if err != nil {
		return usageError{err}
	}
	s, err := openStore(ctx, c, settings, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.empty(ctx) {
		return fmt.Errorf("there is nothing to export in %s; see that the settings are those of the bridge", s.name)
	}
	if file == standard {
		return exportTo(ctx, s, c.stdout, c.stderr)
	}
	out, err := create(file)
	if err != nil {
		return err
	}
	// A stop before the end leaves a file that import refuses as cut off.
	err = exportTo(ctx, s, out, c.stdout)
	if err = errors.Join(err, out.Close()); err != nil && !errors.Is(err, errPartly) {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// errPartly is an export that is whole, but for what is damaged.
var errPartly = errors.New("exported, but for what is damaged")

func exportTo(ctx context.Context, s *stored, out, text io.Writer) error {
	sum, damaged, err := archive.Write(ctx, s.Store, out, version())
	switch {
	case err != nil:
		return fmt.Errorf("nothing is exported: %w", err)
	case damaged != nil:
		return fmt.Errorf("%w: %s: %w", errPartly, sum, errors.Join(damaged...))
	}
	_, err = fmt.Fprintf(text, "exported from %s: %s\n", s.name, sum)
	return err
}

// fileOf reads FILE, and flags of which each may come once.
func fileOf(args []string, flags ...string) (file string, given map[string]bool, err error) {
	given = map[string]bool{}
	for _, arg := range args {
		switch {
		case slices.Contains(flags, arg) && !given[arg]:
			given[arg] = true
		case file == "" && (arg == standard || arg != "" && arg[0] != '-'):
			file = arg
		default:
			return "", nil, usageError{fmt.Errorf("%q is not understood; all commands: gphotos2mqtt help", arg)}
		}
	}
	if file == "" {
		return "", nil, usageError{errors.New("name a file, or - for standard input or output; all commands: gphotos2mqtt help")}
	}
	return file, given, nil
}

// create makes a file that was not there; it is on the disk once it is closed.
func create(path string) (io.WriteCloser, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, usageError{fmt.Errorf("%s is there already, and nothing is overwritten: name another file", path)}
	}
	return durable{f}, err
}

type durable struct{ *os.File }

func (d durable) Close() error {
	err := errors.Join(d.Sync(), d.File.Close())
	if dir, openErr := os.Open(filepath.Dir(d.Name())); openErr == nil && runtime.GOOS != "windows" { // which has names in its journal
		err = errors.Join(err, dir.Sync(), dir.Close())
	}
	return err
}

// A stored is the store of the settings, and what it is called.
type stored struct {
	*store.Store

	name  string
	claim func(ctx context.Context, entry string) error // nil = every record may be written
	after func()                                        // once the store is closed
}

// clusterLimit is how long a cluster is waited for that does not answer.
const clusterLimit = time.Minute

// openStore opens the store beside which no bridge runs, or that of a cluster, which can be read while bridges run.
func openStore(ctx context.Context, c call, settings config.Config, toImport bool) (*stored, error) {
	s := &stored{name: settings.DataDir, after: func() {}}
	cfg := store.Config{Dir: settings.DataDir, Import: toImport, Log: newLog(settings, c.stderr)}
	if settings.NATSURL != "" {
		limited, cancel := context.WithTimeout(ctx, clusterLimit)
		defer cancel()
		settings.Cluster.Log = cfg.Log
		conn, err := cluster.Connect(limited, settings.Cluster)
		if err != nil {
			return nil, err
		}
		importer := conn.Importer()
		s.name, s.claim, cfg.Engine = "the cluster (prefix "+settings.NATSPrefix+")", importer.Seize, importer
		s.after = func() {
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), clusterLimit)
			defer cancel()
			_ = importer.Yield(limited) // it has waited for the cluster; the processes wait a little longer then
			conn.Close()
		}
	}
	var err error
	s.Store, err = store.Open(ctx, cfg)
	if errors.Is(err, store.ErrInUse) {
		err = fmt.Errorf("the bridge runs, and has the store for itself: stop it, and start it again afterwards: %w", err)
	}
	if err != nil {
		s.after()
		return nil, err
	}
	return s, nil
}

func (s *stored) close() error {
	defer s.after()
	return s.Close()
}

// empty reports whether there is no record.
func (s *stored) empty(ctx context.Context) bool {
	for _, kind := range store.Kinds() {
		if keys, err := s.Whole().Keys(ctx, kind); err != nil || len(keys) > 0 {
			return false
		}
	}
	return true
}
