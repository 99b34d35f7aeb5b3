"""Tests of the documentation: its links, paths and labels exist."""

import re

import pytest

from tests.repo import tree

DOCS = [str(path) for path in tree.with_suffix(".md")]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def headings(text):
    """Returns the anchors of a Markdown text, as GitHub derives them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def top_level():
    """Returns the names of the folders at the repository's root."""
    return {path.parts[0] for path in tree.files() if len(path.parts) > 1}


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name):
    """Every relative link and its anchor exist."""
    path = tree.Path(name)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", tree.text(path))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (tree.ROOT / path.parent / file).resolve() if file else tree.ROOT / path
        if not there.exists() or (anchor and anchor not in headings(there.read_text())):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("name", DOCS)
def test_paths_exist(name):
    """A code span that looks like a path or label of this repository names something that exists."""
    path = tree.Path(name)
    missing = []
    for words in re.findall(r"`([^`\s]+)`", FENCE.sub("", tree.text(path))):
        span = words if words.startswith("//") else words.split(":")[0]
        # A placeholder in capitals, as in rules/KIND/defs.bzl, is not a path.
        if re.search(r"\b[A-Z]{2,}\b/|/[A-Z]{2,}\b|[{}*<>$…]", span):
            continue
        label = re.fullmatch(r"//([\w./-]*)(:[\w.+-]+)?", span)
        if label and not span.endswith("..."):
            there = [tree.ROOT / label[1] / "BUILD", tree.ROOT / label[1] / "BUILD.bazel"]
        elif "/" in span and span.split("/")[0] in top_level():
            # Bazel builds service.json from service.yaml.
            there = [tree.ROOT / span, tree.ROOT / path.parent / span, (tree.ROOT / span).with_suffix(".yaml")]
        else:
            continue
        if not any(place.exists() for place in there):
            missing.append(span)

    assert missing == []
