//go:build unix

package keyset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// maxLinks bounds the links of a path, as the kernel does.
const maxLinks = 40

// checkWriters returns an error if another user can write or replace the file.
// It walks the path from the root, through each link.
func checkWriters(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	rest := strings.Split(path, "/")[1:]
	for at, links := "/", 0; ; {
		info, err := os.Lstat(at) //nolint:gosec // the operator names the path
		if err != nil {
			return err
		}
		in := at
		if info.Mode()&fs.ModeSymlink != 0 {
			in = filepath.Dir(at) // readOnly would follow the link
		}
		if !readOnly(in) {
			if err := checkEntry(at, info); err != nil {
				return err
			}
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			rest = append(strings.Split(target, "/"), rest...)
			at = filepath.Dir(at)
			if filepath.IsAbs(target) {
				at = "/"
			}
		}
		if len(rest) == 0 {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// checkEntry checks one file, folder or link.
func checkEntry(path string, info fs.FileInfo) error {
	refuse := func(why, fix string) error {
		return fmt.Errorf("%w: others can replace the keyset: %s %s: %s", backend.ErrKeyUnavailable, path, why, fix)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.ErrUnsupported
	}
	if uid := os.Geteuid(); stat.Uid != 0 && int(stat.Uid) != uid {
		return refuse(fmt.Sprintf("belongs to user %d", stat.Uid), "chown it, or run as that user")
	}
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0, mode.IsDir() && mode&fs.ModeSticky != 0:
		return nil
	case mode.Perm()&0o002 != 0:
		return refuse("is writable by all users", "chmod o-w it")
	case mode.Perm()&0o020 != 0 && !privateGroup(stat.Gid):
		return refuse(fmt.Sprintf("is writable by group %d", stat.Gid), "chmod g-w it")
	}
	return nil
}

// privateGroup reports whether gid is the group that many systems make for each
// user: the user's primary group, with the user's name.
func privateGroup(gid uint32) bool {
	me, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil || me.Gid != strconv.FormatUint(uint64(gid), 10) {
		return false
	}
	group, err := user.LookupGroupId(me.Gid)
	return err == nil && group.Name == me.Username
}

// keepOwner gives file the owner and mode that another has.
func keepOwner(file *os.File, as fs.FileInfo) error {
	if stat, ok := as.Sys().(*syscall.Stat_t); ok {
		if err := file.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	return file.Chmod(as.Mode().Perm())
}
