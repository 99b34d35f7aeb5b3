"""Tests of the four methods over gRPC, with an in-memory store."""

from concurrent import futures

import grpc
import pytest

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.server.guide import RouteGuide
from python.server.places import Place
from python.server.store_monitor import NotReady
from python.server.testing.fake_store import FakeStore

PLACES = [
    Place("Europe/Zurich", 47.3833, 8.5333, ("CH", "DE", "LI")),
    Place("Europe/Rome", 41.9, 12.4833, ("IT",), "a remark"),
    Place("Asia/Tokyo", 35.6544, 139.7447, ("JP",)),
]


@pytest.fixture
def store():
    """Returns an in-memory store with three places."""
    return FakeStore(PLACES)


@pytest.fixture
def stub(store):
    """Returns a stub for a server with the in-memory store."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    pb_grpc.add_RouteGuideServicer_to_server(RouteGuide(lambda: store, "server-1"), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        yield pb_grpc.RouteGuideStub(channel)
    server.stop(None)


def _status(call):
    with pytest.raises(grpc.RpcError) as failed:
        call()
    return failed.value.code(), failed.value.details()


def test_find_place_returns_the_nearest(stub):
    """FindPlace returns the nearest place with its distance and the origin of the response."""
    answer = stub.FindPlace(pb.Position(latitude=47.0, longitude=8.0))

    assert answer.place == pb.Place(
        name="Europe/Zurich",
        position=pb.Position(latitude=47.3833, longitude=8.5333),
        countries=["CH", "DE", "LI"],
    )
    assert answer.distance_km == pytest.approx(58.6, abs=0.5)
    assert answer.origin == pb.Origin(server="server-1", store="redis fake:6379")


def test_list_places_is_sorted_and_limited(stub):
    """ListPlaces returns the places in the area, and no others, sorted by distance."""
    area = pb.Area(center=pb.Position(latitude=44, longitude=11), radius_km=1000)

    names = [found.place.name for found in stub.ListPlaces(area)]

    assert names == ["Europe/Rome", "Europe/Zurich"]


def test_list_places_may_be_empty(stub):
    """An area without a place is an empty stream, not an error."""
    area = pb.Area(center=pb.Position(latitude=0, longitude=0), radius_km=10)

    assert list(stub.ListPlaces(area)) == []


def test_measure_route(stub):
    """MeasureRoute returns the number of positions, the length, and each passed place once, in order."""
    zurich, rome = (pb.Position(latitude=p.latitude, longitude=p.longitude) for p in PLACES[:2])

    answer = stub.MeasureRoute(iter([zurich, rome, zurich]))

    assert answer.positions == 3
    assert answer.length_km == pytest.approx(2 * 687, abs=5)
    assert list(answer.passed) == ["Europe/Zurich", "Europe/Rome"]


def test_measure_route_of_nothing(stub):
    """A route without positions has length 0."""
    answer = stub.MeasureRoute(iter([]))

    assert (answer.positions, answer.length_km, list(answer.passed)) == (0, 0, [])


def test_exchange_notes_returns_earlier_notes(stub):
    """The second note's response includes the first note."""
    notes = [pb.Note(place="Asia/Tokyo", author="me", text=text) for text in ("one", "two")]

    answers = list(stub.ExchangeNotes(iter(notes)))

    assert [(answer.note.author, answer.note.text) for answer in answers] == [("me", "one")]


@pytest.mark.parametrize(
    ("method", "request_", "why"),
    [
        ("FindPlace", pb.Position(latitude=91), "latitude is 91; use degrees from -85.05 to 85.05"),
        ("ListPlaces", pb.Area(radius_km=0), "radius_km is 0; use more than 0"),
        ("ListPlaces", pb.Area(center=pb.Position(longitude=200), radius_km=1), "longitude is 200; use degrees from -180 to 180"),
        ("MeasureRoute", [pb.Position(latitude=-91)], "latitude is -91; use degrees from -85.05 to 85.05"),
        ("ExchangeNotes", [pb.Note(place="Asia/Tokyo", text="x")], "author has 0 characters; use 1 to 64"),
        ("ExchangeNotes", [pb.Note(place="Asia/Tokyo", author="x")], "text has 0 characters; use 1 to 256"),
    ],
)
def test_values_out_of_range(stub, method, request_, why):
    """A value out of range is INVALID_ARGUMENT, with the field and its range."""
    sent = iter(request_) if isinstance(request_, list) else request_
    result = getattr(stub, method)

    code, details = _status(lambda: _drain(result(sent)))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert why in details


def _drain(answer):
    return list(answer) if hasattr(answer, "__next__") else answer


def test_a_note_at_an_unknown_place(stub):
    """A note at an unknown place is NOT_FOUND, with the name."""
    note = pb.Note(place="Nowhere", author="me", text="x")

    code, details = _status(lambda: list(stub.ExchangeNotes(iter([note]))))

    assert (code, details) == (grpc.StatusCode.NOT_FOUND, "there is no place named 'Nowhere'")


def test_redis_down_is_unavailable(stub, store):
    """If Redis does not respond, the status is UNAVAILABLE, so that clients retry."""
    store.down = True

    code, details = _status(lambda: stub.FindPlace(pb.Position()))

    assert (code, details) == (grpc.StatusCode.UNAVAILABLE, "Connection refused.")


def test_no_store_yet_is_unavailable():
    """Without a store, the status is UNAVAILABLE, with the reason."""

    def none():
        raise NotReady("not connected to Redis yet")

    class Context:
        """A context whose abort raises its arguments."""

        def abort(self, code, details):
            """Raises the status, as gRPC's abort does."""
            raise RuntimeError(code, details)

    with pytest.raises(RuntimeError) as aborted:
        RouteGuide(none, "s").FindPlace(pb.Position(), Context())

    assert aborted.value.args == (grpc.StatusCode.UNAVAILABLE, "not connected to Redis yet")
