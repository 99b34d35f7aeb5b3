"""Tests of the picture of a run."""

import json

import pytest

from docs.tools import picture


def _state(seconds: float, *pods: str) -> dict:
    """Returns the event that one target waits for pods."""
    target = {"group": "apps", "kind": "Deployment", "namespace": "dev", "name": "web"}
    waiting = [{"object": target, "reason": "0 of 2 replicas are ready", "failed": False, "pods": [{"pod": pod, "reason": "is starting"} for pod in pods]}]
    return {"event": "state", "seconds": seconds, "target": "//svc:dev", "service": "web", "after": [], "ready": False, "waiting": waiting}


def _record(*events: dict) -> str:
    """Returns events as a run prints them, its end included."""
    return "".join(json.dumps(event) + "\n" for event in [*events, {"event": "ready", "seconds": 9.0, "target": "//svc:dev"}])


def test_the_moment_with_most_to_see_is_drawn() -> None:
    """The picture shows the tree while half of the pods or more are waited for, not the end, and markup is text."""
    svg = picture.draw(_record({"event": "note", "seconds": 0.5, "text": "pushed [red]x"}, _state(1.0, "web-a", "web-b"), _state(2.0, "web-c")))

    assert "web-c" in svg and "web-a" not in svg and "[red]x" in svg and "2.0s" in svg


def test_the_same_record_gives_the_same_picture() -> None:
    """The picture has no random name and no font from elsewhere in it."""
    record = _record(_state(1.0, "web-a"))

    assert picture.draw(record) == picture.draw(record)
    assert "http" not in picture.draw(record).replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_record_without_pods_is_refused() -> None:
    """A record in which nothing waited has nothing to draw."""
    with pytest.raises(ValueError, match="record a run on a cluster where the stack is not ready yet"):
        picture.draw(_record())
