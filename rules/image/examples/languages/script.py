"""Prints a greeting for its first argument."""

import os
import sys


def main(name: str) -> None:
    """Prints the greeting."""
    print(f"hello {name}, from user {os.getuid()}")


if __name__ == "__main__":
    main(sys.argv[1])
