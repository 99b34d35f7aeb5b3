package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "turnup/go/routeguide"
)

var (
	zurich = place{"Europe/Zurich", 47.3833, 8.5333, "CH,DE,LI", ""}
	rome   = place{"Europe/Rome", 41.9, 12.4833, "IT", "a remark"}
	tokyo  = place{"Asia/Tokyo", 35.6544, 139.7447, "JP", ""}
)

// serving starts a server and returns a connection to it; the server stops at the end of the test.
func serving(t *testing.T, connect func(context.Context) (placeStore, error)) (*server, *grpc.ClientConn) {
	t.Helper()
	s, err := newServer("127.0.0.1:0", "server-1", []place{zurich, rome, tokyo}, connect, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, 0, time.Second) }()
	channel, err := grpc.NewClient("passthrough:///"+s.listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = channel.Close()
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, channel
}

// stub returns a client of a server whose Redis has three places.
func stub(t *testing.T) pb.RouteGuideClient {
	t.Helper()
	store := newFakeStore()
	s, channel := serving(t, func(context.Context) (placeStore, error) { return store, nil })
	until(t, func() bool { _, err := s.monitor.current(); return err == nil })
	return pb.NewRouteGuideClient(channel)
}

// until waits until a condition holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition does not hold after 20 s")
		}
	}
}

func receiveAll[T any](stream interface{ Recv() (*T, error) }) ([]*T, error) {
	var all []*T
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, message)
	}
}

// FindPlace returns the nearest place with its distance and the origin of the response.
func TestFindPlaceReturnsTheNearest(t *testing.T) {
	answer, err := stub(t).FindPlace(t.Context(), &pb.Position{Latitude: 47, Longitude: 8})
	if err != nil {
		t.Fatal(err)
	}
	near(t, answer.GetDistanceKm(), 58.6, 0.5)
	answer.DistanceKm = 0
	want := &pb.FoundPlace{
		Place: &pb.Place{
			Name: "Europe/Zurich", Position: &pb.Position{Latitude: 47.3833, Longitude: 8.5333}, Countries: []string{"CH", "DE", "LI"},
		},
		Origin: &pb.Origin{Server: "server-1", Store: "redis fake:6379"},
	}
	if !proto.Equal(answer, want) {
		t.Errorf("got %v, want %v", answer, want)
	}
}

// ListPlaces returns the places in the area, and no others, sorted by distance; there may be none.
func TestListPlacesIsSortedAndLimited(t *testing.T) {
	client := stub(t)
	for _, row := range []struct {
		area *pb.Area
		want []string
	}{
		{&pb.Area{Center: &pb.Position{Latitude: 44, Longitude: 11}, RadiusKm: 1000}, []string{"Europe/Rome", "Europe/Zurich"}},
		{&pb.Area{Center: &pb.Position{}, RadiusKm: 10}, nil},
	} {
		stream, err := client.ListPlaces(t.Context(), row.area)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := receiveAll(stream)
		var names []string
		for _, answer := range answers {
			names = append(names, answer.GetPlace().GetName())
		}
		if err != nil || !slices.Equal(names, row.want) {
			t.Errorf("got %v, %v, want %v", names, err, row.want)
		}
	}
}

// MeasureRoute returns the number of positions, the length, and each passed place once, in order; a route may be empty.
func TestMeasureRoute(t *testing.T) {
	client := stub(t)
	for _, row := range []struct {
		route  []place
		length float64
		want   []string
	}{
		{[]place{zurich, rome, zurich}, 2 * 687, []string{"Europe/Zurich", "Europe/Rome"}},
		{nil, 0, nil},
	} {
		stream, err := client.MeasureRoute(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range row.route {
			if err := stream.Send(&pb.Position{Latitude: p.latitude, Longitude: p.longitude}); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := stream.CloseAndRecv()
		if err != nil || int(answer.GetPositions()) != len(row.route) || !slices.Equal(answer.GetPassed(), row.want) {
			t.Errorf("got %v, %v", answer, err)
		}
		near(t, answer.GetLengthKm(), row.length, 5)
	}
}

// The second note's response includes the first note.
func TestExchangeNotesReturnsEarlierNotes(t *testing.T) {
	stream, err := stub(t).ExchangeNotes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := stream.Send(&pb.Note{Place: "Asia/Tokyo", Author: "me", Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	answers, err := receiveAll(stream)
	if err != nil || len(answers) != 1 || answers[0].GetNote().GetAuthor() != "me" || answers[0].GetNote().GetText() != "one" {
		t.Errorf("got %v, %v", answers, err)
	}
}

// A value out of range is INVALID_ARGUMENT and an unknown place NOT_FOUND, each with a text that says what is wrong.
func TestBadRequests(t *testing.T) {
	client := stub(t)
	exchange := func(note *pb.Note) error {
		stream, err := client.ExchangeNotes(t.Context())
		if err == nil {
			if err = stream.Send(note); err == nil {
				_, err = receiveAll(stream)
			}
		}
		return err
	}
	_, latitude := client.FindPlace(t.Context(), &pb.Position{Latitude: 91})
	stream, err := client.ListPlaces(t.Context(), &pb.Area{})
	if err != nil {
		t.Fatal(err)
	}
	_, radius := receiveAll(stream)
	for want, got := range map[string]error{
		"InvalidArgument: latitude is 91; use degrees from -85.05 to 85.05":  latitude,
		"InvalidArgument: radius_km is 0; use more than 0 and at most 20021": radius,
		"InvalidArgument: author has 0 characters; use 1 to 64":              exchange(&pb.Note{Place: "Asia/Tokyo", Text: "x"}),
		"NotFound: there is no place named 'Nowhere'":                        exchange(&pb.Note{Place: "Nowhere", Author: "me", Text: "x"}),
	} {
		if found := fmt.Sprintf("%s: %s", status.Code(got), status.Convert(got).Message()); found != want {
			t.Errorf("got %q, want %q", found, want)
		}
	}
}

// healthOf returns the server's answer to a health check.
func healthOf(t *testing.T, channel *grpc.ClientConn, service string) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	answer, err := healthpb.NewHealthClient(channel).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetStatus()
}

// The server is NOT_SERVING until Redis responds and has all places, and again after an outage; "live" is always SERVING.
func TestHealthFollowsRedis(t *testing.T) {
	store := newFakeStore()
	store.setDown(true)
	_, channel := serving(t, func(ctx context.Context) (placeStore, error) { return store, store.probe(ctx, 0) })
	service := pb.RouteGuide_ServiceDesc.ServiceName
	health := func(want healthpb.HealthCheckResponse_ServingStatus) func() bool {
		return func() bool { return healthOf(t, channel, "") == want && healthOf(t, channel, service) == want }
	}

	until(t, health(healthpb.HealthCheckResponse_NOT_SERVING))
	_, err := pb.NewRouteGuideClient(channel).FindPlace(t.Context(), &pb.Position{})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	store.setDown(false)
	until(t, health(healthpb.HealthCheckResponse_SERVING))
	store.setDown(true)
	until(t, health(healthpb.HealthCheckResponse_NOT_SERVING))
	if got := healthOf(t, channel, live); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("live: got %v", got)
	}
}

// A place that disappears from Redis is written again.
func TestLostPlacesAreWrittenAgain(t *testing.T) {
	store := newFakeStore()
	serving(t, func(context.Context) (placeStore, error) { return store, nil })
	until(t, func() bool { _, err := store.get(t.Context(), "Europe/Zurich"); return err == nil })

	store.forget("Europe/Zurich")

	until(t, func() bool { _, err := store.get(t.Context(), "Europe/Zurich"); return err == nil })
}

// Numbers are written as Python's repr does.
func TestDecimal(t *testing.T) {
	for want, value := range map[string]float64{"47.0": 47, "-0.1": -0.1, "47.38333333333333": 47 + 23.0/60, "0.0": 0} {
		if got := decimal(value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Wrong usage exits with 2, a port that is in use with 1.
func TestExitCodes(t *testing.T) {
	none := func(string) string { return "" }
	if got := run(t.Context(), nil, none); got != 2 {
		t.Errorf("got %d", got)
	}
	s, _ := serving(t, func(context.Context) (placeStore, error) { return newFakeStore(), nil })
	_, port, _ := strings.Cut(s.listener.Addr().String(), ":")
	if got := run(t.Context(), []string{"--port=" + port, "--redis-host=localhost", "--redis-port=1", "--redis-password-file=/none"}, none); got != 1 {
		t.Errorf("got %d", got)
	}
}
