"""The rules of the mart's prices; the package has the same name as Turnup's rules."""


def price(cents: int) -> str:
    """Returns a price as people read it."""
    return f"{cents // 100}.{cents % 100:02}"
