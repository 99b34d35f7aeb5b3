package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// A fakeStore is an in-memory placeStore.
type fakeStore struct {
	mutex  sync.Mutex
	places map[string]place
	notes  map[string][]storedNote
	down   bool // every method fails, as if Redis did not respond
	closed bool
}

func newFakeStore(places ...place) *fakeStore {
	store := &fakeStore{places: map[string]place{}, notes: map[string][]storedNote{}}
	for _, p := range places {
		store.places[p.name] = p
	}
	return store
}

func (s *fakeStore) lock() (func(), error) {
	s.mutex.Lock()
	if s.down {
		s.mutex.Unlock()
		return nil, errors.New("connection refused")
	}
	return s.mutex.Unlock, nil
}

func (s *fakeStore) setDown(down bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.down = down
}

// forget removes a place, as if its shard had lost its data.
func (s *fakeStore) forget(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.places, name)
}

func (s *fakeStore) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
}

func (s *fakeStore) origin(context.Context, string) string { return "redis fake:6379" }

func (s *fakeStore) missing(_ context.Context, places []place) ([]place, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var lacking []place
	for _, p := range places {
		if s.places[p.name] != p {
			lacking = append(lacking, p)
		}
	}
	return lacking, nil
}

func (s *fakeStore) fill(ctx context.Context, places []place) (int, error) {
	lacking, err := s.missing(ctx, places)
	if err != nil {
		return 0, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, p := range lacking {
		s.places[p.name] = p
	}
	return len(lacking), nil
}

func (s *fakeStore) probe(_ context.Context, expected int) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if len(s.places) < expected {
		return fmt.Errorf("the index has %d of %d places", len(s.places), expected)
	}
	return nil
}

func (s *fakeStore) get(_ context.Context, name string) (place, error) {
	unlock, err := s.lock()
	if err != nil {
		return place{}, err
	}
	defer unlock()
	if p, ok := s.places[name]; ok {
		return p, nil
	}
	return place{}, errUnknownPlace(name)
}

func (s *fakeStore) near(_ context.Context, latitude, longitude, radiusKm float64, limit int) ([]foundName, error) {
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var rows []foundName
	for name, p := range s.places {
		if distance := distanceKm(latitude, longitude, p.latitude, p.longitude); distance <= radiusKm {
			rows = append(rows, foundName{name, distance})
		}
	}
	slices.SortFunc(rows, func(one, other foundName) int { return cmp.Compare(one.distance, other.distance) })
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	return rows, nil
}

func (s *fakeStore) leaveNote(ctx context.Context, name, author, text string) ([]storedNote, error) {
	if _, err := s.get(ctx, name); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	earlier := slices.Clone(s.notes[name])
	s.notes[name] = append(s.notes[name], storedNote{author, text, 0})
	return earlier, nil
}
