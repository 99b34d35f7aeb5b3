// Package multicall puts many programs into one executable. A table of them is
// used for both the dispatch and the usage text.
package multicall

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Program is one entry of the table.
type Program struct {
	Name    string     // the name that it is called by
	Summary string     // one line for the usage text
	Run     func() int // runs it on os.Args and returns the exit code
}

// Choose returns the program that args ask for, with its own arguments, which
// begin with its name. args[0] is the name that the executable was called by,
// for example through a link. If that is not a program, args[1] is used.
func Choose(table []Program, args []string) (Program, []string, bool) {
	for skip := range min(len(args), 2) {
		called := filepath.Base(args[skip])
		if skip == 1 {
			called = args[skip] // the first argument is a name, not a path
		}
		for _, candidate := range table {
			if candidate.Name == called {
				return candidate, append([]string{called}, args[skip+1:]...), true
			}
		}
	}
	return Program{}, nil, false
}

// Usage returns the usage text of an executable with these programs.
func Usage(table []Program, executable string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "usage: %s PROGRAM [ARGUMENT...], with PROGRAM one of\n", executable)
	for _, entry := range table {
		fmt.Fprintf(&text, "  %-24s %s\n", entry.Name, entry.Summary)
	}
	return text.String()
}
