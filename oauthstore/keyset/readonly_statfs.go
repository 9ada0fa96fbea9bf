//go:build darwin || freebsd || linux

package keyset

import "syscall"

// mountedReadOnly is ST_RDONLY and MNT_RDONLY.
const mountedReadOnly = 1

// readOnly reports whether path leads into a mount that is read-only. It follows
// links.
func readOnly(path string) bool {
	var fs syscall.Statfs_t
	return syscall.Statfs(path, &fs) == nil && fs.Flags&mountedReadOnly != 0
}
