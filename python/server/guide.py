"""RouteGuide's four methods, with data from a PlaceStore."""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.server import geo
from python.server.places import Place
from python.server.store import INDEX, STORE_ERRORS, PlaceStore, UnknownPlace, place_key
from python.server.store_monitor import NotReady

log = logging.getLogger(__name__)

PASSED_WITHIN_KM = 100.0


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Returns gRPC status and details for an exception."""
    if isinstance(error, geo.InvalidInput):
        return grpc.StatusCode.INVALID_ARGUMENT, str(error)
    if isinstance(error, UnknownPlace):
        return grpc.StatusCode.NOT_FOUND, f"there is no place named {error.args[0]!r}"
    return grpc.StatusCode.UNAVAILABLE, f"{error}"


_EXPECTED = (geo.InvalidInput, UnknownPlace, NotReady, *STORE_ERRORS)


def _unary(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a method with one response, so that expected errors become a gRPC status."""

    @functools.wraps(method)
    def wrapper(self: "RouteGuide", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except _EXPECTED as error:
            context.abort(*_status(error))

    return wrapper


def _streaming(method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Wraps a method with a stream of responses, so that expected errors become a gRPC status."""

    @functools.wraps(method)
    def wrapper(self: "RouteGuide", request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from method(self, request, context)
        except _EXPECTED as error:
            context.abort(*_status(error))

    return wrapper


class RouteGuide(pb_grpc.RouteGuideServicer):  # type: ignore[misc]  # protoc writes the base class, without types
    """RouteGuide's servicer.

    The status is INVALID_ARGUMENT for a value out of range, NOT_FOUND for an
    unknown place, and UNAVAILABLE (retry later) while Redis does not respond.
    """

    def __init__(self, store: Callable[[], PlaceStore], server: str) -> None:
        """Keeps the settings.

        Args:
            store: returns the store for one call; raises NotReady if there is none.
            server: name of this server in responses (the pod's name).
        """
        self._store = store
        self._server = server

    @_unary
    def FindPlace(self, request: pb.Position, context: grpc.ServicerContext) -> pb.FoundPlace:
        """Returns the place nearest to the position."""
        geo.check_position(request.latitude, request.longitude)
        store = self._store()
        name, distance = store.nearest(request.latitude, request.longitude)
        return self._found(store, name, distance)

    @_streaming
    def ListPlaces(self, request: pb.Area, context: grpc.ServicerContext) -> Iterator[pb.FoundPlace]:
        """Streams the places in the area, sorted by distance from its center."""
        center = request.center
        geo.check_position(center.latitude, center.longitude)
        geo.check_radius(request.radius_km)
        store = self._store()
        for name, distance in store.near(center.latitude, center.longitude, request.radius_km):
            yield self._found(store, name, distance)

    @_unary
    def MeasureRoute(self, request: Iterable[pb.Position], context: grpc.ServicerContext) -> pb.RouteSummary:
        """Returns the length of the route and the places that it passes."""
        store = self._store()
        passed: dict[str, None] = {}  # a dict keeps the order
        positions, length, last = 0, 0.0, None
        for position in request:
            here = (position.latitude, position.longitude)
            geo.check_position(*here)
            positions += 1
            if last is not None:
                length += geo.distance_km(last, here)
            last = here
            passed.update((name, None) for name, _ in store.near(*here, PASSED_WITHIN_KM))
        return pb.RouteSummary(
            positions=positions,
            # To a millimeter, because the last bits of a sine depend on the language, and servers are interchangeable.
            length_km=round(length, 6),
            passed=list(passed),
            origin=self._origin(store, INDEX),
        )

    @_streaming
    def ExchangeNotes(self, request: Iterable[pb.Note], context: grpc.ServicerContext) -> Iterator[pb.KeptNote]:
        """Stores each note and streams the earlier notes at the same place."""
        for note in request:
            geo.check_text("author", note.author, 64)
            geo.check_text("text", note.text, 256)
            store = self._store()
            for kept in store.leave_note(note.place, note.author, note.text):
                yield pb.KeptNote(
                    note=pb.Note(place=note.place, author=kept.author, text=kept.text),
                    age_s=kept.age_s,
                    origin=self._origin(store, f"notes:{note.place}"),
                )

    def _origin(self, store: PlaceStore, key: str) -> pb.Origin:
        return pb.Origin(server=self._server, store=store.origin(key))

    def _found(self, store: PlaceStore, name: str, distance_km: float) -> pb.FoundPlace:
        return pb.FoundPlace(
            place=message(store.get(name)),
            distance_km=distance_km,
            origin=self._origin(store, place_key(name)),
        )


def message(place: Place) -> pb.Place:
    """Converts a place to its protobuf message."""
    return pb.Place(
        name=place.name,
        position=pb.Position(latitude=place.latitude, longitude=place.longitude),
        countries=place.countries,
        remark=place.remark,
    )
