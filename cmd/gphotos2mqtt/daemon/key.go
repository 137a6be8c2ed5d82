package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// KeyFile is the file of the key in the data folder.
const KeyFile = "secret.key"

// Key is what seals links and secrets: that of the settings, or that of the data folder, where it makes one.
func Key(c config.Config) (secret.Key, error) {
	if c.SecretKey != "" {
		return secret.ReadKey(string(c.SecretKey))
	}
	var key secret.Key
	err := os.MkdirAll(c.DataDir, 0o700) // the first start; the store opens it later
	if err == nil {
		key, err = secret.KeyFile(filepath.Join(c.DataDir, KeyFile))
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("the data folder cannot be written: %s: %w", WriteAdvice(c.DataDir), err)
	}
	return key, err
}

// WriteAdvice says how the data folder gets to be the bridge's.
func WriteAdvice(dir string) string {
	id := os.Geteuid()
	if id < 0 { // Windows
		return fmt.Sprintf("let the user of the bridge write to %s, or set %sDATA_DIR to another folder", dir, config.Prefix)
	}
	return fmt.Sprintf("give user %d write access to it, as in chown -R %[1]d %s, or set %sDATA_DIR to another folder", id, dir, config.Prefix)
}
