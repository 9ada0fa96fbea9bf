package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Make makes dir and the parents that are missing with mode 0700, and syncs
// each into its parent, so that what is written into it later is not lost with
// it at a loss of power. A folder that exists is left as it is.
func Make(dir string) error {
	dir = filepath.Clean(dir)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a directory")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := Make(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(parent)
	if err != nil {
		return err
	}
	_ = d.Sync() // some systems can't sync a folder
	return d.Close()
}
