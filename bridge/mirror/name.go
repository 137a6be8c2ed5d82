package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const longestName = 120 // bytes of a title or a name in a path; file systems take 255

// endings are those by which a player knows what Google gives: videos are always MP4, whatever they were, and not every name has an ending.
var endings = map[string]string{
	"video/mp4": ".mp4", "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/heic": ".heic",
	"image/heif": ".heif", "image/avif": ".avif", "image/bmp": ".bmp", "image/tiff": ".tif",
}

// typeOf is the type of a file that was named by it.
func typeOf(path string) string {
	for mimeType, ending := range endings {
		if ending == filepath.Ext(path) {
			return mimeType
		}
	}
	return ""
}

func (m *Mirror) folder(a Album) string { return filepath.Join(m.cfg.Folder, clean(a.Title, "Album")) }

// free returns a path in the folder for an item, its own when it was there before, that neither a file nor the record has.
func (m *Mirror) free(ctx context.Context, folder string, w want, mimeType string) string {
	if w.file.Path != "" {
		return w.file.Path
	}
	ending := strings.ToLower(filepath.Ext(w.item.FileName))
	name := strings.TrimSuffix(w.item.FileName, filepath.Ext(w.item.FileName))
	if of := endings[mimeType]; of != "" && (ending == "" || w.item.IsVideo()) {
		ending = of
	}
	name = w.item.Created.Local().Format("2006-01-02 15.04.05 ") + clean(name, "item") //nolint:gosmopolitan // people look for their own time
	path := filepath.Join(folder, name+ending)
	if m.taken(ctx, path) {
		sum := sha256.Sum256([]byte(w.item.ID))
		path = filepath.Join(folder, name+" "+hex.EncodeToString(sum[:4])+ending)
	}
	return path
}

func (m *Mirror) taken(ctx context.Context, path string) bool {
	for _, files := range m.albums {
		for _, f := range files {
			if strings.EqualFold(f.Path, path) {
				return true
			}
		}
	}
	return m.cfg.Media.Exists(ctx, path)
}

// clean makes of a title one level of a path that any system can share. No file is hidden.
func clean(title, otherwise string) string {
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(title, "_"))
	title = strings.Trim(title, ". ")
	for len(title) > longestName {
		_, size := utf8.DecodeLastRuneInString(title)
		title = title[:len(title)-size]
	}
	if title = strings.Trim(title, ". "); title == "" {
		return otherwise
	}
	return title
}
