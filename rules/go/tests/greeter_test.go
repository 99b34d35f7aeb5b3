package main

import (
	"os"
	"testing"
)

// The test runs in its package's folder, with the environment of the target.
func TestFolderAndEnvironment(t *testing.T) {
	name, err := os.ReadFile("testdata/name.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := greet(string(name)).GetName().GetText(); got != "you" {
		t.Errorf("got %q", got)
	}
	if got := os.Getenv("GREETING"); got != "it's hello" {
		t.Errorf("got %q", got)
	}
}
