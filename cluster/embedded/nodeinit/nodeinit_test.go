package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUsage checks that the usage text has every command, and that an unknown one is exit code 2.
func TestUsage(t *testing.T) {
	var stderr bytes.Buffer
	if code := run([]string{"nodeinit", "nonsense"}, nil, &stderr); code != 2 {
		t.Errorf("exit code is %d", code)
	}
	for _, entry := range commands() {
		if !strings.Contains(stderr.String(), entry.name) {
			t.Errorf("usage lacks %s", entry.name)
		}
	}
}

// TestArguments checks that commands refuse a wrong number of arguments with a sentence.
func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"launch"}, {"launch", "spec"}, {"boot"}, {"boot", "spec"}, {"resolve", "name"}, {"resolve", "name", "server", "soon"}} {
		var stderr bytes.Buffer
		if code := run(append([]string{"nodeinit"}, args...), nil, &stderr); code != 1 || !strings.HasPrefix(stderr.String(), "ERROR: ") {
			t.Errorf("%q: exit code %d, %q", args, code, stderr.String())
		}
	}
}

func specFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReadSpec checks that a specification is read with its durations.
func TestReadSpec(t *testing.T) {
	spec, err := readSpec(specFile(t, `{"hostname": "n", "graceTime": "2s", "programs": [{"name": "a", "args": ["/a"], "after": [{"tcp": "h:1"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if spec.Hostname != "n" || time.Duration(spec.GraceTime) != 2*time.Second || spec.Programs[0].After[0].TCP != "h:1" {
		t.Errorf("read %+v", spec)
	}
}

// TestReadSpecRefuses checks that a misspelled field or duration is an error that names the file.
func TestReadSpecRefuses(t *testing.T) {
	for _, text := range []string{`{"hostnam": "n"}`, `{"graceTime": "soon"}`, `{`} {
		path := specFile(t, text)
		if _, err := readSpec(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestParseStat checks names with spaces and parentheses, and that zombies do not count.
func TestParseStat(t *testing.T) {
	for _, test := range []struct {
		line, name string
		alive      bool
	}{
		{"12 (etcd) S 1 12", "etcd", true},
		{"12 (a (b) c) R 1 12", "a (b) c", true},
		{"12 (gone) Z 1 12", "gone", false},
		{"12 gone", "", false},
		{"", "", false},
	} {
		if name, alive := parseStat(test.line); name != test.name || alive != test.alive {
			t.Errorf("parseStat(%q) = %q, %v", test.line, name, alive)
		}
	}
}

// TestProcesses checks that the first process, zombies and other entries of /proc are left out.
func TestProcesses(t *testing.T) {
	proc := t.TempDir()
	for pid, line := range map[string]string{"1": "1 (init) S 0", "7": "7 (redis) S 1", "8": "8 (old) Z 1", "self": "x"} {
		if err := os.MkdirAll(filepath.Join(proc, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "stat"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found := processes(proc); len(found) != 1 || found[7] != "redis" {
		t.Errorf("found %v", found)
	}
}

// TestCutLog checks that a log is cut only beyond the limit, and that its content stays beside it.
func TestCutLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cutLog(path, 10); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(path); string(content) != "0123456789" {
		t.Errorf("cut too early: %q", content)
	}
	if err := cutLog(path, 9); err != nil {
		t.Fatal(err)
	}
	content, _ := os.ReadFile(path)
	kept, _ := os.ReadFile(path + ".1")
	if len(content) != 0 || string(kept) != "0123456789" {
		t.Errorf("log %q, kept %q", content, kept)
	}
}

// TestConditions checks each kind of condition before and after it holds.
func TestConditions(t *testing.T) {
	folder := t.TempDir()
	file, socket := filepath.Join(folder, "file"), filepath.Join(folder, "socket")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, condition := range []Condition{{File: file}, {Unix: socket}, {TCP: closed.Addr().String()}} {
		if condition.holds() {
			t.Errorf("%+v holds too early", condition)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unix, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for _, condition := range []Condition{{File: file}, {Unix: socket}, {TCP: tcp.Addr().String()}} {
		if !condition.holds() {
			t.Errorf("%+v does not hold", condition)
		}
	}
}

// TestResolveTimeout checks that the error names a server that does not answer in time.
func TestResolveTimeout(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var stdout, stderr bytes.Buffer
	if code := resolve([]string{"name.example", silent.LocalAddr().String(), "50ms"}, &stdout, &stderr); code != 1 {
		t.Errorf("exit code is %d", code)
	}
	if !strings.Contains(stderr.String(), silent.LocalAddr().String()) || stdout.Len() > 0 {
		t.Errorf("said %q, %q", stdout.String(), stderr.String())
	}
}

// TestMakeTarget checks that the target is a folder for a folder and a file for a file.
func TestMakeTarget(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "file")
	if err := os.WriteFile(source, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, isFolder := range map[string]bool{folder: true, source: false} {
		target := filepath.Join(t.TempDir(), "a", "b")
		if err := makeTarget(source, target); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(target); err != nil || info.IsDir() != isFolder {
			t.Errorf("%s: %v, %v", target, info, err)
		}
	}
	if err := makeTarget(filepath.Join(folder, "absent"), filepath.Join(folder, "t")); err == nil {
		t.Error("a missing source is not an error")
	}
}

// TestSupervisorTable checks that programs are in the table, by kind, until they end.
func TestSupervisorTable(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	supervisor := newSupervisor(&Spec{}, &bytes.Buffer{})
	for _, program := range []Program{
		{Name: "keeper", Args: []string{"/bin/sleep", "30"}, Log: log},
		{Name: "worker", Args: []string{"/bin/sleep", "30"}, Log: log, Stateless: true},
	} {
		if _, err := supervisor.start(program); err != nil {
			t.Fatal(err)
		}
	}
	pids := []int{}
	for pid := range supervisor.ended {
		pids = append(pids, pid)
	}
	if len(pids) != 2 || len(supervisor.stateless) != 1 {
		t.Fatalf("programs %v, stateless %v", pids, supervisor.stateless)
	}
	for _, pid := range pids {
		process, err := os.FindProcess(pid)
		if err == nil {
			_ = process.Kill()
		}
	}
	for deadline := time.Now().Add(10 * time.Second); supervisor.reap(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatal("killed programs are not reaped")
		}
	}
	if len(supervisor.ended) != 0 || len(supervisor.stateless) != 0 || slices.Contains(pids, 0) {
		t.Errorf("left: %v, %v", supervisor.ended, supervisor.stateless)
	}
}

// TestEnvironment checks that a program's own variable comes before the inherited one.
func TestEnvironment(t *testing.T) {
	t.Setenv("PATH", "/inherited")
	got := environment([]string{"PATH=/own"})
	own, inherited := slices.Index(got, "PATH=/own"), slices.Index(got, "PATH=/inherited")
	if own < 0 || inherited < own {
		t.Errorf("PATH=/own at %d, PATH=/inherited at %d", own, inherited)
	}
}

// TestStartRefuses checks that the error for a program that does not exist has its path.
func TestStartRefuses(t *testing.T) {
	supervisor := newSupervisor(&Spec{}, &bytes.Buffer{})
	_, err := supervisor.start(Program{Args: []string{"/absent/program"}, Log: filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "/absent/program") {
		t.Errorf("got %v", err)
	}
}

// TestLeaveCgroups checks that the node's processes are in the leaf before the
// controllers of a version 2 group are passed on, and that groups without
// controllers, or of version 1, are left as they are.
func TestLeaveCgroups(t *testing.T) {
	root := t.TempDir()
	make := func(name string, files map[string]string) string {
		folder := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Join(folder, "node"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, content := range files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	second := make("second", map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.subtree_control": ""})
	hybrid := make("hybrid", map[string]string{"cgroup.controllers": "\n", "cgroup.subtree_control": ""})
	first := make("first", nil)
	spec := &Spec{Cgroups: []string{second, hybrid, first}, Leaf: "node"}
	if err := leaveCgroups(spec, 4711); err != nil {
		t.Fatal(err)
	}
	for folder, wanted := range map[string]string{second: "+cpu +memory", hybrid: ""} {
		if content, _ := os.ReadFile(filepath.Join(folder, "cgroup.subtree_control")); string(content) != wanted {
			t.Errorf("%s passes on %q", folder, content)
		}
	}
	for _, folder := range spec.Cgroups {
		// The last one that joined is the launcher itself.
		if content, _ := os.ReadFile(filepath.Join(folder, "node", "cgroup.procs")); string(content) != "0" {
			t.Errorf("%s has %q", folder, content)
		}
	}
	if err := leaveCgroups(&Spec{Cgroups: []string{first}, Leaf: "absent"}, 1); err == nil || !strings.Contains(err.Error(), "first/absent") {
		t.Errorf("a missing group is %v", err)
	}
}
