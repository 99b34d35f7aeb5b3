package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Each restart waits longer than the one before, so that a program that can't
// start does not use up the CPU. A program that ran for a while restarts at once.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	settled    = 20 * time.Second
)

// supervisor keeps a node's programs running and reaps every orphan of the PID
// namespace, as its first process must.
type supervisor struct {
	spec        *Spec
	notes       io.Writer
	mutex       sync.Mutex
	ended       map[int]chan syscall.WaitStatus // process ID of a program -> receives how it ended
	terminating bool

	stateless map[int]bool // process IDs of the running stateless programs
}

func newSupervisor(spec *Spec, notes io.Writer) *supervisor {
	return &supervisor{spec: spec, notes: notes, ended: map[int]chan syscall.WaitStatus{}, stateless: map[int]bool{}}
}

// run starts every program. It returns after SIGTERM, when all processes of the
// node have ended or the grace period is over.
func (s *supervisor) run() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	for _, program := range s.spec.Programs {
		go s.keepRunning(program)
		go keepLogSmall(program.Log)
	}
	for {
		select {
		case <-children:
			s.reap()
		case <-stop:
			s.note("stopping")
			s.stop()
			return
		}
	}
}

func (s *supervisor) note(format string, values ...any) {
	fmt.Fprintf(s.notes, time.Now().UTC().Format("2006-01-02T15:04:05.000Z ")+format+"\n", values...)
}

// keepRunning restarts one program until the node stops.
func (s *supervisor) keepRunning(program Program) {
	for pause := firstPause; ; {
		for _, condition := range program.After {
			for !condition.holds() {
				time.Sleep(pollInterval)
			}
		}
		begin := time.Now()
		ended, err := s.start(program)
		if err != nil {
			s.note("%s: %v", program.Name, err)
		} else if ended != nil {
			s.note("%s ended: %s", program.Name, describe(<-ended))
		}
		if s.isTerminating() {
			return
		}
		if time.Since(begin) > settled {
			pause = firstPause
		}
		time.Sleep(pause)
		pause = min(2*pause, longPause)
	}
}

// start starts a program and returns the channel that receives how it ended.
func (s *supervisor) start(program Program) (chan syscall.WaitStatus, error) {
	log, err := os.OpenFile(program.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	// reap must not find the process before it is in the table.
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.terminating {
		return nil, nil
	}
	pid, err := syscall.ForkExec(program.Args[0], program.Args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   environment(program.Env),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", program.Args[0], err)
	}
	ended := make(chan syscall.WaitStatus, 1)
	s.ended[pid] = ended
	if program.Stateless {
		s.stateless[pid] = true
	}
	return ended, nil
}

// environment returns a program's own variables before those that it inherits.
// If a name appears twice, Go and C use the first value. So a program has its
// own PATH, on which containerd finds a runc that the machine has not installed.
func environment(own []string) []string {
	return append(slices.Clone(own), os.Environ()...)
}

func (s *supervisor) isTerminating() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.terminating
}

// reap reaps every process that has ended and reports whether any is left.
func (s *supervisor) reap() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil { // ECHILD: nothing is left
			return false
		}
		if pid == 0 {
			return true
		}
		if ended, ours := s.ended[pid]; ours {
			delete(s.ended, pid)
			delete(s.stateless, pid)
			ended <- status
		}
	}
}

// stop kills the stateless programs, then sends SIGTERM to the other processes.
// The stateless ones go first, because kubelet would restart containers, and
// etcd waits for its open connections.
func (s *supervisor) stop() {
	s.mutex.Lock()
	s.terminating = true
	for pid := range s.stateless {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.mutex.Unlock()
	deadline := time.Now().Add(time.Duration(s.spec.GraceTime))
	// -1 means all processes but this one. Container shims ignore the signal, but have no data.
	_ = syscall.Kill(-1, syscall.SIGTERM)
	for time.Now().Before(deadline) && s.reap() && !onlyShimsLeft() {
		time.Sleep(pollInterval)
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}
