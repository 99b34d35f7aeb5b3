"""jsonnet, the reference implementation in C++: what the language is, and the slowest."""

from __future__ import annotations

import _jsonnet

from rules.jsonnet.tools.engines import google
from rules.jsonnet.tools.engines.call import Call

binary = True
exact = google.exact
shape = google.shape


def evaluate(call: Call) -> str:
    """Evaluates a program; see rules.jsonnet.tools.engines.google."""
    return google.evaluate(call, _jsonnet.evaluate_snippet)
