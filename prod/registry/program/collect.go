package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/distribution/distribution/v3"
	registrystorage "github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
)

const (
	collectPath = "/turnup/v1/collect"
	// Where distribution keeps things below the root of its storage.
	blobsFolder        = "/docker/registry/v2/blobs/sha256"
	repositoriesFolder = "/docker/registry/v2/repositories"
	// A list of every manifest of a large registry has less.
	requestLimit = 32 << 20
	// How long a collection waits for the writes that have begun.
	writersDeadline = 20 * time.Second
	// The modification time of a blob is kept this exact.
	touchEvery = time.Minute
)

// image is a manifest that a collection is asked to delete.
type image struct {
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
}

// collection is a request to collectPath.
type collection struct {
	Manifests []image `json:"manifests"`
	// OlderThan are seconds: what was pushed or asked for since then stays.
	OlderThan int64 `json:"olderThan"`
}

// collected is the answer of collectPath.
type collected struct {
	Deleted []image `json:"deleted"`
	// Kept are those that were asked for in the meantime, or that an index needs which stays.
	Kept  []image `json:"kept"`
	Freed int64   `json:"freed"`
	Used  int64   `json:"used"`
	Limit int64   `json:"limit"`
}

// collector lists and deletes what the storage has.
type collector struct {
	driver   driver.StorageDriver
	registry distribution.Namespace
	storage  *storage
	root     string
	// exclusive waits until nothing writes, and returns what lets writes go on.
	exclusive func(context.Context) (func(), error)
	// touching is held while the age of a blob is read or written.
	touching sync.Mutex
}

func newCollector(ctx context.Context, counted driver.StorageDriver, s *storage, root string) (*collector, error) {
	// Without a cache: what a collection deletes is unknown at once.
	registry, err := registrystorage.NewRegistry(ctx, counted, registrystorage.EnableDelete)
	if err != nil {
		return nil, err
	}
	return &collector{driver: counted, registry: registry, storage: s, root: root}, nil
}

// blobPath returns the folder of a blob in the storage.
func blobPath(id digest.Digest) string {
	return path.Join(blobsFolder, id.Encoded()[:2], id.Encoded())
}

// touch notes that a blob or manifest was pushed or asked for now, so that it is not deleted before it is used.
func (c *collector) touch(text string) {
	id, err := digest.Parse(text)
	if err != nil || id.Algorithm() != digest.SHA256 {
		return
	}
	folder := filepath.Join(c.root, blobPath(id))
	now := time.Now()
	c.touching.Lock()
	defer c.touching.Unlock()
	if info, err := os.Stat(folder); err != nil || now.Sub(info.ModTime()) < touchEvery {
		return
	}
	if err := os.Chtimes(folder, now, now); err != nil {
		logrus.Errorf("cannot note when %s was used: %v", id, err)
	}
}

// age returns how long ago a blob was pushed or asked for; a blob that does not exist is old.
func (c *collector) age(ctx context.Context, id digest.Digest) time.Duration {
	info, err := c.driver.Stat(ctx, blobPath(id))
	if err != nil {
		return math.MaxInt64
	}
	return time.Since(info.ModTime())
}

// discard removes an unfinished upload.
func (c *collector) discard(repository, id string) {
	if _, err := reference.WithName(repository); err != nil {
		return
	}
	folder := path.Join(repositoriesFolder, repository, uploadsFolder, id)
	if err := c.driver.Delete(context.Background(), folder); err != nil && !missing(err) {
		logrus.Errorf("cannot remove the refused upload %s: %v", id, err)
	}
}

// expire removes uploads that began longer ago than an age.
func (c *collector) expire(ctx context.Context, age time.Duration) {
	_, problems := registrystorage.PurgeUploads(ctx, c.driver, time.Now().Add(-age), true)
	for _, err := range problems {
		var notFound driver.PathNotFoundError
		if !errors.As(err, &notFound) {
			logrus.Errorf("cannot remove unfinished uploads: %v", err)
		}
	}
}

// serveCollect deletes manifests, and then every blob that no manifest names.
func (c *collector) serveCollect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		refuse(w, http.StatusMethodNotAllowed, codeDenied, "use POST for "+collectPath)
		return
	}
	var request collection
	decoder := json.NewDecoder(io.LimitReader(r.Body, requestLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil || request.OlderThan < 0 || request.OlderThan > math.MaxInt64/int64(time.Second) {
		refuse(w, http.StatusBadRequest, codeDenied, `the request is not {"manifests": [{"repository", "digest"}], "olderThan": SECONDS}`)
		return
	}
	for _, item := range request.Manifests {
		if err := item.Digest.Validate(); err != nil {
			refuse(w, http.StatusBadRequest, codeDenied, fmt.Sprintf("%.100q of %.100q is not a digest", item.Digest, item.Repository))
			return
		}
	}
	waiting, cancel := context.WithTimeout(r.Context(), writersDeadline)
	defer cancel()
	release, err := c.exclusive(waiting)
	if err != nil {
		w.Header().Set("Retry-After", retrySeconds)
		refuse(w, http.StatusServiceUnavailable, codeTooMany, "a push or another collection is running; try again when it has ended")
		return
	}
	defer release()
	// Not the request's context: a client that leaves must not stop it halfway.
	result, err := c.collect(context.WithoutCancel(r.Context()), request)
	if err != nil {
		refuse(w, http.StatusInternalServerError, codeUnknown, err.Error())
		return
	}
	answer(w, http.StatusOK, result)
}

// collect does what a request asks for; nothing else writes meanwhile.
func (c *collector) collect(ctx context.Context, request collection) (collected, error) {
	result := collected{Deleted: []image{}, Kept: []image{}, Limit: c.storage.limits.bytes}
	before := c.storage.usage().bytes
	minimum := time.Duration(request.OlderThan) * time.Second
	all, err := c.list(ctx)
	if err != nil {
		return result, err
	}
	asked := map[image]bool{}
	for _, item := range request.Manifests {
		asked[item] = c.age(ctx, item.Digest) >= minimum
	}
	keepParts(all, asked)
	for _, item := range request.Manifests {
		if !asked[item] {
			result.Kept = append(result.Kept, item)
			continue
		}
		if err := c.remove(ctx, item); err != nil {
			return result, fmt.Errorf("cannot delete %s@%s: %w", item.Repository, item.Digest, err)
		}
		result.Deleted = append(result.Deleted, item)
	}
	c.expire(ctx, minimum)
	young := &keepingDriver{c.driver, c, minimum}
	if err := registrystorage.MarkAndSweep(ctx, young, c.registry, registrystorage.GCOpts{Quiet: true}); err != nil && !missing(err) {
		return result, fmt.Errorf("cannot delete unused blobs: %w", err)
	}
	result.Used = c.storage.usage().bytes
	result.Freed = before - result.Used
	return result, nil
}

// keepParts takes back the deletion of each manifest that an index names which stays.
func keepParts(all []stored, asked map[image]bool) {
	for changed := true; changed; {
		changed = false
		for _, item := range all {
			if asked[image{item.Repository, item.Digest}] {
				continue
			}
			for _, child := range item.Manifests {
				key := image{item.Repository, child}
				changed = changed || asked[key]
				if asked[key] {
					asked[key] = false
				}
			}
		}
	}
}

// remove deletes a manifest and its tags.
func (c *collector) remove(ctx context.Context, item image) error {
	repository, manifests, err := c.repository(ctx, item.Repository)
	if err != nil {
		return err
	}
	tags, err := repository.Tags(ctx).Lookup(ctx, v1.Descriptor{Digest: item.Digest})
	var unknown distribution.ErrRepositoryUnknown
	if err != nil && !missing(err) && !errors.As(err, &unknown) {
		return err
	}
	for _, tag := range tags {
		if err := repository.Tags(ctx).Untag(ctx, tag); err != nil && !missing(err) {
			return err
		}
	}
	if err := manifests.Delete(ctx, item.Digest); err != nil && !missing(err) && !errors.Is(err, distribution.ErrBlobUnknown) {
		return err
	}
	return nil
}

// sweptDigest finds the digest in the path of a blob, or of a repository's link to one.
var sweptDigest = regexp.MustCompile(`/([0-9a-f]{64})(?:/|$)`)

// keepingDriver does not delete blobs that were pushed or asked for since a while: a push that is not finished needs them.
type keepingDriver struct {
	driver.StorageDriver
	collector *collector
	minimum   time.Duration
}

// Delete removes a blob, or a repository's link to one, if the blob is old enough.
func (d *keepingDriver) Delete(ctx context.Context, file string) error {
	parts := sweptDigest.FindStringSubmatch(file)
	if parts != nil && d.collector.age(ctx, digest.NewDigestFromEncoded(digest.SHA256, parts[1])) < d.minimum {
		return nil
	}
	return d.StorageDriver.Delete(ctx, file)
}
