"""Distances on Earth, computed like in Redis, and validation of input."""

import math

EARTH_RADIUS_KM = 6372.797560856
"""Radius of Earth in Redis, so that our distances equal those of GEOSEARCH."""

MAX_LATITUDE = 85.05112878
"""Highest latitude that Redis can index, because it uses Web Mercator tiles."""

MAX_DISTANCE_KM = math.pi * EARTH_RADIUS_KM
"""Largest distance between two places: half of Earth's circumference."""


class InvalidInput(ValueError):
    """A request has a value that is out of range; the text says what is valid."""


def check_position(latitude: float, longitude: float) -> None:
    """Checks a position.

    Args:
        latitude: degrees north.
        longitude: degrees east.

    Raises:
        InvalidInput: Redis can't index the position.
    """
    if not abs(latitude) <= MAX_LATITUDE:  # written so that NaN fails too
        raise InvalidInput(f"latitude is {latitude:g}; use degrees from -85.05 to 85.05")
    if not abs(longitude) <= 180:
        raise InvalidInput(f"longitude is {longitude:g}; use degrees from -180 to 180")


def check_radius(radius_km: float) -> None:
    """Checks a radius.

    Args:
        radius_km: radius in km.

    Raises:
        InvalidInput: the radius is not more than 0 and at most MAX_DISTANCE_KM.
    """
    if not 0 < radius_km <= MAX_DISTANCE_KM:
        raise InvalidInput(f"radius_km is {radius_km:g}; use more than 0 and at most {MAX_DISTANCE_KM:.0f}")


def check_text(field: str, text: str, limit: int) -> None:
    """Checks the length of a text.

    Args:
        field: name of the field, for the error message.
        text: the text.
        limit: maximum number of characters.

    Raises:
        InvalidInput: the text is empty or too long.
    """
    if not 1 <= len(text) <= limit:
        raise InvalidInput(f"{field} has {len(text)} characters; use 1 to {limit}")


def distance_km(from_: tuple[float, float], to: tuple[float, float]) -> float:
    """Returns the great-circle distance in km between two (latitude, longitude) in degrees (haversine formula)."""
    phi1, phi2 = math.radians(from_[0]), math.radians(to[0])
    u = math.sin((phi2 - phi1) / 2)
    v = math.sin(math.radians(to[1] - from_[1]) / 2)
    h = u * u + math.cos(phi1) * math.cos(phi2) * v * v
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))
