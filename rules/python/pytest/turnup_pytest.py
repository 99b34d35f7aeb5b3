"""Runs pytest the way Bazel runs a test: no cache folder, JUnit XML where Bazel wants it, --test_filter as -k."""

import os
import sys

import pytest


def main(argv: list[str]) -> int:
    """Runs pytest on the files named in argv.

    Args:
        argv: test files relative to the runfiles' workspace, then further arguments for pytest.

    Returns:
        pytest's exit code; 5 (no test collected) is a failure, as a test target without tests proves nothing.
    """
    options = ["-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--rootdir=.", "-ra", "--color=no"]
    if output := os.environ.get("XML_OUTPUT_FILE"):
        options.append(f"--junitxml={output}")
    if expression := os.environ.get("TESTBRIDGE_TEST_ONLY"):
        options += ["-k", expression]
    if directory := os.environ.get("TEST_TMPDIR"):
        options.append(f"--basetemp={directory}/pytest")
    return int(pytest.main(options + argv))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
