"""Distances on Earth, computed as Redis computes them, and what input is valid."""

import math

EARTH_RADIUS_KM = 6372.797560856
"""The radius that Redis uses, so that our distances agree with GEOSEARCH's."""

MAX_LATITUDE = 85.05112878
"""Redis indexes positions by Web Mercator tiles, which end at this latitude."""

HALF_WAY_ROUND_KM = math.pi * EARTH_RADIUS_KM
"""No two places are further apart."""


class InvalidInput(ValueError):
    """What a caller sent is out of range; the text says what is valid."""


def check_position(latitude: float, longitude: float) -> None:
    """Raises InvalidInput unless the position (degrees) can be looked up."""
    if not abs(latitude) <= MAX_LATITUDE:  # written so that NaN fails too
        raise InvalidInput(f"latitude must be from -85.05 to 85.05 degrees, got {latitude:g}")
    if not abs(longitude) <= 180:
        raise InvalidInput(f"longitude must be from -180 to 180 degrees, got {longitude:g}")


def check_radius(radius_km: float) -> None:
    """Raises InvalidInput unless radius_km is more than 0 and at most half way round."""
    if not 0 < radius_km <= HALF_WAY_ROUND_KM:
        raise InvalidInput(
            f"radius_km must be more than 0 and at most {HALF_WAY_ROUND_KM:.0f}, got {radius_km:g}"
        )


def check_text(field: str, text: str, limit: int) -> None:
    """Raises InvalidInput unless text has 1 to limit characters."""
    if not 1 <= len(text) <= limit:
        raise InvalidInput(f"{field} must have 1 to {limit} characters, got {len(text)}")


def distance_km(from_: tuple[float, float], to: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) in degrees (haversine)."""
    phi1, phi2 = math.radians(from_[0]), math.radians(to[0])
    u = math.sin((phi2 - phi1) / 2)
    v = math.sin(math.radians(to[1] - from_[1]) / 2)
    h = u * u + math.cos(phi1) * math.cos(phi2) * v * v
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))
