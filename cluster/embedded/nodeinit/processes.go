package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// shimName is the name of containerd's process for one pod, cut by the kernel
// to 15 characters.
const shimName = "containerd-shim"

// processes returns the node's processes except the first: ID -> name.
func processes(proc string) map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == 1 {
			continue
		}
		status, err := os.ReadFile(filepath.Join(proc, entry.Name(), "stat"))
		if err != nil {
			continue // has ended
		}
		if name, alive := parseStat(string(status)); alive {
			found[pid] = name
		}
	}
	return found
}

// parseStat reads the name from a /proc/PID/stat line ("PID (NAME) STATE …").
// A name can have spaces and parentheses, so the last ")" ends it.
func parseStat(line string) (name string, alive bool) {
	open, close := strings.Index(line, "("), strings.LastIndex(line, ")")
	if open < 0 || close < open || len(line) < close+3 {
		return "", false
	}
	state := line[close+2]
	return line[open+1 : close], state != 'Z' && state != 'X'
}

// onlyShimsLeft reports whether only container shims still run. They ignore
// SIGTERM and end with the namespace.
func onlyShimsLeft() bool {
	for _, name := range processes("/proc") {
		if name != shimName {
			return false
		}
	}
	return true
}
