"""Tests of the order service."""

import iniconfig
from rules.prices import price

from python import shelf


def test_price():
    """The mart's own packages are found, although Turnup has folders of these names."""
    assert price(199) == "1.99"
    assert shelf.SIZE == 12
    assert iniconfig.IniConfig
