package multicall

import (
	"slices"
	"strings"
	"testing"
)

// table has two programs with different exit codes, which tell them apart.
func table() []Program {
	return []Program{
		{"first", "does one thing", func() int { return 1 }},
		{"second", "does another", func() int { return 2 }},
	}
}

// TestChoose checks each way to ask for a program.
func TestChoose(t *testing.T) {
	for _, test := range []struct {
		args []string
		name string // "" for none
		rest []string
	}{
		{[]string{"/opt/bin/second", "--flag"}, "second", []string{"second", "--flag"}},
		{[]string{"kube", "first", "a", "b"}, "first", []string{"first", "a", "b"}},
		{[]string{"first", "second"}, "first", []string{"first", "second"}},
		{[]string{"kube", "some/first"}, "", nil},
		{[]string{"kube", "third"}, "", nil},
		{[]string{"kube"}, "", nil},
		{nil, "", nil},
	} {
		found, rest, ok := Choose(table(), test.args)
		if found.Name != test.name || ok != (test.name != "") || !slices.Equal(rest, test.rest) {
			t.Errorf("Choose(%q) = %q %q %v", test.args, found.Name, rest, ok)
		}
	}
}

// TestUsage checks that the usage text has every program of the table.
func TestUsage(t *testing.T) {
	text := Usage(table(), "kube")
	for _, entry := range table() {
		if !strings.Contains(text, entry.Name) || !strings.Contains(text, entry.Summary) {
			t.Errorf("usage lacks %s: %s", entry.Name, text)
		}
	}
}
