package multicall

import (
	"slices"
	"strings"
	"testing"
)

// table has two programs that return different codes, so that a mix-up shows.
func table() []Program {
	return []Program{
		{"first", "does one thing", func() int { return 1 }},
		{"second", "does another", func() int { return 2 }},
	}
}

// TestChoose walks the ways in which a program can be asked for.
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

// TestUsage checks that every program of the table is in the usage text.
func TestUsage(t *testing.T) {
	text := Usage(table(), "kube")
	for _, entry := range table() {
		if !strings.Contains(text, entry.Name) || !strings.Contains(text, entry.Summary) {
			t.Errorf("usage lacks %s: %s", entry.Name, text)
		}
	}
}
