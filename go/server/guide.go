package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "turnup/go/routeguide"
)

const passedWithinKm = 100

// A guide has RouteGuide's four methods.
//
// The status is INVALID_ARGUMENT for a value out of range, NOT_FOUND for an unknown place, and UNAVAILABLE (retry later) while
// Redis does not respond.
type guide struct {
	pb.UnimplementedRouteGuideServer
	store  func() (placeStore, error) // returns the store for one call, or errNotReady
	server string                     // name of this server in responses (the pod's name)
}

// failed returns an error as gRPC status.
func failed(err error) error {
	var invalid invalidInput
	var unknown errUnknownPlace
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.As(err, &unknown):
		return status.Error(codes.NotFound, err.Error())
	}
	if known, ok := status.FromError(err); ok { // of the stream itself
		return known.Err()
	}
	return status.Error(codes.Unavailable, err.Error())
}

// FindPlace returns the place nearest to the position.
func (g *guide) FindPlace(ctx context.Context, request *pb.Position) (*pb.FoundPlace, error) {
	if err := checkPosition(request.GetLatitude(), request.GetLongitude()); err != nil {
		return nil, failed(err)
	}
	store, err := g.store()
	if err != nil {
		return nil, failed(err)
	}
	rows, err := store.near(ctx, request.GetLatitude(), request.GetLongitude(), maxDistanceKm, 1)
	if err == nil && len(rows) == 0 {
		err = errUnknownPlace("any")
	}
	if err != nil {
		return nil, failed(err)
	}
	found, err := g.found(ctx, store, rows[0])
	return found, failed(err)
}

// ListPlaces streams the places in the area, sorted by distance from its center.
func (g *guide) ListPlaces(request *pb.Area, stream grpc.ServerStreamingServer[pb.FoundPlace]) error {
	center := request.GetCenter()
	if err := errors.Join(checkPosition(center.GetLatitude(), center.GetLongitude()), checkRadius(request.GetRadiusKm())); err != nil {
		return failed(err)
	}
	store, err := g.store()
	if err != nil {
		return failed(err)
	}
	rows, err := store.near(stream.Context(), center.GetLatitude(), center.GetLongitude(), request.GetRadiusKm(), 0)
	if err != nil {
		return failed(err)
	}
	for _, row := range rows {
		found, err := g.found(stream.Context(), store, row)
		if err == nil {
			err = stream.Send(found)
		}
		if err != nil {
			return failed(err)
		}
	}
	return nil
}

// MeasureRoute returns the length of the route and the places that it passes.
func (g *guide) MeasureRoute(stream grpc.ClientStreamingServer[pb.Position, pb.RouteSummary]) error {
	store, err := g.store()
	if err != nil {
		return failed(err)
	}
	summary := &pb.RouteSummary{}
	seen := map[string]bool{}
	var last *pb.Position
	for {
		here, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			summary.Origin = g.origin(stream.Context(), store, indexKey)
			summary.LengthKm = roundedKm(summary.LengthKm)
			return failed(stream.SendAndClose(summary))
		}
		if err == nil {
			err = checkPosition(here.GetLatitude(), here.GetLongitude())
		}
		if err != nil {
			return failed(err)
		}
		summary.Positions++
		if last != nil {
			summary.LengthKm += distanceKm(last.GetLatitude(), last.GetLongitude(), here.GetLatitude(), here.GetLongitude())
		}
		last = here
		rows, err := store.near(stream.Context(), here.GetLatitude(), here.GetLongitude(), passedWithinKm, 0)
		if err != nil {
			return failed(err)
		}
		for _, row := range rows {
			if !seen[row.name] {
				seen[row.name] = true
				summary.Passed = append(summary.Passed, row.name)
			}
		}
	}
}

// ExchangeNotes stores each note and streams the earlier notes at the same place.
func (g *guide) ExchangeNotes(stream grpc.BidiStreamingServer[pb.Note, pb.KeptNote]) error {
	for {
		note, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = g.exchange(note, stream)
		}
		if err != nil {
			return failed(err)
		}
	}
}

func (g *guide) exchange(note *pb.Note, stream grpc.BidiStreamingServer[pb.Note, pb.KeptNote]) error {
	if err := checkText("author", note.GetAuthor(), 64); err != nil {
		return err
	}
	if err := checkText("text", note.GetText(), 256); err != nil {
		return err
	}
	store, err := g.store()
	if err != nil {
		return err
	}
	earlier, err := store.leaveNote(stream.Context(), note.GetPlace(), note.GetAuthor(), note.GetText())
	if err != nil {
		return err
	}
	for _, kept := range earlier {
		err := stream.Send(&pb.KeptNote{
			Note:   &pb.Note{Place: note.GetPlace(), Author: kept.author, Text: kept.text},
			AgeS:   kept.ageS,
			Origin: g.origin(stream.Context(), store, notesKey(note.GetPlace())),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *guide) origin(ctx context.Context, store placeStore, key string) *pb.Origin {
	return &pb.Origin{Server: g.server, Store: store.origin(ctx, key)}
}

func (g *guide) found(ctx context.Context, store placeStore, row foundName) (*pb.FoundPlace, error) {
	p, err := store.get(ctx, row.name)
	if err != nil {
		return nil, err
	}
	return &pb.FoundPlace{Place: message(p), DistanceKm: row.distance, Origin: g.origin(ctx, store, placeKey(row.name))}, nil
}

// message converts a place to its protobuf message.
func message(p place) *pb.Place {
	return &pb.Place{
		Name:      p.name,
		Position:  &pb.Position{Latitude: p.latitude, Longitude: p.longitude},
		Countries: strings.Split(p.countries, ","),
		Remark:    p.remark,
	}
}
