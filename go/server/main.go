// RouteGuide's server: serves places from a Redis Cluster over gRPC.
//
// It listens at once. It reports NOT_SERVING through the gRPC health protocol unless Redis responds and has all places.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"turnup/go/common"
	pb "turnup/go/routeguide"
)

const (
	// Health check that is SERVING while the process responds. The liveness probe uses it, so that an outage of Redis does not
	// restart servers.
	live = "live"
	// How long to serve after reporting NOT_SERVING, so that clients notice, and how long running calls have after that.
	drain = 2 * time.Second
	grace = 5 * time.Second
)

// A server is a gRPC server with its health service and its monitor.
type server struct {
	grpc     *grpc.Server
	health   *health.Server
	monitor  *monitor
	listener net.Listener
}

// newServer binds the address, HOST:PORT. name is this server's name in responses, places are what Redis must have, and connect
// connects to it.
func newServer(address, name string, places []place, connect func(context.Context) (placeStore, error), probeEvery time.Duration) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &server{
		// Allows pings that are frequent enough to detect a lost node within seconds.
		grpc:     grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true})),
		health:   health.NewServer(),
		listener: listener,
	}
	s.monitor = &monitor{connect: connect, places: places, onChange: s.setStatus, probeEvery: probeEvery, recheckEvery: 30}
	s.setStatus(false)
	s.health.SetServingStatus(live, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	pb.RegisterRouteGuideServer(s.grpc, &guide{store: s.monitor.current, server: name})
	return s, nil
}

func (s *server) setStatus(serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	for _, name := range []string{"", pb.RouteGuide_ServiceDesc.ServiceName} {
		s.health.SetServingStatus(name, status)
	}
	common.Infof("%s", status)
}

// serve serves until the context ends, then stops gracefully.
func (s *server) serve(ctx context.Context, drain, grace time.Duration) error {
	watching, stopWatching := context.WithCancel(context.Background())
	defer stopWatching()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.monitor.run(watching)
	}()
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(s.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	common.Infof("stopping")
	s.health.Shutdown()
	time.Sleep(drain)
	force := time.AfterFunc(grace, s.grpc.Stop)
	s.grpc.GracefulStop()
	force.Stop()
	stopWatching()
	<-watched
	return <-served
}

// run serves until the context ends, and returns the exit code: 0, 1 if the server can't start, or 2 for wrong usage.
func run(ctx context.Context, arguments []string, env func(string) string) int {
	settings := common.NewSettings("server", env, os.Stderr)
	port := settings.Port("port", "PORT", "port to listen on")
	redisHost := settings.Text("redis-host", "REDIS_HOST", "host of the Redis Cluster's Service")
	redisPort := settings.Port("redis-port", "REDIS_PORT", "port of the Redis Cluster's Service")
	passwordFile := settings.Text("redis-password-file", "REDIS_PASSWORD_FILE", "file with the password of the Redis user it is named after")
	if err := settings.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	common.ConfigureLogs(os.Stderr)
	user := login(*passwordFile)
	connectToRedis := func(ctx context.Context) (placeStore, error) { return connect(ctx, *redisHost, *redisPort, user) }
	if err := serve(ctx, *port, connectToRedis, user.explain, fmt.Sprintf("Redis at %s:%d", *redisHost, *redisPort)); err != nil {
		fmt.Fprintf(os.Stderr, "ERROR: server: %v\n", err)
		return 1
	}
	return 0
}

// serve serves on a port until the context ends; the log names the database. explain is that of the monitor.
func serve(ctx context.Context, port int, connect func(context.Context) (placeStore, error), explain func(error) string, database string) error {
	places, err := parseTable(zoneTable)
	if err != nil {
		return fmt.Errorf("zone1970.tab: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	s, err := newServer(fmt.Sprintf(":%d", port), name, places, connect, time.Second)
	if err != nil {
		return err
	}
	s.monitor.explain = explain
	common.Infof("listening on port %d, %s", port, database)
	return s.serve(ctx, drain, grace)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Getenv)
	stop()
	os.Exit(code)
}
