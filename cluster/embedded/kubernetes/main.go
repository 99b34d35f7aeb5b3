// Command kube holds every Kubernetes program of an embedded cluster in one
// executable. It acts as the program whose name it is called by (a symbolic
// link), or, when called by its own name, as the one named by its first
// argument: one file to build, to cache and to keep in the page cache.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"turnup/cluster/embedded/kubernetes/multicall"
)

func main() {
	table := programs()
	chosen, args, ok := multicall.Choose(table, os.Args)
	if !ok {
		fmt.Fprint(os.Stderr, multicall.Usage(table, filepath.Base(os.Args[0])))
		os.Exit(2)
	}
	// The programs' command libraries read os.Args themselves.
	os.Args = args
	os.Exit(chosen.Run())
}
