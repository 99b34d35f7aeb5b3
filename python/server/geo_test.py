"""Tests of distances and of the validation of input."""

import math

import pytest

from python.server import geo


def test_known_distances():
    """Known distances are right: a degree on the equator, pole to pole, and Zurich to London."""
    degree = math.pi * geo.EARTH_RADIUS_KM / 180

    assert geo.distance_km((0, 0), (0, 1)) == pytest.approx(degree)
    assert geo.distance_km((90, 0), (-90, 77)) == pytest.approx(geo.MAX_DISTANCE_KM)
    assert geo.distance_km((47.3833, 8.5333), (51.5083, -0.1253)) == pytest.approx(778, abs=3)
    assert geo.distance_km((12.3, 45.6), (12.3, 45.6)) == 0


def test_distance_across_the_date_line():
    """The distance of two points on both sides of 180 degrees is short."""
    assert geo.distance_km((0, 179.5), (0, -179.5)) == pytest.approx(geo.distance_km((0, 0), (0, 1)))


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(85.06, 0), (-85.06, 0), (0, 180.1), (0, -181), (math.nan, 0), (0, math.nan), (math.inf, 0)],
)
def test_positions_out_of_range(latitude, longitude):
    """A position that Redis can't index is an error, and so is NaN."""
    with pytest.raises(geo.InvalidInput, match="use degrees from"):
        geo.check_position(latitude, longitude)


@pytest.mark.parametrize("radius", [0, -1, 20100, math.nan, math.inf])
def test_radii_out_of_range(radius):
    """A radius that is not positive, or more than half of Earth's circumference, is an error."""
    with pytest.raises(geo.InvalidInput, match="radius_km is"):
        geo.check_radius(radius)


def test_valid_edges_pass():
    """The limits themselves are valid."""
    geo.check_position(85.05, 180)
    geo.check_position(-85.05, -180)
    geo.check_radius(geo.MAX_DISTANCE_KM)
    geo.check_text("text", "x" * 256, 256)


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_texts_out_of_range(text):
    """The error for a text that is empty or too long names the field, its length and the limit."""
    with pytest.raises(geo.InvalidInput, match=f"text has {len(text)} characters; use 1 to 256"):
        geo.check_text("text", text, 256)
