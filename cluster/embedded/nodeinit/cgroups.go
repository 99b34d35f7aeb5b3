package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// enterCgroups moves this process into the node's groups, which become the
// roots of the cgroup namespace that it creates next. Nothing in the node then
// names a group of the host or of another node.
func enterCgroups(spec *Spec) error {
	for _, folder := range spec.Cgroups {
		if err := joinCgroup(folder, 0); err != nil {
			return err
		}
	}
	return nil
}

// leaveCgroups moves the node's first process and this one into the leaf below
// each of the node's groups, and passes the controllers of version 2 groups on
// to their children. The kernel does that only for a group without processes.
func leaveCgroups(spec *Spec, node int) error {
	for _, folder := range spec.Cgroups {
		for _, pid := range []int{node, 0} {
			if err := joinCgroup(filepath.Join(folder, spec.Leaf), pid); err != nil {
				return err
			}
		}
		if err := passOn(folder); err != nil {
			return err
		}
	}
	return nil
}

// joinCgroup moves a process into a cgroup. The kernel reads 0 as the process
// that writes.
func joinCgroup(folder string, pid int) error {
	path := filepath.Join(folder, "cgroup.procs")
	if err := os.WriteFile(path, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return fmt.Errorf("cannot join cgroup %s: %w", folder, err)
	}
	return nil
}

// passOn gives the children of a group all of its controllers. A group of
// version 1 does not have the file that lists them.
func passOn(folder string) error {
	content, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	controllers := strings.Fields(string(content))
	if len(controllers) == 0 {
		return nil
	}
	wanted := "+" + strings.Join(controllers, " +")
	if err := os.WriteFile(filepath.Join(folder, "cgroup.subtree_control"), []byte(wanted), 0o644); err != nil {
		return fmt.Errorf("cannot pass the controllers %s of cgroup %s on: %w", strings.Join(controllers, ", "), folder, err)
	}
	return nil
}
