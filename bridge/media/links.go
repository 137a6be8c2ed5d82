package media

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxLinks = 40 // on the way to one file, as Linux has it: https://man7.org/linux/man-pages/man7/path_resolution.7.html
	maxHops  = 8  // from one media folder to the next
)

// leads returns where a path leads that goes into another media folder by way of symbolic links, "" for every other. It looks at the links
// alone and never at what they lead to, so that another folder which does not answer hangs none of this one's calls. real is where the
// folder is.
func (one *folder) leads(real, path string) string {
	for range maxLinks {
		if path = firstLink(real, cmp.Or(relative(one.given, path), relative(real, path))); path == "" {
			return ""
		}
		if in := one.of(path); in == nil { // outside, from where another link may lead back
			return ""
		} else if in != one {
			return path
		}
	}
	return ""
}

// firstLink returns the path on which rel goes on below dir after its first symbolic link, "" when there is none. dir has none in its name.
func firstLink(dir, rel string) string {
	for rel != "" && rel != "." {
		part, rest, _ := strings.Cut(rel, string(filepath.Separator))
		name := filepath.Join(dir, part)
		if to, err := os.Readlink(name); err == nil {
			if !filepath.IsAbs(to) {
				to = filepath.Join(dir, to)
			}
			return filepath.Join(to, rest)
		}
		dir, rel = name, rest
	}
	return ""
}
