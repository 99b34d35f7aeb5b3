"""Tests of the calls of a round and of the descriptions of responses."""

import itertools

from proto import route_guide_pb2 as pb
from python.client import tour

ORIGIN = pb.Origin(server="server-1", store="redis 10.0.0.1:6379")
ZURICH = pb.Place(
    name="Europe/Zurich",
    position=pb.Position(latitude=47.3833, longitude=8.5333),
    countries=["CH", "DE"],
)


class FakeStub:
    """Stub with a fixed response for each method; it keeps the requests."""

    def __init__(self):
        self.sent = {}

    def _keep(self, method, request, timeout, wait_for_ready):
        assert (timeout, wait_for_ready) == (3.0, True)
        self.sent[method] = request

    def FindPlace(self, request, **options):
        """Returns Zurich, 2 km away."""
        self._keep("FindPlace", request, **options)
        return pb.FoundPlace(place=ZURICH, distance_km=2.4, origin=ORIGIN)

    def ListPlaces(self, request, **options):
        """Returns Zurich."""
        self._keep("ListPlaces", request, **options)
        return iter([pb.FoundPlace(place=ZURICH, origin=ORIGIN)])

    def MeasureRoute(self, request, **options):
        """Returns a length of 1000 km, past Zurich."""
        positions = list(request)
        self._keep("MeasureRoute", positions, **options)
        return pb.RouteSummary(positions=len(positions), length_km=1000, passed=["Europe/Zurich"], origin=ORIGIN)

    def ExchangeNotes(self, request, **options):
        """Returns the first note."""
        notes = list(request)
        self._keep("ExchangeNotes", notes, **options)
        return iter([pb.KeptNote(note=notes[0], age_s=7, origin=ORIGIN)])


def test_a_round_calls_all_four_methods():
    """A round calls each method once, and each description names Redis, server and place."""
    stub = FakeStub()
    calls = next(tour.rounds(lambda: stub, "me"))

    descriptions = {call.method: call.run(3.0) for call in calls}

    start = "answered from redis 10.0.0.1:6379 by server-1: "
    assert descriptions == {
        "FindPlace": start + "Europe/Zurich (CH DE) at 47.38 8.53, 2 km away",
        "ListPlaces": start + "1 within 500 km: Europe/Zurich",
        "MeasureRoute": start + "1000 km over 3 positions, past Europe/Zurich",
        "ExchangeNotes": start + "1 notes left at Europe/London, the last by me 7 s ago: 'round 0'",
    }
    assert len(stub.sent["ExchangeNotes"]) == 2


def test_rounds_travel():
    """Rounds use the positions of STOPS in order and start again after the last one."""
    stub = FakeStub()
    asked = []
    for calls in itertools.islice(tour.rounds(lambda: stub, "me"), len(tour.STOPS) + 1):
        calls[0].run(3.0)
        asked.append((stub.sent["FindPlace"].latitude, stub.sent["FindPlace"].longitude))

    assert asked[:-1] == tour.STOPS
    assert asked[-1] == tour.STOPS[0]


def test_empty_responses_are_described():
    """A stream without messages has a description."""
    assert tour.listed([], 10) == "answered: no place within 10 km"
    assert tour.exchanged([], "Europe/Rome") == "answered: no earlier notes at Europe/Rome"
