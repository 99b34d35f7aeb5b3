package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/semaphore"
)

const (
	userName = "turnup"
	// What clients may send at once while nothing is collected; a collection takes all of it.
	allWriters = 1 << 30
	// Seconds after which a write that met a collection is tried again.
	retrySeconds = "2"
	secret       = "the Secret registry-credentials in namespace registry"
	setup        = "'bazel run //prod:setup.apply'"
)

// guard decides which requests reach the registry.
type guard struct {
	registry http.Handler
	// own are the handlers of this program's own paths.
	own     map[string]http.Handler
	names   map[string]bool
	login   passwordFile
	storage *storage
	writers *semaphore.Weighted
	// touch notes that something was asked for or stored.
	touch func(digest string)
	// discard removes an unfinished upload.
	discard func(repository, id string)
}

// uploadPath is the path of an unfinished upload: repository and ID.
var uploadPath = regexp.MustCompile(`^/v2/(.+)/blobs/uploads/([0-9a-f-]{36})$`)

// passwordFile is the path of a file with the password. It is read for each login, so a new password is valid at once.
type passwordFile string

// read returns the password; empty if there is none.
func (f passwordFile) read() string {
	content, err := os.ReadFile(string(f))
	if err != nil {
		logrus.Errorf("cannot read the password: %v", err)
	}
	return strings.TrimRight(string(content), "\r\n")
}

// accepts returns whether a request has the user and password, in a time that says nothing about them.
func (f passwordFile) accepts(r *http.Request) bool {
	password := f.read()
	user, given, ok := r.BasicAuth()
	wanted := sha256.Sum256([]byte(userName + "\n" + password))
	got := sha256.Sum256([]byte(user + "\n" + given))
	return subtle.ConstantTimeCompare(wanted[:], got[:]) == 1 && ok && password != ""
}

// knowsHost returns whether a Host header names this registry. A page can make a browser resolve the page's own name to this
// registry's address (DNS rebinding), but it cannot make it send an address as the Host.
func (g *guard) knowsHost(host string) bool {
	name := host
	if only, _, err := net.SplitHostPort(host); err == nil {
		name = only
	}
	name = strings.TrimSuffix(strings.Trim(strings.ToLower(name), "[]"), ".")
	return net.ParseIP(name) != nil || name == "localhost" || g.names[name]
}

// ServeHTTP answers one request.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.knowsHost(r.Host) {
		refuse(w, http.StatusMisdirectedRequest, codeDenied, fmt.Sprintf("%.80q is not a name of this registry; use its address", r.Host))
		return
	}
	if r.URL.Path == "/" {
		w.WriteHeader(http.StatusOK)
		return
	}
	own := g.own[r.URL.Path]
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	// Clients ask for /v2/ to learn whether there is a login, so docker login can check the password there.
	private := !reads || own != nil || r.URL.Path == "/v2/" || strings.Contains(r.URL.Path, "/blobs/uploads")
	if private && !g.admits(w, r) {
		return
	}
	if own != nil {
		own.ServeHTTP(w, r)
		return
	}
	if reads {
		g.serve(w, r)
		return
	}
	if !g.writers.TryAcquire(1) {
		w.Header().Set("Retry-After", retrySeconds)
		refuse(w, http.StatusServiceUnavailable, codeTooMany, "the registry is deleting unused images; push again in a few seconds")
		return
	}
	defer g.writers.Release(1)
	if r.Method != http.MethodDelete {
		// Before the body is sent: what is too large anyway need not be.
		more := usage{bytes: max(r.ContentLength, 1)}
		if strings.HasSuffix(r.URL.Path, "/blobs/uploads/") {
			more.uploads = 1
		}
		if err := g.storage.problem(more); err != nil {
			refuseWrite(w, err)
			return
		}
	}
	g.serve(w, r)
}

// admits returns whether a request may do more than read; otherwise it answers.
func (g *guard) admits(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Origin") != "" {
		refuse(w, http.StatusForbidden, codeDenied, "web pages may not use this registry; push with a client that sends no Origin")
		return false
	}
	if g.login.accepts(r) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="turnup registry", charset="UTF-8"`)
	message := "pushes need a login: user " + userName + ", with the password in " + secret + "; " + setup + " creates it"
	if r.Header.Get("Authorization") != "" {
		message = "the login is wrong; " + secret + " has the password of user " + userName + "; delete it and run " + setup + " for a new one"
	}
	refuse(w, http.StatusUnauthorized, codeUnauthorized, message)
	return false
}

// refuseWrite answers a write that exceeds the limits.
func refuseWrite(w http.ResponseWriter, err error) {
	if errors.Is(err, errFull) {
		refuse(w, http.StatusInsufficientStorage, codeDenied, err.Error())
		return
	}
	w.Header().Set("Retry-After", retrySeconds)
	refuse(w, http.StatusTooManyRequests, codeTooMany, err.Error())
}

// serve lets distribution answer, says why if the storage refused a write, and notes what was asked for.
func (g *guard) serve(w http.ResponseWriter, r *http.Request) {
	reason := &refusal{}
	recorder := &recorder{ResponseWriter: w, reason: reason}
	g.registry.ServeHTTP(recorder, r.WithContext(context.WithValue(r.Context(), refusalKey{}, reason)))
	if recorder.status == http.StatusOK || recorder.status == http.StatusCreated {
		if digest := w.Header().Get("Docker-Content-Digest"); digest != "" {
			g.touch(digest)
		}
	}
	// What failed in the middle, or has another digest, cannot be continued; it should not fill the storage until it expires.
	// Of a cancelled upload distribution leaves a file that it would never remove.
	failed := r.Method == http.MethodPut && recorder.status >= http.StatusBadRequest && recorder.status != http.StatusRequestedRangeNotSatisfiable
	ended := failed || reason.get() != nil || r.Method == http.MethodDelete && recorder.status == http.StatusNoContent
	if parts := uploadPath.FindStringSubmatch(r.URL.Path); parts != nil && ended {
		g.discard(parts[1], parts[2])
	}
}

// recorder notes the status of an answer, and replaces an error for which the storage had a reason.
type recorder struct {
	http.ResponseWriter
	reason   *refusal
	once     sync.Once
	status   int
	replaced bool
}

// WriteHeader sends the status.
func (r *recorder) WriteHeader(status int) {
	r.once.Do(func() {
		r.status = status
		if err := r.reason.get(); err != nil && status >= http.StatusInternalServerError {
			r.replaced = true
			refuseWrite(r.ResponseWriter, err)
			return
		}
		r.ResponseWriter.WriteHeader(status)
	})
}

// Write sends a part of the body.
func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.replaced {
		return len(data), nil
	}
	return r.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter {
	return r.ResponseWriter
}
