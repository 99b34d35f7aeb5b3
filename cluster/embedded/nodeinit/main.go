// Command nodeinit is the small program inside each node of an embedded
// cluster: it makes the node's namespaces, is the first process in them, and
// is the process that holds a pod's namespaces open. It uses the standard
// library only, so that a copy per pod costs about a megabyte.
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

// commands is the one table from which dispatch and usage follow.
func commands() []command {
	return []command{
		{"launch", "SPEC LOG: starts a node in namespaces of its own and prints its process id", launch},
		{"boot", "SPEC: the first process of a node", boot},
		{"resolve", "NAME SERVER TIMEOUT: asks a DNS server until it answers and prints the addresses", resolve},
		{"pause", "holds a pod's namespaces until it is told to stop", pause},
	}
}

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run dispatches on the called name, then on the first argument.
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

// fail reports an error the way every Turnup tool does and returns exit code 1.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "ERROR: %v\n", err)
	return 1
}
