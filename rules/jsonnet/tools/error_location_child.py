"""Child process of error_location: evaluates a failed program with go-jsonnet and returns the stack trace."""

from __future__ import annotations

from rules.jsonnet.tools import engine
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import Binding, Request

_ENGINE = "gojsonnet"


def evaluate(fields: dict[str, object], message: str = "") -> list[str]:
    """Evaluates a program with go-jsonnet.

    Args:
        fields: fields of the Request.
        message: first line of the error that the other engine reported.

    Returns:
        Lines of the error's stack trace. Empty if there is no error or a different
        one, such as an error that go-jsonnet finds before it evaluates anything.
    """
    bindings = [Binding(**binding) for binding in fields.pop("bindings")]  # type: ignore[attr-defined]
    request = Request(**{**fields, "bindings": bindings, "engine": _ENGINE, "max_trace": 0})  # type: ignore[arg-type]
    try:
        engine.evaluate(request)
    except RenderError as error:
        if error.message.startswith("static error: "):
            return []
        if message.startswith("runtime error: ") and error.message.split("\n")[0] != message:
            return []
        return [line for line in error.message.split("\n") if line.startswith("    ")]
    return []
