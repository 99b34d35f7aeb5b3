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

// queryTimeout is short, because a packet that is sent before the route to the
// Service exists is lost, and only a new query gets an answer.
const queryTimeout = 150 * time.Millisecond

// resolve asks a DNS server for a name until it answers or the time is up. It
// runs in a node's network, which has routes to Service addresses.
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
			return fail(stderr, fmt.Errorf("%s did not answer a query for %s within %s: %w", args[1], args[0], timeout, err))
		}
	}
}
