"""A program for the image tests that says what is in the files it is given."""

import sys

if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path.removeprefix("--generated="), encoding="utf-8") as file:
            print(file.read())
