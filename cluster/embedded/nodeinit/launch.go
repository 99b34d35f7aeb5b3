package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// rootReady is what boot tells launch once the node has its own root; anything
// else is the reason why it has none.
const rootReady = "ready"

// namespaces are what makes a process tree a node of its own. The cgroup
// namespace is shared: kubelet is given its folder by full name.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
	syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// launch starts `boot` in new namespaces, waits until the node has its own
// root, prints its process id as the host sees it, and leaves it running.
func launch(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		return fail(stderr, errors.New("launch needs a specification and a log file"))
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
	// A session of its own: the terminal's Ctrl-C must not reach a node.
	node.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	report, boots, err := os.Pipe()
	if err != nil {
		return fail(stderr, err)
	}
	node.ExtraFiles = []*os.File{boots} // becomes file 3
	if err := node.Start(); err != nil {
		return fail(stderr, fmt.Errorf("cannot start a process in new namespaces: %w", err))
	}
	boots.Close()
	// Whoever enters the node before it has its root would work on the host's.
	answer, err := io.ReadAll(report)
	if err != nil || string(answer) != rootReady {
		_ = node.Wait()
		return fail(stderr, fmt.Errorf("the node did not start: %s", answer))
	}
	fmt.Fprintln(stdout, node.Process.Pid)
	return 0
}
