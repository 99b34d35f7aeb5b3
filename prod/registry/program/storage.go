package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	storagemiddleware "github.com/distribution/distribution/v3/registry/storage/driver/middleware"
)

const (
	// The name under which distribution finds the limits, and the option that holds the *storage.
	limitsName   = "limits"
	limitsOption = "storage"
	// distribution keeps an unfinished upload in REPOSITORY/_uploads/ID, where this file says when it began.
	uploadsFolder = "/_uploads/"
	uploadBegin   = "/startedat"
)

// limits are the bounds of the storage.
type limits struct {
	// bytes of everything that is stored, unfinished uploads included.
	bytes int64
	// uploadBytes are the bytes of unfinished uploads.
	uploadBytes int64
	// uploads is the number of unfinished uploads.
	uploads int
}

// usage is what the storage has.
type usage struct {
	bytes       int64
	uploadBytes int64
	uploads     int
}

func (u usage) plus(other usage, sign int64) usage {
	return usage{u.bytes + sign*other.bytes, u.uploadBytes + sign*other.uploadBytes, u.uploads + int(sign)*other.uploads}
}

// storage counts what distribution writes and refuses what exceeds the limits.
type storage struct {
	limits limits
	mu     sync.Mutex
	used   usage
}

// refusalKey is the context key of the *refusal of a request.
type refusalKey struct{}

// refusal is why a write of one request was refused; distribution itself would answer with 500 and no reason.
type refusal struct {
	mu  sync.Mutex
	err error
}

func (r *refusal) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *refusal) get() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// errFull is the kind of error of a write that exceeds the bytes of the storage; the other limits are errBusy.
var (
	errFull = errors.New("the storage is full")
	errBusy = errors.New("too many unfinished uploads")
)

// usage returns what is stored.
func (s *storage) usage() usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// problem returns why more cannot be stored; nil if it can.
func (s *storage) problem(more usage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problemLocked(more)
}

func (s *storage) problemLocked(more usage) error {
	next := s.used.plus(more, 1)
	if next.bytes > s.limits.bytes {
		return fmt.Errorf("%w: %s of %s are used; 'turnup registry gc' lists the images that nothing uses, with --delete it deletes them",
			errFull, formatSize(s.used.bytes), formatSize(s.limits.bytes))
	}
	if more.uploads > 0 && next.uploads > s.limits.uploads {
		return fmt.Errorf("%w: %d, the most that may be open; they expire, so push again later", errBusy, s.limits.uploads)
	}
	if more.uploadBytes > 0 && next.uploadBytes > s.limits.uploadBytes {
		return fmt.Errorf("%w: they have %s, and may have %s; they expire, so push again later",
			errBusy, formatSize(s.used.uploadBytes), formatSize(s.limits.uploadBytes))
	}
	return nil
}

// take counts more as used, or returns why it cannot; the request of the context learns that, too.
func (s *storage) take(ctx context.Context, more usage) error {
	s.mu.Lock()
	err := s.problemLocked(more)
	if err == nil {
		s.used = s.used.plus(more, 1)
	}
	s.mu.Unlock()
	if reason, ok := ctx.Value(refusalKey{}).(*refusal); ok && err != nil {
		reason.set(err)
	}
	return err
}

// give counts less as used.
func (s *storage) give(less usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = s.used.plus(less, -1)
}

func init() {
	err := storagemiddleware.Register(limitsName, func(ctx context.Context, inner driver.StorageDriver, options map[string]any) (driver.StorageDriver, error) {
		s, ok := options[limitsOption].(*storage)
		if !ok {
			return nil, errors.New("the limits of the storage are missing")
		}
		return s.wrap(ctx, inner)
	})
	if err != nil {
		panic(err)
	}
}

// wrap returns a driver that counts, and counts what there is.
func (s *storage) wrap(ctx context.Context, inner driver.StorageDriver) (driver.StorageDriver, error) {
	counted := &countingDriver{inner, s}
	used, err := counted.measure(ctx, "/")
	if err != nil {
		return nil, fmt.Errorf("cannot count the bytes of the storage: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = used
	return counted, nil
}

// countingDriver is a storage driver with the limits of a storage.
type countingDriver struct {
	driver.StorageDriver
	storage *storage
}

// cost returns what a file of some bytes counts as.
func cost(file string, bytes int64) usage {
	if !strings.Contains(file, uploadsFolder) {
		return usage{bytes: bytes}
	}
	count := usage{bytes: bytes, uploadBytes: bytes}
	if strings.HasSuffix(file, uploadBegin) {
		count.uploads = 1
	}
	return count
}

// measure returns what a file, or a folder with everything below, counts as; nothing if there is none.
func (d *countingDriver) measure(ctx context.Context, file string) (usage, error) {
	info, err := d.Stat(ctx, file)
	if missing(err) {
		return usage{}, nil
	}
	if err != nil {
		return usage{}, err
	}
	if !info.IsDir() {
		return cost(file, info.Size()), nil
	}
	names, err := d.List(ctx, file)
	if missing(err) {
		return usage{}, nil
	}
	total := usage{}
	for _, name := range names {
		part, partErr := d.measure(ctx, path.Join(file, path.Base(name)))
		if partErr != nil {
			return usage{}, partErr
		}
		total = total.plus(part, 1)
	}
	return total, err
}

// missing returns whether an error says that a path does not exist.
func missing(err error) bool {
	var notFound driver.PathNotFoundError
	return errors.As(err, &notFound)
}

// PutContent stores a small file.
func (d *countingDriver) PutContent(ctx context.Context, file string, content []byte) error {
	before, err := d.measure(ctx, file)
	if err != nil {
		return err
	}
	more := cost(file, int64(len(content)))
	if err := d.storage.take(ctx, more.plus(before, -1)); err != nil {
		return err
	}
	if err := d.StorageDriver.PutContent(ctx, file, content); err != nil {
		d.storage.give(more.plus(before, -1))
		return err
	}
	return nil
}

// Writer opens a file for writing.
func (d *countingDriver) Writer(ctx context.Context, file string, extend bool) (driver.FileWriter, error) {
	before := usage{}
	if !extend {
		var err error
		if before, err = d.measure(ctx, file); err != nil {
			return nil, err
		}
	}
	writer, err := d.StorageDriver.Writer(ctx, file, extend)
	if err != nil {
		return nil, err
	}
	d.storage.give(before)
	return &countingWriter{writer, ctx, file, d.storage}, nil
}

// Move renames a file and replaces what has the new name.
func (d *countingDriver) Move(ctx context.Context, from, to string) error {
	source, err := d.measure(ctx, from)
	if err != nil {
		return err
	}
	replaced, err := d.measure(ctx, to)
	if err != nil {
		return err
	}
	if err := d.StorageDriver.Move(ctx, from, to); err != nil {
		return err
	}
	d.storage.give(replaced.plus(source, 1).plus(cost(to, source.bytes), -1))
	return nil
}

// Delete removes a file, or a folder with everything below.
func (d *countingDriver) Delete(ctx context.Context, file string) error {
	before, err := d.measure(ctx, file)
	if err != nil {
		return err
	}
	err = d.StorageDriver.Delete(ctx, file)
	after := usage{}
	if err != nil && !missing(err) {
		// A part may be gone. If that cannot be known, all of it counts.
		var measureErr error
		if after, measureErr = d.measure(ctx, file); measureErr != nil {
			after = before
		}
	}
	d.storage.give(before.plus(after, -1))
	return err
}

// countingWriter counts what is written to a file.
type countingWriter struct {
	driver.FileWriter
	ctx     context.Context
	file    string
	storage *storage
}

// Write appends to the file.
func (w *countingWriter) Write(data []byte) (int, error) {
	if err := w.storage.take(w.ctx, cost(w.file, int64(len(data)))); err != nil {
		return 0, err
	}
	count, err := w.FileWriter.Write(data)
	w.storage.give(cost(w.file, int64(len(data)-count)))
	return count, err
}

// Cancel removes the file.
func (w *countingWriter) Cancel(ctx context.Context) error {
	size := w.Size()
	if err := w.FileWriter.Cancel(ctx); err != nil {
		return err
	}
	w.storage.give(cost(w.file, size))
	return nil
}
