"""The order service."""

import iniconfig
from python.shelf import SIZE
from rules.prices import price

print(price(SIZE), iniconfig.__name__)
