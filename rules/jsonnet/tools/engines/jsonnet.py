"""jsonnet, the reference implementation in C++: it defines the language, and it is the slowest."""

from __future__ import annotations

import _jsonnet

from rules.jsonnet.tools.engines import google
from rules.jsonnet.tools.engines.call import Call

BINARY = True
has_location = google.has_location
parse_error = google.parse_error


def evaluate(call: Call) -> str:
    """Evaluates a program; see rules.jsonnet.tools.engines.google.evaluate."""
    return google.evaluate(call, _jsonnet.evaluate_snippet)
