"""Tests of distances and of what input is valid."""

import math

import pytest

from python.server import geo


def test_known_distances():
    """A degree of longitude on the equator, the poles, and Zurich to London."""
    degree = math.pi * geo.EARTH_RADIUS_KM / 180

    assert geo.distance_km((0, 0), (0, 1)) == pytest.approx(degree)
    assert geo.distance_km((90, 0), (-90, 77)) == pytest.approx(geo.HALF_WAY_ROUND_KM)
    assert geo.distance_km((47.3833, 8.5333), (51.5083, -0.1253)) == pytest.approx(778, abs=3)
    assert geo.distance_km((12.3, 45.6), (12.3, 45.6)) == 0


def test_the_date_line_is_no_border():
    """Two points on both sides of 180 degrees are close."""
    assert geo.distance_km((0, 179.5), (0, -179.5)) == pytest.approx(
        geo.distance_km((0, 0), (0, 1))
    )


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(85.06, 0), (-85.06, 0), (0, 180.1), (0, -181), (math.nan, 0), (0, math.nan), (math.inf, 0)],
)
def test_positions_off_the_map(latitude, longitude):
    """What Redis cannot index is refused, not-a-number included."""
    with pytest.raises(geo.InvalidInput, match="must be from"):
        geo.check_position(latitude, longitude)


@pytest.mark.parametrize("radius", [0, -1, 20100, math.nan, math.inf])
def test_radii_out_of_range(radius):
    """A radius is positive and at most half way round Earth."""
    with pytest.raises(geo.InvalidInput, match="radius_km"):
        geo.check_radius(radius)


def test_valid_edges_pass():
    """The limits themselves are valid."""
    geo.check_position(85.05, 180)
    geo.check_position(-85.05, -180)
    geo.check_radius(geo.HALF_WAY_ROUND_KM)
    geo.check_text("text", "x" * 256, 256)


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_texts_out_of_range(text):
    """The message names the field, its limit and what was found."""
    with pytest.raises(geo.InvalidInput, match=f"text must have 1 to 256 characters, got {len(text)}"):
        geo.check_text("text", text, 256)
