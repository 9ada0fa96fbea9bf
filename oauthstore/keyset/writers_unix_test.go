//go:build unix

package keyset

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// stranger is a user and group that nothing belongs to.
const stranger = 54321

// readAsVariable makes the test binary read the keyset that it names, and report
// the error.
const readAsVariable = "TOOLGRANT_TEST_READ_KEYSET"

func TestAKeysetThatOthersCanWriteIsNotRead(t *testing.T) {
	t.Parallel()
	root := os.Geteuid() == 0
	for name, tt := range map[string]struct {
		change func(t *testing.T, dir, file string)
		why    string // "" if it is read
		root   bool   // only root can prepare it
	}{
		"as it was created":                      {func(*testing.T, string, string) {}, "", false},
		"readable by all":                        {modes(0o755, 0o644), "", false},
		"writable by all":                        {modes(0o755, 0o666), "keyset.json is writable by all users", false},
		"writable by all, not readable":          {modes(0o700, 0o602), "keyset.json is writable by all users", false},
		"in a folder writable by all":            {modes(0o777, 0o600), "inner is writable by all users", false},
		"in a sticky folder":                     {modes(0o777|fs.ModeSticky, 0o600), "", false},
		"writable by all, sticky":                {modes(0o777|fs.ModeSticky, 0o666|fs.ModeSticky), "keyset.json is writable by all users", false},
		"writable by a group":                    {groups(stranger, 0o700, 0o660), "keyset.json is writable by group 54321", true},
		"in a folder writable by a group":        {groups(stranger, 0o770, 0o600), "inner is writable by group 54321", true},
		"writable by a group of this user alone": {groups(0, 0o770, 0o660), "", true},
		"readable by a group":                    {groups(stranger, 0o750, 0o640), "", true},
		"of another user":                        {owner("file"), "keyset.json belongs to user 54321", true},
		"in a folder of another user":            {owner("dir"), "inner belongs to user 54321", true},
		"in a folder above that all can write": {func(t *testing.T, dir, _ string) {
			t.Helper()
			require.NoError(t, os.Chmod(filepath.Dir(dir), 0o777))
		}, "outer is writable by all users", false},
		"behind a link in a folder that all can write": {func(t *testing.T, dir, file string) {
			t.Helper()
			open := filepath.Join(filepath.Dir(dir), "open")
			require.NoError(t, os.Mkdir(open, 0o700))
			require.NoError(t, os.Rename(file, filepath.Join(open, "k")))
			require.NoError(t, os.Chmod(open, 0o777))
			require.NoError(t, os.Symlink("../open/k", file))
		}, "open is writable by all users", false},
		"as Kubernetes mounts secrets": {func(t *testing.T, dir, file string) {
			t.Helper()
			version := filepath.Join(dir, "..2026_11_28")
			require.NoError(t, os.Mkdir(version, 0o755))
			require.NoError(t, os.Rename(file, filepath.Join(version, "keyset.json")))
			require.NoError(t, os.Chmod(filepath.Join(version, "keyset.json"), 0o440))
			require.NoError(t, os.Symlink("..2026_11_28", filepath.Join(dir, "..data")))
			require.NoError(t, os.Symlink("..data/keyset.json", file))
			require.NoError(t, os.Chmod(dir, 0o777|fs.ModeSticky|fs.ModeSetgid))
		}, "", false},
		"a link of another user": {func(t *testing.T, dir, file string) {
			t.Helper()
			require.NoError(t, os.Rename(file, filepath.Join(dir, "k")))
			require.NoError(t, os.Symlink("k", file))
			require.NoError(t, os.Lchown(file, stranger, stranger))
		}, "keyset.json belongs to user 54321", true},
		"a link to itself": {func(t *testing.T, _, file string) {
			t.Helper()
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.Symlink("keyset.json", file))
		}, "too many levels", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.root && !root {
				t.Skip("needs root to give files away")
			}
			dir := filepath.Join(t.TempDir(), "outer", "inner")
			file := filepath.Join(dir, "keyset.json")
			_, err := Create(t.Context(), File(file), nil)
			require.NoError(t, err)
			tt.change(t, dir, file)
			_, err = File(file).Read(t.Context())
			if tt.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.why)
			if !strings.Contains(tt.why, "levels") {
				require.ErrorIs(t, err, backend.ErrKeyUnavailable)
			}
		})
	}
}

func modes(dir, file fs.FileMode) func(*testing.T, string, string) {
	return func(t *testing.T, d, f string) {
		t.Helper()
		require.NoError(t, os.Chmod(f, file))
		require.NoError(t, os.Chmod(d, dir))
	}
}

func groups(gid int, dir, file fs.FileMode) func(*testing.T, string, string) {
	return func(t *testing.T, d, f string) {
		t.Helper()
		require.NoError(t, os.Chown(f, -1, gid))
		require.NoError(t, os.Chown(d, -1, gid))
		modes(dir, file)(t, d, f)
	}
}

func owner(which string) func(*testing.T, string, string) {
	return func(t *testing.T, d, f string) {
		t.Helper()
		path := map[string]string{"file": f, "dir": d}[which]
		require.NoError(t, os.Chown(path, stranger, stranger))
	}
}

func TestARewrittenFileKeepsItsOwnerAndMode(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	gid := os.Getegid()
	if os.Geteuid() == 0 {
		gid = stranger
		require.NoError(t, os.Chown(string(f), -1, gid))
	}
	require.NoError(t, os.Chmod(string(f), 0o640))
	_, err := Update(t.Context(), f, nil, func(s *Set) error { _, err := s.Add(); return err })
	require.NoError(t, err)
	info, err := os.Stat(string(f))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	assert.EqualValues(t, gid, stat.Gid)
}

func TestAKeysetOfRootIsReadByAService(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	f := newFile(t)
	for dir := filepath.Dir(string(f)); dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Chown(string(f), 0, stranger))
	require.NoError(t, os.Chmod(string(f), 0o640))
	read := func(uid, gid uint32) string {
		// The binary's own folder may be closed to others.
		bin := filepath.Join(filepath.Dir(string(f)), "reader"+strconv.Itoa(int(uid)))
		text, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(bin, text, 0o755))
		cmd := exec.CommandContext(t.Context(), bin)
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), readAsVariable+"="+string(f))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	assert.Equal(t, "read", read(stranger, stranger))
	assert.Contains(t, read(stranger+1, stranger+1), "permission denied")
	// A file of its own is its own; to others it is one that its owner can write.
	require.NoError(t, os.Chown(string(f), stranger, stranger))
	require.NoError(t, os.Chmod(string(f), 0o644))
	assert.Equal(t, "read", read(stranger, stranger))
	assert.Contains(t, read(stranger+1, stranger+1), "belongs to user 54321")
}

func TestAFileOnAReadOnlyMountIsReadWhateverItsMode(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	dir := filepath.Dir(string(f))
	assert.Equal(t, "read", readMounted(t, f, dir, func() {
		require.NoError(t, os.Chmod(string(f), 0o666))
		require.NoError(t, os.Chown(string(f), stranger, stranger))
	}))
}

// Whoever can write to the folder of a link can replace the link.
func TestALinkOntoAReadOnlyMountIsCheckedAsItself(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mode  fs.FileMode // of the link's folder
		owner int         // of the link
		want  string
	}{
		"in a folder of this user":         {0o755, 0, "read"},
		"in a folder writable by all":      {0o777, 0, "open is writable by all users"},
		"in a folder that a group has":     {0o775, 0, "open is writable by group 54321"},
		"in a sticky folder":               {0o777 | fs.ModeSticky, 0, "read"},
		"of another user in such a folder": {0o777 | fs.ModeSticky, stranger, "keyset.json belongs to user 54321"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFile(t)
			dir := filepath.Dir(string(f))
			open := filepath.Join(filepath.Dir(dir), "open")
			require.NoError(t, os.Mkdir(open, 0o700))
			link := File(filepath.Join(open, "keyset.json"))
			require.NoError(t, os.Symlink(string(f), string(link)))
			assert.Contains(t, readMounted(t, link, dir, func() {
				require.NoError(t, os.Lchown(string(link), tt.owner, -1))
				require.NoError(t, os.Chown(open, -1, stranger))
				require.NoError(t, os.Chmod(open, tt.mode))
			}), tt.want)
		})
	}
}

// As Kubernetes mounts secrets, with links on the mount itself.
func TestALinkOnAReadOnlyMountIsReadWhateverItsOwner(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	dir := filepath.Dir(string(f))
	assert.Equal(t, "read", readMounted(t, f, dir, func() {
		data := filepath.Join(dir, "..data")
		require.NoError(t, os.Rename(string(f), data))
		require.NoError(t, os.Symlink("..data", string(f)))
		require.NoError(t, os.Lchown(string(f), stranger, stranger))
		require.NoError(t, os.Chown(data, stranger, stranger))
		require.NoError(t, os.Chmod(dir, 0o777))
	}))
}

// readMounted reads a file as a process for which dir, after it was prepared, is
// mounted read-only.
func readMounted(t *testing.T, f File, dir string, prepare func()) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	prepare()
	// A mount namespace of its own, which ends with the process.
	script := `mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2"`
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", script, "sh", dir, os.Args[0])
	cmd.Env = append(os.Environ(), readAsVariable+"="+string(f))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("cannot mount here: %s", out)
	}
	return string(out)
}
