package main

import (
	"fmt"
	"syscall"
)

// capabilityDrop is PR_CAPBSET_DROP of prctl(2), which package syscall lacks.
const capabilityDrop = 24

// dropped are the capabilities that no process of a node has, not even one of a
// privileged pod, by their numbers in linux/capability.h. Kubernetes needs none
// of them, and all of them concern the whole machine.
var dropped = map[string]uintptr{
	"CAP_SYS_MODULE":    16, // loads kernel modules
	"CAP_SYS_RAWIO":     17, // reads and writes memory and ports
	"CAP_SYS_BOOT":      22, // loads another kernel
	"CAP_SYS_TIME":      25, // sets the clock
	"CAP_AUDIT_CONTROL": 30,
	"CAP_MAC_OVERRIDE":  32,
	"CAP_MAC_ADMIN":     33,
	"CAP_WAKE_ALARM":    35,
	"CAP_BLOCK_SUSPEND": 36,
}

// dropCapabilities removes the capabilities from those that programs started by
// this thread can have.
func dropCapabilities() error {
	for name, number := range dropped {
		// EINVAL: this kernel does not know the capability.
		if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, capabilityDrop, number, 0); err != 0 && err != syscall.EINVAL {
			return fmt.Errorf("cannot drop %s: %w", name, err)
		}
	}
	return nil
}
