package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

// pause does nothing until it is told to stop. If a pod shares its PID
// namespace, pause is the first process in it and reaps the others.
func pause([]string, io.Writer, io.Writer) int {
	events := make(chan os.Signal, 1)
	signal.Notify(events, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for event := range events {
		if event != syscall.SIGCHLD {
			return 0
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
	}
	return 0
}
