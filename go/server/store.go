package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys in Redis, the same as those of the Python server:
//
//	places:index     geo set of all names, for searches by position
//	place:NAME       hash of one place: latitude, longitude, countries, remark
//	notes:NAME       list of the last notes at a place, newest first
const (
	indexKey  = "places:index"
	notesKept = 10
	notesTTL  = time.Hour
	allSlots  = 16384
)

// errUnknownPlace is the error for a name that no place has.
type errUnknownPlace string

func (e errUnknownPlace) Error() string {
	return fmt.Sprintf("there is no place named '%s'", string(e))
}

// A found place has its distance from the requested position, in km.
type foundName struct {
	name     string
	distance float64
}

// A storedNote is a note with its age in whole seconds.
type storedNote struct {
	author, text string
	ageS         uint32
}

// A placeStore reads and writes places and notes. It is safe to use from several goroutines.
type placeStore interface {
	// origin returns "redis IP:PORT", the address of the master that owns the key.
	origin(ctx context.Context, key string) string
	// fill writes missing places and returns their number. It is idempotent, even if several servers fill the store at once.
	fill(ctx context.Context, places []place) (int, error)
	// missing returns how many places Redis lacks or has with other values.
	missing(ctx context.Context, places []place) ([]place, error)
	// probe pings every master and checks that the index has at least `expected` places.
	probe(ctx context.Context, expected int) error
	// get returns the place with the given name, or errUnknownPlace.
	get(ctx context.Context, name string) (place, error)
	// near returns the places within a radius in km, sorted by distance; all of them if limit is 0.
	near(ctx context.Context, latitude, longitude, radiusKm float64, limit int) ([]foundName, error)
	// leaveNote stores a note at a place and returns the earlier notes there, oldest first.
	leaveNote(ctx context.Context, name, author, text string) ([]storedNote, error)
	close()
}

// A redisStore is the placeStore in a Redis Cluster.
type redisStore struct {
	client *redis.ClusterClient
}

// connect connects to a Redis Cluster.
//
// Each client resolves the host again and finds the nodes only through it. So a new client works even if all nodes have new
// addresses. It fails if no node responds, or some slots have no master.
func connect(ctx context.Context, host string, port int, login login) (placeStore, error) {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                      []string{net.JoinHostPort(host, strconv.Itoa(port))},
		DialTimeout:                time.Second,
		ReadTimeout:                2 * time.Second,
		WriteTimeout:               2 * time.Second,
		MaxRedirects:               3,
		CredentialsProviderContext: login.credentials,
	})
	store := &redisStore{client}
	if err := store.checkCoverage(ctx); err != nil {
		store.close()
		return nil, err
	}
	return store, nil
}

func (s *redisStore) checkCoverage(ctx context.Context) error {
	slots, err := s.client.ClusterSlots(ctx).Result()
	if err != nil {
		return err
	}
	covered := 0
	for _, slot := range slots {
		covered += slot.End - slot.Start + 1
	}
	if covered != allSlots {
		return fmt.Errorf("%d of %d slots have a master", covered, allSlots)
	}
	return nil
}

func (s *redisStore) close() {
	_ = s.client.Close() // connections are closed either way
}

func placeKey(name string) string { return "place:" + name }

func notesKey(name string) string { return "notes:" + name }

// decimal writes a number as Python's repr does, because the Python server compares the fields as text.
func decimal(value float64) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func fields(p place) map[string]string {
	return map[string]string{
		"latitude":  decimal(p.latitude),
		"longitude": decimal(p.longitude),
		"countries": p.countries,
		"remark":    p.remark,
	}
}

func (s *redisStore) origin(ctx context.Context, key string) string {
	node, err := s.client.MasterForKey(ctx, key)
	if err != nil {
		return "redis"
	}
	return "redis " + node.Options().Addr
}

func (s *redisStore) missing(ctx context.Context, places []place) ([]place, error) {
	names := make([]string, len(places))
	hashes := make([]*redis.MapStringStringCmd, len(places))
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, p := range places {
			names[i] = p.name
			hashes[i] = pipe.HGetAll(ctx, placeKey(p.name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	positions, err := s.client.GeoPos(ctx, indexKey, names...).Result()
	if err != nil {
		return nil, err
	}
	var lacking []place
	for i, p := range places {
		if positions[i] == nil || !equal(hashes[i].Val(), fields(p)) {
			lacking = append(lacking, p)
		}
	}
	return lacking, nil
}

func equal(one, other map[string]string) bool {
	if len(one) != len(other) {
		return false
	}
	for key, value := range one {
		if found, ok := other[key]; !ok || found != value {
			return false
		}
	}
	return true
}

func (s *redisStore) fill(ctx context.Context, places []place) (int, error) {
	lacking, err := s.missing(ctx, places)
	if err != nil || len(lacking) == 0 {
		return 0, err
	}
	locations := make([]*redis.GeoLocation, len(lacking))
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, p := range lacking {
			pipe.HSet(ctx, placeKey(p.name), fields(p))
			locations[i] = &redis.GeoLocation{Name: p.name, Longitude: p.longitude, Latitude: p.latitude}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(lacking), s.client.GeoAdd(ctx, indexKey, locations...).Err()
}

func (s *redisStore) probe(ctx context.Context, expected int) error {
	err := s.client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() })
	if err != nil {
		return err
	}
	found, err := s.client.ZCard(ctx, indexKey).Result()
	if err == nil && found < int64(expected) {
		err = fmt.Errorf("the index has %d of %d places", found, expected)
	}
	return err
}

func (s *redisStore) get(ctx context.Context, name string) (place, error) {
	hash, err := s.client.HGetAll(ctx, placeKey(name)).Result()
	if err != nil {
		return place{}, err
	}
	if len(hash) == 0 {
		return place{}, errUnknownPlace(name)
	}
	latitude, err1 := strconv.ParseFloat(hash["latitude"], 64)
	longitude, err2 := strconv.ParseFloat(hash["longitude"], 64)
	if err := errors.Join(err1, err2); err != nil {
		return place{}, fmt.Errorf("%s in Redis is damaged: %w", placeKey(name), err)
	}
	return place{name, latitude, longitude, hash["countries"], hash["remark"]}, nil
}

func (s *redisStore) near(ctx context.Context, latitude, longitude, radiusKm float64, limit int) ([]foundName, error) {
	rows, err := s.client.GeoSearchLocation(ctx, indexKey, &redis.GeoSearchLocationQuery{
		GeoSearchQuery: redis.GeoSearchQuery{
			Longitude: longitude, Latitude: latitude, Radius: radiusKm, RadiusUnit: "km", Sort: "ASC", Count: limit,
		},
		WithDist: true,
	}).Result()
	found := make([]foundName, len(rows))
	for i, row := range rows {
		found[i] = foundName{row.Name, row.Dist}
	}
	return found, err
}

// A noteRow is the JSON of one note in Redis.
type noteRow struct {
	Author string  `json:"author"`
	Text   string  `json:"text"`
	At     float64 `json:"at"` // seconds since 1970
}

func (s *redisStore) leaveNote(ctx context.Context, name, author, text string) ([]storedNote, error) {
	if _, err := s.get(ctx, name); err != nil {
		return nil, err
	}
	now := float64(time.Now().UnixMicro()) / 1e6
	row, err := json.Marshal(noteRow{author, text, now})
	if err != nil {
		return nil, err
	}
	var rows *redis.StringSliceCmd
	_, err = s.client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		rows = pipe.LRange(ctx, notesKey(name), 0, notesKept-1)
		pipe.LPush(ctx, notesKey(name), row)
		pipe.LTrim(ctx, notesKey(name), 0, notesKept-1)
		pipe.Expire(ctx, notesKey(name), notesTTL)
		return nil
	})
	if err != nil {
		return nil, err
	}
	earlier := rows.Val()
	notes := make([]storedNote, 0, len(earlier))
	for i := len(earlier) - 1; i >= 0; i-- {
		var note noteRow
		if err := json.Unmarshal([]byte(earlier[i]), &note); err != nil {
			return nil, fmt.Errorf("%s in Redis is damaged: %w", notesKey(name), err)
		}
		notes = append(notes, storedNote{note.Author, note.Text, uint32(max(0, now-note.At))})
	}
	return notes, nil
}
