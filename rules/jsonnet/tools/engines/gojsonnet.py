"""gojsonnet, the Go implementation as a Python package: its errors have the most precise locations."""

from __future__ import annotations

import _gojsonnet

from rules.jsonnet.tools.engines import google
from rules.jsonnet.tools.engines.call import Call

BINARY = True
has_location = google.has_location
parse_error = google.parse_error


def evaluate(call: Call) -> str:
    """Evaluates a program; see rules.jsonnet.tools.engines.google.evaluate."""
    return google.evaluate(call, _gojsonnet.evaluate_snippet)
