// Command kube is every Kubernetes program of an embedded cluster in one
// executable, so that there is one file to build, to cache and to load. It runs
// the program whose name it is called by, through a symbolic link, or the
// program that its first argument names.
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
