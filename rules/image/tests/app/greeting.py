"""What hello.py says; a module of its own, so that the image has an import across files."""


def greeting(name: str) -> str:
    """Returns a greeting for name."""
    return f"hello {name}"
