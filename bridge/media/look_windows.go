package media

import "os"

// look tells what an open file is like now, and that it has one name. What is known here is neither a number nor a time of change of its own.
func look(path string, file *os.File) (s Seen, names uint64, err error) {
	info, err := file.Stat()
	if err != nil {
		return s, 1, err
	}
	if !info.Mode().IsRegular() {
		err = errIrregular
	}
	return Seen{Path: path, Size: info.Size(), ModTime: info.ModTime().UTC(), ChangeTime: info.ModTime().UTC()}, 1, err
}
