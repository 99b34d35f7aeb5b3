"""Reads the sample's places from the IANA time zone database.

The table `zone1970.tab` lists the world's time zones with the position of each
zone's principal location. The PyPI package tzdata contains it.
"""

import re
from dataclasses import dataclass
from importlib import resources

_ISO6709 = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?")


class TableError(ValueError):
    """The table of places is malformed or missing; the text names the line."""


@dataclass(frozen=True)
class Place:
    """The principal location of a time zone.

    Attributes:
        name: name of the zone, such as "Europe/Zurich".
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        countries: ISO 3166 codes, principal country first, never empty.
        remark: part of the country to which the zone applies; may be empty.
    """

    name: str
    latitude: float
    longitude: float
    countries: tuple[str, ...]
    remark: str = ""


def parse_position(text: str) -> tuple[float, float]:
    """Parses a position in ISO 6709 form.

    Args:
        text: ±DDMM±DDDMM or ±DDMMSS±DDDMMSS, such as "+4723+00832".

    Returns:
        Degrees north and degrees east.

    Raises:
        TableError: the text has another form, or a value is out of range.
    """
    match = _ISO6709.fullmatch(text)
    if match is None or (match[4] is None) != (match[8] is None):
        raise TableError(f"{text!r} is not a position; use ±DDMM±DDDMM or ±DDMMSS±DDDMMSS")
    latitude = _degrees(*match.group(1, 2, 3, 4))
    longitude = _degrees(*match.group(5, 6, 7, 8))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise TableError(f"{text!r} lies off the globe")
    return latitude, longitude


def _degrees(sign: str, degrees: str, minutes: str, seconds: str | None) -> float:
    if int(minutes) >= 60 or int(seconds or 0) >= 60:
        raise TableError(f"{minutes!r} minutes and {seconds or '0'!r} seconds must be below 60")
    value = int(degrees) + int(minutes) / 60 + int(seconds or 0) / 3600
    return -value if sign == "-" else value


def parse_table(text: str) -> list[Place]:
    """Parses the whole table, in its order.

    Args:
        text: contents of zone1970.tab: lines of country codes, position, zone name and an
            optional remark, separated by tabs; lines that start with # are comments.

    Returns:
        The places.

    Raises:
        TableError: a line has another form, a name is repeated, or there is no place.
    """
    places: dict[str, Place] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) not in (3, 4) or not all(columns[:3]):
            raise TableError(f"line {number}: {line!r} has {len(columns)} columns, some maybe empty; use 3 or 4")
        try:
            latitude, longitude = parse_position(columns[1])
        except TableError as error:
            raise TableError(f"line {number}: {error}") from None
        name = columns[2]
        if name in places:
            raise TableError(f"line {number}: {name} is repeated; remove one of the lines")
        remark = columns[3] if len(columns) == 4 else ""
        places[name] = Place(name, latitude, longitude, tuple(columns[0].split(",")), remark)
    if not places:
        raise TableError("the table has no places; add at least one line")
    return list(places.values())


def load() -> list[Place]:
    """Returns the places of the tzdata package's zone1970.tab.

    Raises:
        TableError: the package does not contain the table, or the table is malformed.
    """
    table = resources.files("tzdata") / "zoneinfo" / "zone1970.tab"
    try:
        text = table.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TableError("the tzdata package does not contain zoneinfo/zone1970.tab; install another version") from None
    try:
        return parse_table(text)
    except TableError as error:
        raise TableError(f"tzdata's zone1970.tab: {error}") from None
