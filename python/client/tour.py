"""Rounds of calls to RouteGuide's four methods, each response described in one line."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc

Stub = Callable[[], pb_grpc.RouteGuideStub]
"""Returns the current stub."""

STOPS = [
    (47.37, 8.54),
    (51.51, -0.13),
    (40.71, -74.01),
    (-33.87, 151.21),
    (35.68, 139.69),
    (-1.29, 36.82),
    (-23.55, -46.63),
    (28.61, 77.21),
]
"""Positions of the rounds as (latitude, longitude): cities on all continents."""

AREA_KM = 500.0


@dataclass(frozen=True)
class Call:
    """One RPC of a round.

    Attributes:
        method: name of the RPC method.
        run: makes the call with the given deadline in seconds and returns a
            description of the response; raises grpc.RpcError.
    """

    method: str
    run: Callable[[float], str]


def rounds(stub: Stub, author: str) -> Iterator[list[Call]]:
    """Yields the calls of each round, without end; each round is at the next of STOPS.

    Args:
        stub: returns the stub for each call.
        author: author of the client's notes (the pod's name), 1 to 64 characters.

    Yields:
        The calls of the next round.
    """
    for number in itertools.count():
        yield _round(stub, author, number)


def _round(stub: Stub, author: str, number: int) -> list[Call]:
    here = _position(STOPS[number % len(STOPS)])
    route = [_position(STOPS[(number + leg) % len(STOPS)]) for leg in range(3)]
    note_at = "Europe/London"

    def find_place(deadline_s: float) -> str:
        return found(stub().FindPlace(here, timeout=deadline_s, wait_for_ready=True))

    def list_places(deadline_s: float) -> str:
        area = pb.Area(center=here, radius_km=AREA_KM)
        answers = list(stub().ListPlaces(area, timeout=deadline_s, wait_for_ready=True))
        return listed(answers, AREA_KM)

    def measure_route(deadline_s: float) -> str:
        return measured(stub().MeasureRoute(iter(route), timeout=deadline_s, wait_for_ready=True))

    def exchange_notes(deadline_s: float) -> str:
        note = pb.Note(place=note_at, author=author, text=f"round {number}")
        # Two notes: the response to the second includes the first, so the stream is never empty.
        notes = iter([note, note])
        answers = stub().ExchangeNotes(notes, timeout=deadline_s, wait_for_ready=True)
        return exchanged(list(answers), note_at)

    return [
        Call("FindPlace", find_place),
        Call("ListPlaces", list_places),
        Call("MeasureRoute", measure_route),
        Call("ExchangeNotes", exchange_notes),
    ]


def _position(pair: tuple[float, float]) -> pb.Position:
    return pb.Position(latitude=pair[0], longitude=pair[1])


def origin(message: pb.Origin) -> str:
    """Describes the origin of a response, such as "from redis 10.42.0.5:6379 by server-x"."""
    return f"from {message.store or 'an unknown store'} by {message.server or 'an unknown server'}"


def found(answer: pb.FoundPlace) -> str:
    """Describes the response of FindPlace."""
    place = answer.place
    return (
        f"answered {origin(answer.origin)}: {place.name} ({' '.join(place.countries)}) at "
        f"{place.position.latitude:.2f} {place.position.longitude:.2f}, "
        f"{answer.distance_km:.0f} km away"
    )


def listed(answers: list[pb.FoundPlace], radius_km: float) -> str:
    """Describes the responses of ListPlaces."""
    if not answers:
        return f"answered: no place within {radius_km:.0f} km"
    names = ", ".join(answer.place.name for answer in answers)
    return f"answered {origin(answers[0].origin)}: {len(answers)} within {radius_km:.0f} km: {names}"


def measured(answer: pb.RouteSummary) -> str:
    """Describes the response of MeasureRoute."""
    passed = ", ".join(answer.passed) or "no place"
    return f"answered {origin(answer.origin)}: {answer.length_km:.0f} km over {answer.positions} positions, past {passed}"


def exchanged(answers: list[pb.KeptNote], place: str) -> str:
    """Describes the responses of ExchangeNotes."""
    if not answers:
        return f"answered: no earlier notes at {place}"
    last = answers[-1]
    return f"answered {origin(last.origin)}: {len(answers)} notes left at {place}, the last by {last.note.author} {last.age_s} s ago: {last.note.text!r}"
