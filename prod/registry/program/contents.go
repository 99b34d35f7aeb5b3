package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

const (
	contentsPath = "/turnup/v1/contents"
	// The manifests of one answer: clients limit what they read.
	pageLength = 1000
)

// part is a blob that a manifest names.
type part struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// stored is one manifest of a repository.
type stored struct {
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
	Size       int64         `json:"size"`
	// Age are the seconds since it was pushed or asked for.
	Age  int64    `json:"age"`
	Tags []string `json:"tags"`
	// Manifests are those that an index names.
	Manifests []digest.Digest `json:"manifests"`
	// Blobs are its config and layers.
	Blobs []part `json:"blobs"`
	// Problem is why it cannot be read; empty if it can.
	Problem string `json:"problem,omitempty"`
}

// name is the name by which pages go on.
func (s stored) name() string {
	return s.Repository + "@" + s.Digest.String()
}

// contents is the answer of contentsPath.
type contents struct {
	Limit     int64    `json:"limit"`
	Used      int64    `json:"used"`
	Uploads   int      `json:"uploads"`
	Manifests []stored `json:"manifests"`
	// Next is what to ask for as "after" to get more; empty if this is all.
	Next string `json:"next,omitempty"`
}

// list returns all manifests.
func (c *collector) list(ctx context.Context) ([]stored, error) {
	found := []stored{}
	repositories, ok := c.registry.(distribution.RepositoryEnumerator)
	if !ok {
		return nil, errors.New("the storage cannot list its repositories")
	}
	err := repositories.Enumerate(ctx, func(name string) error {
		some, err := c.listRepository(ctx, name)
		found = append(found, some...)
		return err
	})
	if err != nil && !missing(err) {
		return nil, fmt.Errorf("cannot list the repositories: %w", err)
	}
	return found, nil
}

// repository returns a repository, its manifests, and their enumerator.
func (c *collector) repository(ctx context.Context, name string) (distribution.Repository, distribution.ManifestService, error) {
	named, err := reference.WithName(name)
	if err != nil {
		return nil, nil, err
	}
	repository, err := c.registry.Repository(ctx, named)
	if err != nil {
		return nil, nil, err
	}
	manifests, err := repository.Manifests(ctx)
	return repository, manifests, err
}

func (c *collector) listRepository(ctx context.Context, name string) ([]stored, error) {
	repository, manifests, err := c.repository(ctx, name)
	if err != nil {
		return nil, err
	}
	enumerator, ok := manifests.(distribution.ManifestEnumerator)
	if !ok {
		return nil, errors.New("the storage cannot list its manifests")
	}
	tags, err := tagsByDigest(ctx, repository)
	if err != nil {
		return nil, err
	}
	found := []stored{}
	err = enumerator.Enumerate(ctx, func(id digest.Digest) error {
		item := stored{Repository: name, Digest: id, Tags: tags[id], Manifests: []digest.Digest{}, Blobs: []part{}}
		if item.Tags == nil {
			item.Tags = []string{}
		}
		item.Age = int64(c.age(ctx, id) / time.Second)
		manifest, readErr := manifests.Get(ctx, id)
		if readErr != nil {
			item.Problem = readErr.Error()
			found = append(found, item)
			return nil
		}
		if _, payload, payloadErr := manifest.Payload(); payloadErr == nil {
			item.Size = int64(len(payload))
		}
		for _, descriptor := range manifest.References() {
			if exists, _ := manifests.Exists(ctx, descriptor.Digest); exists {
				item.Manifests = append(item.Manifests, descriptor.Digest)
			} else {
				item.Blobs = append(item.Blobs, part{descriptor.Digest, descriptor.Size})
			}
		}
		found = append(found, item)
		return nil
	})
	if missing(err) {
		err = nil
	}
	return found, err
}

// tagsByDigest returns the tags of each manifest of a repository.
func tagsByDigest(ctx context.Context, repository distribution.Repository) (map[digest.Digest][]string, error) {
	tags := map[digest.Digest][]string{}
	names, err := repository.Tags(ctx).All(ctx)
	if err != nil {
		var unknown distribution.ErrRepositoryUnknown
		if errors.As(err, &unknown) || missing(err) {
			return tags, nil
		}
		return nil, err
	}
	for _, name := range names {
		// A tag without a manifest was removed in the meantime.
		if found, err := repository.Tags(ctx).Get(ctx, name); err == nil {
			tags[found.Digest] = append(tags[found.Digest], name)
		}
	}
	return tags, nil
}

// serveContents answers with everything that is stored.
func (c *collector) serveContents(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		refuse(w, http.StatusMethodNotAllowed, codeDenied, "use GET for "+contentsPath)
		return
	}
	found, err := c.list(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, codeUnknown, err.Error())
		return
	}
	used := c.storage.usage()
	result := contents{Limit: c.storage.limits.bytes, Used: used.bytes, Uploads: used.uploads}
	result.Manifests, result.Next = page(found, r.URL.Query().Get("after"))
	answer(w, http.StatusOK, result)
}

// page returns the manifests after a name, at most pageLength of them, and the name to go on with; empty at the end.
func page(all []stored, after string) ([]stored, string) {
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.name(), b.name()) })
	start, found := slices.BinarySearchFunc(all, after, func(item stored, name string) int { return strings.Compare(item.name(), name) })
	if found {
		start++
	}
	rest := all[start:]
	if len(rest) <= pageLength {
		return rest, ""
	}
	return rest[:pageLength], rest[pageLength-1].name()
}
