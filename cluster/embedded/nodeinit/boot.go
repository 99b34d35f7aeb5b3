package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// pollInterval is the time between two checks of a condition. A dial on the
// same machine takes microseconds, so the checks can be frequent.
const pollInterval = 10 * time.Millisecond

// addressTimeout is how long the node waits for its network.
const addressTimeout = time.Minute

// boot is a node's first process. It sets up the node and keeps the node's
// programs running until it is told to stop.
func boot(args []string, _, stderr io.Writer) int {
	if len(args) != 1 {
		return fail(stderr, errors.New("boot needs a specification"))
	}
	if os.Getpid() != 1 {
		return fail(stderr, errors.New("boot must be the first process of a PID namespace; use launch"))
	}
	spec, err := readSpec(args[0])
	if err == nil {
		err = becomeNode(spec)
	}
	if err := tellLauncher(err); err != nil {
		return fail(stderr, err)
	}
	if err == nil {
		err = joinNetwork(spec)
	}
	if err != nil {
		return fail(stderr, err)
	}
	newSupervisor(spec, stderr).run()
	return 0
}

// tellLauncher writes the answer for `launch`, which reads it from file 3.
func tellLauncher(outcome error) error {
	report := os.NewFile(3, "launcher")
	defer report.Close()
	answer := rootReady
	if outcome != nil {
		answer = outcome.Error()
	}
	_, err := report.WriteString(answer)
	return err
}

// becomeNode sets up the namespaces that this process was started in as the
// node's, except for the network.
func becomeNode(spec *Spec) error {
	if err := syscall.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("cannot set host name %s: %w", spec.Hostname, err)
	}
	return enterRoot(spec)
}

// joinNetwork waits until the node has its network, then sets it up.
func joinNetwork(spec *Spec) error {
	if err := waitAddress(spec.Address, addressTimeout); err != nil {
		return err
	}
	for path, value := range spec.Sysctls {
		if err := os.WriteFile(filepath.Join("/proc/sys", path), []byte(value), 0o644); err != nil {
			return fmt.Errorf("cannot set %s to %s: %w", path, value, err)
		}
	}
	return nil
}

// waitAddress waits until an interface has the address.
func waitAddress(address string, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
		addresses, err := net.InterfaceAddrs()
		if err != nil {
			return err
		}
		for _, candidate := range addresses {
			if network, ok := candidate.(*net.IPNet); ok && network.IP.String() == address {
				return nil
			}
		}
	}
	return fmt.Errorf("no interface got address %s within %s", address, timeout)
}

// holds reports whether a condition is met.
func (c Condition) holds() bool {
	switch {
	case c.Unix != "":
		return dials("unix", c.Unix)
	case c.TCP != "":
		return dials("tcp", c.TCP)
	default:
		_, err := os.Stat(c.File)
		return err == nil
	}
}

func dials(network, address string) bool {
	connection, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}
