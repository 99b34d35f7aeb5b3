package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Spec is everything that a node's first process needs to know. nodespec.py
// writes it as JSON, and it does not change while the node runs.
type Spec struct {
	Hostname  string            `json:"hostname"`
	Root      string            `json:"root"`          // an empty folder for the node's root
	Mounts    []Mount           `json:"mounts"`        // in order
	Files     map[string]string `json:"files"`         // path in the node -> content, written before anything runs
	ReadOnly  []string          `json:"readOnlyPaths"` // paths in the node that nothing there may write
	Writable  []string          `json:"writablePaths"` // paths below those that stay writable
	Masks     map[string]string `json:"masks"`         // path below /proc -> content that the node sees there
	Sysctls   map[string]string `json:"sysctls"`       // path below /proc/sys -> value, of the node's own namespaces
	Cgroups   []string          `json:"cgroups"`       // host paths of the node's groups, the roots of its cgroup namespace
	Leaf      string            `json:"leaf"`          // the group below each of them that the node's programs join
	Address   string            `json:"address"`       // wait for this address on an interface before starting anything
	Programs  []Program         `json:"programs"`      // started together, restarted when they end
	GraceTime Duration          `json:"graceTime"`     // how long processes have to end after SIGTERM
}

// Mount is one mount of the node's root.
type Mount struct {
	Source   string `json:"source"`   // host path, or the name of a file system
	Target   string `json:"target"`   // path in the node
	Type     string `json:"type"`     // "bind", "symlink" or a file system type
	Options  string `json:"options"`  // file system options
	ReadOnly bool   `json:"readOnly"` // not for symlinks
}

// Program is one process that the node keeps running.
type Program struct {
	Name  string      `json:"name"`
	Args  []string    `json:"args"` // args[0] is the executable's path in the node
	Env   []string    `json:"env"`
	Log   string      `json:"log"`   // file in the node, appended to
	After []Condition `json:"after"` // all must hold before it starts
	// Stateless says that it need not write anything before it ends. When the
	// node stops, it is killed at once and delays no other program.
	Stateless bool `json:"stateless"`
}

// Condition is something to wait for. Exactly one field is set.
type Condition struct {
	Unix string `json:"unix"` // a socket that accepts connections
	TCP  string `json:"tcp"`  // HOST:PORT that accepts connections
	File string `json:"file"` // a path that exists
}

// Duration is a time.Duration written as "10s" in JSON.
type Duration time.Duration

// UnmarshalJSON reads the form that time.ParseDuration takes.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var form string
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(form)
	*d = Duration(parsed)
	return err
}

// readSpec reads a specification. An unknown field is an error, because a
// misspelled one would silently leave a node half set up.
func readSpec(path string) (*Spec, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	spec := &Spec{}
	if err := decoder.Decode(spec); err != nil {
		return nil, fmt.Errorf("node specification %s: %w", path, err)
	}
	return spec, nil
}
