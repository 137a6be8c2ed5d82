package media

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"gphotos2mqtt/mqttapi"
)

var (
	errIrregular = errors.New("not a regular file")
	errOutside   = errors.New("outside the media folders")
)

// explain says what an error about a path means for who named it; what passes stays as it is.
func (f *Folders) explain(path string, err error) error {
	if _, passes := errors.AsType[*UnavailableError](err); passes || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	pathErr, ok := errors.AsType[*fs.PathError](err)
	escapes := ok && strings.Contains(pathErr.Err.Error(), "escapes") // a root refused what leads outside
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return because(mqttapi.CodeNotFound, "There is no file %s.", path)
	case errors.Is(err, syscall.ENAMETOOLONG):
		return because(mqttapi.CodeNotFound, "There is no file %s: the name is too long.", path)
	case errors.Is(err, errIrregular):
		return because(mqttapi.CodeUnreadable, "%s is not a regular file: folders, pipes and devices are not uploaded.", path)
	case errors.Is(err, fs.ErrPermission):
		return because(mqttapi.CodeUnreadable, "%s may not be read by the bridge: check its permissions.", path)
	case errors.Is(err, errOutside), escapes:
		return f.outside(path)
	}
	return because(mqttapi.CodeUnreadable, "%s cannot be read.", path)
}

func (f *Folders) outside(path string) *mqttapi.Error {
	if len(f.all) == 0 {
		return because(mqttapi.CodeNotAllowed, "No media folder is configured: set GPHOTOS_MEDIA_DIRS to the folder that holds %s.", path)
	}
	return because(mqttapi.CodeNotAllowed, "%s is outside the media folders; only files below them (GPHOTOS_MEDIA_DIRS) are read.", path)
}

func because(code mqttapi.Code, format, path string) *mqttapi.Error {
	return mqttapi.Errorf(code, format, Shorten(path))
}

// Shorten cuts a path or name that came from outside to what a message can bear.
func Shorten(path string) string {
	if len(path) > 120 {
		return path[:120] + "…"
	}
	return path
}
