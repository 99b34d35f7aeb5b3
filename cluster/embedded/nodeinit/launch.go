package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// rootReady is what boot writes to launch when the node has its own root; any
// other text is the error.
const rootReady = "ready"

// namespaces are the namespaces of a node. The root of the cgroup namespace is
// the group of the process that creates it; see enterCgroups.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
	syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWCGROUP

// launch starts `boot` in new namespaces, waits until the node has its own
// root, prints the process ID in the host's namespace, and leaves it running.
func launch(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		return fail(stderr, errors.New("launch needs a specification and a log file"))
	}
	spec, err := readSpec(args[0])
	if err != nil {
		return fail(stderr, err)
	}
	log, err := os.OpenFile(args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fail(stderr, err)
	}
	defer log.Close()
	node := exec.Command("/proc/self/exe", "boot", args[0])
	node.Args[0] = "nodeinit"
	node.Stdout, node.Stderr = log, log
	node.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	node.Dir = "/"
	// In its own session the node does not get the terminal's Ctrl-C.
	node.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	report, boots, err := os.Pipe()
	if err != nil {
		return fail(stderr, err)
	}
	node.ExtraFiles = []*os.File{boots} // becomes file 3
	// The new process inherits the capabilities of the thread that starts it.
	runtime.LockOSThread()
	if err := enterCgroups(spec); err != nil {
		return fail(stderr, err)
	}
	if err := dropCapabilities(); err != nil {
		return fail(stderr, err)
	}
	if err := node.Start(); err != nil {
		return fail(stderr, fmt.Errorf("cannot start a process in new namespaces: %w", err))
	}
	boots.Close()
	if err := leaveCgroups(spec, node.Process.Pid); err != nil {
		_ = node.Process.Kill()
		_ = node.Wait()
		return fail(stderr, err)
	}
	// A process that enters the node before it has its root would see the host's.
	answer, err := io.ReadAll(report)
	if err != nil || string(answer) != rootReady {
		_ = node.Wait()
		return fail(stderr, fmt.Errorf("the node did not start: %s", answer))
	}
	fmt.Fprintln(stdout, node.Process.Pid)
	return 0
}
