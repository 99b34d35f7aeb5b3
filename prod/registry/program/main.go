// Command registry is the registry in the cluster: the distribution project's, with a login for everything but reads, limits,
// and deletion of unused images while it serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/semaphore"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 64 << 10
	// Kubernetes ends the pod a little later.
	stopDeadline = 4 * time.Second
	// The percentage of the limit that unfinished uploads may have, so that what was left behind does not stop other pushes.
	uploadShare = 75
)

// options are what the command line says.
type options struct {
	listen      string
	storage     string
	limit       int64
	password    string
	names       []string
	uploadAge   time.Duration
	uploadCount int
}

// parse returns the options of a command line.
func parse(arguments []string, stderr io.Writer) (options, error) {
	var o options
	var limit, names string
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.listen, "listen", ":5000", "`address` to listen on")
	flags.StringVar(&o.storage, "storage", "", "`folder` of the images")
	flags.StringVar(&limit, "limit", "", "`size` that the folder may have, such as 8Gi")
	flags.StringVar(&o.password, "password-file", "", "`file` with the password of pushes")
	flags.StringVar(&names, "names", "", "host `names` that clients may use besides addresses and localhost, separated by commas")
	flags.DurationVar(&o.uploadAge, "upload-age", time.Hour, "`age` at which unfinished uploads are removed")
	flags.IntVar(&o.uploadCount, "uploads", 256, "`number` of unfinished uploads")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	var err error
	if o.limit, err = parseSize(limit); err != nil {
		return o, fmt.Errorf("-limit: %w", err)
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not an option", flags.Arg(0))
	case o.storage == "":
		return o, errors.New("-storage is missing; name the folder of the images")
	case o.password == "":
		return o, errors.New("-password-file is missing; name the file with the password")
	case o.uploadAge <= 0 || o.uploadCount <= 0:
		return o, errors.New("-upload-age and -uploads must be more than 0")
	}
	for name := range strings.SplitSeq(names, ",") {
		if name != "" {
			o.names = append(o.names, strings.ToLower(name))
		}
	}
	return o, nil
}

// newServer returns the handler of all requests, and what removes old uploads.
func newServer(ctx context.Context, o options) (http.Handler, *collector, error) {
	if err := os.MkdirAll(o.storage, 0o755); err != nil {
		return nil, nil, err
	}
	s := &storage{limits: limits{bytes: o.limit, uploadBytes: o.limit / 100 * uploadShare, uploads: o.uploadCount}}
	// Counted here, too, because NewApp only panics if it cannot be.
	counted, err := s.wrap(ctx, filesystem.New(filesystem.DriverParameters{RootDirectory: o.storage, MaxThreads: 100}))
	if err != nil {
		return nil, nil, err
	}
	collector, err := newCollector(ctx, counted, s, o.storage)
	if err != nil {
		return nil, nil, err
	}
	names := map[string]bool{}
	for _, name := range o.names {
		names[name] = true
	}
	writers := semaphore.NewWeighted(allWriters)
	collector.exclusive = func(ctx context.Context) (func(), error) {
		err := writers.Acquire(ctx, allWriters)
		return func() { writers.Release(allWriters) }, err
	}
	return &guard{
		registry: handlers.NewApp(ctx, configure(o, s)),
		own: map[string]http.Handler{
			contentsPath: http.HandlerFunc(collector.serveContents),
			collectPath:  http.HandlerFunc(collector.serveCollect),
		},
		names:   names,
		login:   passwordFile(o.password),
		storage: s,
		writers: writers,
		touch:   collector.touch,
		discard: collector.discard,
	}, collector, nil
}

// configure returns the configuration of distribution.
func configure(o options, s *storage) *configuration.Configuration {
	c := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem":  configuration.Parameters{"rootdirectory": o.storage},
			"delete":      configuration.Parameters{"enabled": true},
			"redirect":    configuration.Parameters{"disable": true},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		},
		Middleware: map[string][]configuration.Middleware{
			"storage": {{Name: limitsName, Options: configuration.Parameters{limitsOption: s}}},
		},
	}
	c.Catalog.MaxEntries = 1000
	// Clients need not find out which of its addresses it has.
	c.HTTP.RelativeURLs = true
	return c
}

// run serves until the context ends.
func run(ctx context.Context, o options, ready func(net.Addr)) error {
	handler, collector, err := newServer(ctx, o)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	go func() {
		// Often enough that an upload is at most a quarter older.
		ticker := time.NewTicker(max(o.uploadAge/4, time.Second))
		defer ticker.Stop()
		for {
			collector.expire(ctx, o.uploadAge)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), stopDeadline)
		defer cancel()
		// Requests that are still running then are cut off with the process.
		_ = server.Shutdown(deadline)
	}()
	ready(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}

// realMain returns the exit code.
func realMain(arguments []string, stdout, stderr io.Writer) int {
	logrus.SetLevel(logrus.ErrorLevel)
	logrus.SetOutput(stderr)
	o, err := parse(arguments, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "ERROR: %v\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = run(ctx, o, func(address net.Addr) { fmt.Fprintf(stdout, "serving on %s\n", address) })
	if err != nil {
		fmt.Fprintf(stderr, "ERROR: %v\n", err)
		return 1
	}
	return 0
}

func main() {
	os.Exit(realMain(os.Args[1:], os.Stdout, os.Stderr))
}
