package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"turnup/go/common"
)

// errNotReady is the error while there is no usable store; the text says why.
type errNotReady string

func (e errNotReady) Error() string { return string(e) }

// A monitor owns the current placeStore.
//
// It connects to Redis, writes missing places, then probes. If a probe fails, it closes the store, calls onChange(false) and
// connects again. It resolves the host again, so it recovers even if all Redis pods have new addresses. A probe also detects
// lost data, which is written again.
type monitor struct {
	connect      func(context.Context) (placeStore, error)
	places       []place
	onChange     func(bool)
	probeEvery   time.Duration
	recheckEvery int // number of probes after which all places are compared and not only counted
	// returns a sentence on an error that says what to do, "" if it knows nothing better; nil knows nothing
	explain func(error) string

	mutex  sync.Mutex
	store  placeStore
	reason string
}

// current returns the usable store, or errNotReady.
func (m *monitor) current() (placeStore, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.store == nil {
		return nil, errNotReady(m.reason)
	}
	return m.store, nil
}

// run works until the context ends.
func (m *monitor) run(ctx context.Context) {
	m.drop("not connected to Redis yet", false)
	waits := common.Backoff{First: 200 * time.Millisecond, Limit: 2 * time.Second}
	for ctx.Err() == nil {
		store, err := m.connect(ctx)
		if err == nil {
			if err = m.fill(ctx, store); err == nil {
				waits.Reset()
				err = m.watch(ctx, store)
			}
			if ctx.Err() == nil {
				m.drop(m.reasonOf(err), true)
			}
			store.close()
		} else if ctx.Err() == nil {
			m.drop(m.reasonOf(err), true)
		}
		sleep(ctx, waits.Next())
	}
}

// reasonOf returns why there is no usable store after an error.
func (m *monitor) reasonOf(err error) string {
	if m.explain != nil {
		if sentence := m.explain(err); sentence != "" {
			return sentence
		}
	}
	return fmt.Sprintf("Redis does not respond: %v", err)
}

// sleep waits for a duration, or until the context ends; it returns whether the context has not ended.
func sleep(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (m *monitor) fill(ctx context.Context, store placeStore) error {
	written, err := store.fill(ctx, m.places)
	if err != nil {
		return err
	}
	missing, err := store.missing(ctx, m.places)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of %d places are missing after writing them", len(missing), len(m.places))
	}
	common.Infof("Redis has all %d places (%d written now)", len(m.places), written)
	return nil
}

// watch makes the store the current one and probes it until it fails or the context ends.
func (m *monitor) watch(ctx context.Context, store placeStore) error {
	m.mutex.Lock()
	m.store = store
	m.mutex.Unlock()
	m.onChange(true)
	for count := 1; sleep(ctx, m.probeEvery); count++ {
		if err := store.probe(ctx, len(m.places)); err != nil {
			return err
		}
		if count%m.recheckEvery == 0 {
			written, err := store.fill(ctx, m.places)
			if err != nil {
				return err
			}
			if written > 0 {
				common.Warnf("some places were missing from Redis and are written again")
			}
		}
	}
	return ctx.Err()
}

// drop makes no store the current one. Each state is logged once, not each attempt.
func (m *monitor) drop(reason string, log bool) {
	m.mutex.Lock()
	usable, news := m.store != nil, reason != m.reason
	m.store, m.reason = nil, reason
	m.mutex.Unlock()
	if log && (usable || news) {
		common.Warnf("%s", reason)
	}
	if usable {
		m.onChange(false)
	}
}
