package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/archive"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
	"gphotos2mqtt/cmd/gphotos2mqtt/daemon"
)

func runImport(ctx context.Context, c call) (err error) {
	const anyKey, only = "--any-key", "--check"
	file, flags, err := fileOf(c.args, anyKey, only)
	if err != nil {
		return err
	}
	settings, err := config.ReadStore(c.environ)
	if err != nil {
		return usageError{err}
	}
	cfg := archive.Config{AnyKey: flags[anyKey]}
	if cfg.Key, err = keyThere(settings); err != nil {
		return err
	}
	in := c.stdin
	if file != standard {
		f, err := os.Open(file)
		if err != nil {
			return usageError{err}
		}
		defer f.Close() //nolint:errcheck // only read from
		in = f
	}
	name := "the file"
	if !flags[only] {
		s, err := openStore(ctx, c, settings, true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		cfg.Store, cfg.Claim, name = s.Store, s.claim, s.name
	}
	sum, err := archive.Import(ctx, in, cfg)
	switch {
	case errors.Is(err, secret.ErrOtherKey):
		return fmt.Errorf("nothing is imported: %w. Set %sSECRET_KEY to that of the bridge that was exported, or put its secret.key into %s. "+
			"Without it use %s: then every account is to be linked again, and what was sent in part is sent from its beginning",
			err, config.Prefix, settings.DataDir, anyKey)
	case errors.Is(err, archive.ErrNotEmpty):
		return fmt.Errorf("nothing is imported into %s: %w; set %sDATA_DIR to an empty folder, or %[3]sNATS_PREFIX to another prefix",
			name, err, config.Prefix)
	case err != nil:
		return fmt.Errorf("nothing is imported: %w", err)
	case flags[only]:
		_, err = fmt.Fprintf(c.stdout, "the export is whole: %s\n", sum)
		return err
	}
	_, err = fmt.Fprintf(c.stdout, "imported into %s: %s\n", name, sum)
	return err
}

// keyThere is the key that the bridge would use; unlike it, it makes none: nothing is sealed with that.
func keyThere(c config.Config) (secret.Key, error) {
	if _, err := os.Stat(filepath.Join(c.DataDir, daemon.KeyFile)); c.SecretKey == "" && errors.Is(err, fs.ErrNotExist) {
		return secret.Key{}, nil
	}
	return daemon.Key(c)
}
