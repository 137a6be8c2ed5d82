package media

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// spelled returns the path of an existing file of the folder whose name differs from name in nothing but how Unicode writes letters with
// marks: Macs and some shares decompose them (NFD), most else composes them (NFC). Each folder on the way may be written in its own way.
// "" when there is none. Source: https://www.unicode.org/reports/tr15/
func (one *folder) spelled(name string) string {
	composed := norm.NFC.String(name)
	if composed == norm.NFD.String(name) { // as is all of ASCII
		return ""
	}
	for _, dir := range []string{one.given, *one.real.Load()} {
		rel := relative(norm.NFC.String(dir), composed)
		if rel == "" {
			continue
		}
		for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
			dir = entry(dir, part)
		}
		if dir != "" {
			return dir
		}
	}
	return ""
}

// entry returns the path of what a folder holds under a name in either form, "" when there is nothing.
func entry(dir, name string) string {
	if dir != "" {
		for _, form := range []norm.Form{norm.NFC, norm.NFD} {
			path := filepath.Join(dir, form.String(name))
			if _, err := os.Lstat(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// holds reports whether a path lies below the folder by its name, in either form.
func (one *folder) holds(path string) bool {
	composed := norm.NFC.String(path)
	return relative(norm.NFC.String(one.given), composed) != "" || relative(norm.NFC.String(*one.real.Load()), composed) != ""
}
