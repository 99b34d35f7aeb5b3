// Command kube holds every Kubernetes program of an embedded cluster in one
// executable. It acts as the program whose name it is called by (a symbolic
// link), or, when called by its own name, as the one named by its first
// argument: one file to build, to cache and to keep in the page cache.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args, os.Stderr))
}

// run picks the program for args (args[0] is the name that was called) and
// returns its exit code; 2 with the list of programs when none matches.
func run(args []string, stderr io.Writer) int {
	chosen, rest, ok := choose(programs(), args)
	if !ok {
		fmt.Fprint(stderr, usage(programs()))
		return 2
	}
	// The programs' command libraries read os.Args themselves.
	os.Args = append([]string{chosen.name}, rest...)
	return chosen.run()
}

// choose returns the program that args ask for and the arguments it gets.
func choose(table []program, args []string) (program, []string, bool) {
	if len(args) == 0 {
		return program{}, nil, false
	}
	if found, ok := lookup(table, filepath.Base(args[0])); ok {
		return found, args[1:], true
	}
	if len(args) > 1 {
		if found, ok := lookup(table, args[1]); ok {
			return found, args[2:], true
		}
	}
	return program{}, nil, false
}

func lookup(table []program, name string) (program, bool) {
	for _, candidate := range table {
		if candidate.name == name {
			return candidate, true
		}
	}
	return program{}, false
}
