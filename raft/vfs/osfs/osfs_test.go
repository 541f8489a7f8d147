package osfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"raftsim/raft/vfs"
	"raftsim/raft/vfs/osfs"
	"raftsim/raft/vfs/vfstest"
)

func TestConforms(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Subject {
		f := open(t, filepath.Join(t.TempDir(), "member"), osfs.Options{})
		return vfstest.Subject{FS: f, Settle: func() []vfs.Completion { return f.Poll(-1) }}
	})
}

func TestAsyncConforms(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Subject {
		f := open(t, filepath.Join(t.TempDir(), "member"), osfs.Options{Async: true})
		return vfstest.Subject{FS: f, Settle: func() []vfs.Completion { return settle(f) }}
	})
}

// settle waits for all that was submitted.
func settle(f *osfs.FS) (all []vfs.Completion) {
	for f.Pending() > 0 {
		<-f.Ready()
		all = append(all, f.Poll(-1)...)
	}
	return all
}

// open opens a directory for a test, which closes it at its end if it did not before.
func open(t *testing.T, dir string, o osfs.Options) *osfs.FS {
	t.Helper()
	f, err := osfs.OpenWith(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// What one process wrote another one finds, in the operating system's own files.
func TestFilesAreTheSystems(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "member")
	f := open(t, dir, osfs.Options{})
	file, err := f.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != "hello" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, osfs.Options{})
	if names, err := again.List(); err != nil || len(names) != 1 || names[0] != "a" {
		t.Errorf("names %v, %v", names, err)
	}
}

// Syncs wait for Poll, and are carried out few at a time if that is asked for.
func TestPollInParts(t *testing.T) {
	f := open(t, t.TempDir(), osfs.Options{})
	for ticket := range vfs.Ticket(5) {
		f.SyncDir(ticket)
	}
	next := vfs.Ticket(0)
	for _, n := range []int{0, 2, 1, -1, -1} {
		before := f.Pending()
		got := f.Poll(n)
		if f.Pending() != before-len(got) || n >= 0 && len(got) != n {
			t.Errorf("a poll of %d of %d returned %d and left %d", n, before, len(got), f.Pending())
		}
		for _, c := range got {
			if c.Ticket != next || c.Err != nil {
				t.Errorf("completion %+v, want ticket %d", c, next)
			}
			next++
		}
	}
	if next != 5 {
		t.Errorf("%d completions, want 5", next)
	}
}

func TestNoSuchParent(t *testing.T) {
	if _, err := osfs.Open(filepath.Join(t.TempDir(), "missing", "member")); err == nil {
		t.Error("opened in a directory that does not exist")
	}
}

// A directory belongs to one FS at a time, and the lock is nobody else's file.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "member")
	f := open(t, dir, osfs.Options{})
	for _, o := range []osfs.Options{{}, {Async: true}} {
		if _, err := osfs.OpenWith(dir, o); !errors.Is(err, osfs.ErrLocked) || !strings.Contains(err.Error(), dir) {
			t.Errorf("opened twice: %v", err)
		}
	}
	if names, err := f.List(); err != nil || len(names) > 0 {
		t.Errorf("a new directory has %v, %v", names, err)
	}
	if _, err := f.Create(osfs.LockName); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the lock can be made a file: %v", err)
	}
	if _, err := f.Open(osfs.LockName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock can be opened: %v", err)
	}
	if err := f.Remove(osfs.LockName); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock can be removed: %v", err)
	}
	if _, err := f.Create("a"); err != nil {
		t.Fatal(err)
	}
	if err := f.Rename("a", osfs.LockName); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the lock can be replaced: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	open(t, dir, osfs.Options{Async: true})
}

// A lock ends with its process, whatever way that ends.
func TestLockOfAnotherProcess(t *testing.T) {
	if dir := os.Getenv("OSFS_TEST_LOCK"); dir != "" {
		if _, err := osfs.Open(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed
		os.Exit(0)
	}
	switch runtime.GOOS {
	case "darwin", "dragonfly", "freebsd", "illumos", "linux", "netbsd", "openbsd":
	default:
		return // there the file is the lock, and stays
	}
	dir := filepath.Join(t.TempDir(), "member")
	child := exec.Command(os.Args[0], "-test.run=^TestLockOfAnotherProcess$")
	child.Env = append(os.Environ(), "OSFS_TEST_LOCK="+dir)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	if _, err := osfs.Open(dir); !errors.Is(err, osfs.ErrLocked) {
		t.Errorf("opened while another process has it: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	open(t, dir, osfs.Options{})
}

func TestNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := osfs.Open(path); !errors.Is(err, osfs.ErrNoDirectory) || !strings.Contains(err.Error(), path) {
		t.Errorf("opened a file: %v", err)
	}
}

// While the disk takes its time the owner goes on: it polls, writes and submits. What it submitted completes in order.
func TestAsyncOwnerGoesOn(t *testing.T) {
	f := open(t, t.TempDir(), osfs.Options{Async: true})
	begun, proceed := make(chan vfs.Ticket), make(chan struct{})
	f.SlowDown(func(ticket vfs.Ticket) {
		begun <- ticket
		<-proceed
	})
	file, err := f.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	file.Sync(1)
	if got := <-begun; got != 1 {
		t.Fatalf("ticket %d first", got)
	}
	if _, err := file.WriteAt([]byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	file.Sync(2)
	f.SyncDir(3)
	if err := file.Close(); err != nil { // cancels nothing
		t.Fatal(err)
	}
	if got := f.Poll(-1); len(got) != 0 || f.Pending() != 3 {
		t.Errorf("polled %v, %d pending, while the disk is at work on the first of three", got, f.Pending())
	}
	select {
	case <-f.Ready():
		t.Error("ready with nothing done")
	default:
	}
	for want := vfs.Ticket(1); want <= 3; want++ {
		proceed <- struct{}{}
		if want < 3 {
			if got := <-begun; got != want+1 { // so the one before is done
				t.Fatalf("ticket %d after %d", got, want)
			}
		}
		<-f.Ready()
		got := f.Poll(-1)
		if len(got) != 1 || got[0].Ticket != want || got[0].Err != nil || f.Pending() != 3-int(want) {
			t.Errorf("polled %v, %d pending, want ticket %d", got, f.Pending(), want)
		}
	}
	// Several are done, and are polled one by one: Ready goes on saying so.
	for ticket := vfs.Ticket(4); ticket <= 6; ticket++ {
		f.SyncDir(ticket)
	}
	for range 3 {
		<-begun
		proceed <- struct{}{}
	}
	for want := vfs.Ticket(4); want <= 6; {
		<-f.Ready()
		for _, c := range f.Poll(1) {
			if c.Ticket != want {
				t.Errorf("ticket %d, want %d", c.Ticket, want)
			}
			want++
		}
	}
}

// Closing waits for the sync under way: until then the directory is in use.
func TestAsyncClose(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, osfs.Options{Async: true})
	begun, proceed := make(chan vfs.Ticket, 3), make(chan struct{})
	f.SlowDown(func(ticket vfs.Ticket) {
		begun <- ticket
		<-proceed
	})
	file, err := f.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	file.Sync(1)
	<-begun
	file.Sync(2)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- f.Close() }()
	if _, err := osfs.Open(dir); !errors.Is(err, osfs.ErrLocked) {
		t.Errorf("opened while a sync is under way: %v", err)
	}
	close(proceed)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	open(t, dir, osfs.Options{})
}
