// Command nodeinit is a small program in each node of an embedded cluster. It
// creates the node's namespaces, is the first process in them, and is also the
// process that holds a pod's namespaces open. It uses only the standard
// library, so that one copy per pod needs about a megabyte of memory.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// command is one entry of the dispatch table.
type command struct {
	name    string
	summary string
	run     func(args []string, stdout, stderr io.Writer) int
}

// commands is the table for both the dispatch and the usage text.
func commands() []command {
	return []command{
		{"launch", "SPEC LOG: starts a node in its own namespaces and prints its process ID", launch},
		{"boot", "SPEC: runs as the first process of a node", boot},
		{"resolve", "NAME SERVER TIMEOUT: asks a DNS server until it answers and prints the addresses", resolve},
		{"pause", "holds a pod's namespaces until it is told to stop", pause},
	}
}

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run chooses the command by the name that it was called by, then by the first argument.
func run(args []string, stdout, stderr io.Writer) int {
	for skip := range min(len(args), 2) {
		for _, entry := range commands() {
			if filepath.Base(args[skip]) == entry.name {
				return entry.run(args[skip+1:], stdout, stderr)
			}
		}
	}
	fmt.Fprint(stderr, usage())
	return 2
}

func usage() string {
	var text strings.Builder
	text.WriteString("usage: nodeinit COMMAND, with COMMAND one of\n")
	for _, entry := range commands() {
		fmt.Fprintf(&text, "  %-8s %s\n", entry.name, entry.summary)
	}
	return text.String()
}

// fail prints an error as all of Turnup's programs do, and returns exit code 1.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "ERROR: %v\n", err)
	return 1
}
