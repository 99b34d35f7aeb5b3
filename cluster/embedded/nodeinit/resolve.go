package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// queryTimeout is short because a packet that is sent before the Service's
// route exists is lost, and only a new one finds the way.
const queryTimeout = 150 * time.Millisecond

// resolve asks one DNS server for a name until it answers or the time is
// over. It runs in a node's network, where Service addresses are routed.
func resolve(args []string, stdout, stderr io.Writer) int {
	if len(args) != 3 {
		return fail(stderr, errors.New("resolve needs a name, a server (HOST:PORT) and a timeout such as 30s"))
	}
	timeout, err := time.ParseDuration(args[2])
	if err != nil {
		return fail(stderr, err)
	}
	resolver := net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", args[1])
		},
	}
	for deadline := time.Now().Add(timeout); ; time.Sleep(pollInterval) {
		ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
		addresses, err := resolver.LookupHost(ctx, args[0])
		cancel()
		if err == nil {
			fmt.Fprintln(stdout, strings.Join(addresses, " "))
			return 0
		}
		if time.Now().After(deadline) {
			return fail(stderr, fmt.Errorf("%s did not answer for %s within %s: %w", args[1], args[0], timeout, err))
		}
	}
}
