"""gojsonnet, the Go implementation as a Python package: the errors with the most exact places."""

from __future__ import annotations

import _gojsonnet

from rules.jsonnet.tools.engines import google
from rules.jsonnet.tools.engines.call import Call

binary = True
exact = google.exact
shape = google.shape


def evaluate(call: Call) -> str:
    """Evaluates a program; see rules.jsonnet.tools.engines.google."""
    return google.evaluate(call, _gojsonnet.evaluate_snippet)
