// Package multicall lets one executable be many programs: a table names them,
// and dispatch and usage text both follow from it.
package multicall

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Program is one entry of the table.
type Program struct {
	Name    string     // what it is called by
	Summary string     // one line for the usage text
	Run     func() int // runs it on os.Args and returns the exit code
}

// Choose returns the program that args ask for and its own arguments, the
// name first. args[0] is the name that the executable was called by, perhaps
// through a link; where it names no program, args[1] may.
func Choose(table []Program, args []string) (Program, []string, bool) {
	for skip := range min(len(args), 2) {
		called := filepath.Base(args[skip])
		if skip == 1 {
			called = args[skip] // a word, not a path
		}
		for _, candidate := range table {
			if candidate.Name == called {
				return candidate, append([]string{called}, args[skip+1:]...), true
			}
		}
	}
	return Program{}, nil, false
}

// Usage lists the programs of a table; executable is its own name.
func Usage(table []Program, executable string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "usage: %s PROGRAM [ARGUMENT...], with PROGRAM one of\n", executable)
	for _, entry := range table {
		fmt.Fprintf(&text, "  %-24s %s\n", entry.Name, entry.Summary)
	}
	return text.String()
}
