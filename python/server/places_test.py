"""Tests of reading the table of places."""

import pytest

from python.server import places


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+0000+00000", (0, 0)),
        ("+4723+00832", (47 + 23 / 60, 8 + 32 / 60)),
        ("-3352+15113", (-(33 + 52 / 60), 151 + 13 / 60)),
        ("+404251-0740023", (40 + 42 / 60 + 51 / 3600, -(74 + 23 / 3600))),
        ("-9000-18000", (-90, -180)),
    ],
)
def test_positions(text, expected):
    """Degrees, minutes and seconds are added up, with the sign of the direction."""
    assert places.parse_position(text) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a position"),
        ("4723+00832", "is not a position"),
        ("+4723+0832", "is not a position"),
        ("+4723+0083200", "is not a position"),
        ("+472300+00832", "is not a position"),
        ("+4760+00832", "below 60"),
        ("+9001+00000", "off the globe"),
        ("+0000+18001", "off the globe"),
    ],
)
def test_bad_positions(text, why):
    """Another form, 60 minutes or more, and a value out of range are errors."""
    with pytest.raises(places.TableError, match=why):
        places.parse_position(text)


def test_a_table():
    """Comments and empty lines are skipped, and the fourth column is optional."""
    text = "# comment\n\nCH,DE,LI\t+4723+00832\tEurope/Zurich\nAQ\t-6617+11031\tA/Casey\tCasey base\n"

    zurich, casey = places.parse_table(text)

    assert (zurich.name, zurich.countries, zurich.remark) == (
        "Europe/Zurich",
        ("CH", "DE", "LI"),
        "",
    )
    assert casey.remark == "Casey base"
    assert casey.latitude == pytest.approx(-66.2833, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CH\t+4723+00832\n", "line 1: .* has 2 columns, some maybe empty; use 3 or 4"),
        ("# x\nCH\t+47+008\tEurope/Zurich\n", "line 2: '\\+47\\+008' is not a position"),
        ("\t+4723+00832\tEurope/Zurich\n", "line 1: .* has 3 columns, some maybe empty"),
        ("CH\t+4723+00832\tA\nCH\t+4723+00832\tA\n", "line 2: A is repeated"),
        ("# only a comment\n", "the table has no places"),
    ],
)
def test_bad_tables(text, why):
    """The error names the line and what is wrong with it."""
    with pytest.raises(places.TableError, match=why):
        places.parse_table(text)


def test_the_packages_table_is_valid():
    """tzdata's table has hundreds of places with valid positions, and Zurich's position is right."""
    loaded = {place.name: place for place in places.load()}

    assert len(loaded) > 250
    assert all(abs(place.latitude) <= 85.05 for place in loaded.values())
    assert loaded["Europe/Zurich"].latitude == pytest.approx(47.3833, abs=1e-3)
    assert loaded["Europe/Zurich"].longitude == pytest.approx(8.5333, abs=1e-3)
    assert loaded["Europe/Zurich"].countries[0] == "CH"
