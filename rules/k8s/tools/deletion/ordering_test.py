"""Tests of the order in which targets are written and deleted."""

from __future__ import annotations

import random

from rules.k8s.tools.deletion.ordering import DependencyOrder, closure_of, reversed_graph

DIAMOND = {"redis": [], "left": ["redis"], "right": ["redis"], "top": ["left", "right", "outside"]}


def waves(graph: dict[str, list[str]], changing: list[str]) -> list[set[str]]:
    """Returns what starts together if everything becomes ready at once."""
    order, found = DependencyOrder(graph, changing), []
    while not order.done:
        started = order.take_startable()
        found.append(set(started))
        for label in started:
            order.mark_written(label)
        for label in order.to_watch():
            order.mark_ready(label)
    return [wave for wave in found if wave]


def test_diamond_goes_in_waves():
    """A dependent starts after all its dependencies; siblings start together; each starts once."""
    assert waves(DIAMOND, list(DIAMOND)) == [{"redis"}, {"left", "right"}, {"top"}]


def test_unchanged_targets_are_waited_for_only_when_needed():
    """An unchanged dependency must be ready as well; if no dependent changes, nothing is waited for."""
    order = DependencyOrder(DIAMOND, ["left"])
    assert order.take_startable() == [] and order.to_watch() == {"redis"}
    order.mark_ready("redis")
    assert order.take_startable() == ["left"] and order.waiting() == {}

    order = DependencyOrder(DIAMOND, ["redis"])
    assert order.take_startable() == ["redis"]
    order.mark_written("redis")
    assert order.done and order.to_watch() == set()


def test_deletion_is_the_reverse():
    """Dependencies are deleted after their dependents."""
    assert waves(reversed_graph(DIAMOND), list(DIAMOND)) == [{"top"}, {"left", "right"}, {"redis"}]


def test_random_graphs_start_everything_once_after_its_dependencies():
    """For random graphs, every target starts once, and none before its whole closure is ready."""
    draw = random.Random(7)
    for _ in range(300):
        labels = [f"t{number}" for number in range(draw.randint(1, 12))]
        graph = {label: draw.sample(labels[:index], draw.randint(0, min(3, index))) for index, label in enumerate(labels)}
        changing = draw.sample(labels, draw.randint(0, len(labels)))
        order, ready, started = DependencyOrder(graph, changing), set(), []
        while not order.done:
            for label in order.take_startable():
                assert closure_of(graph, label) <= ready
                started.append(label)
                order.mark_written(label)
            for label in draw.sample(sorted(order.to_watch()), len(order.to_watch())):
                order.mark_ready(label)
                ready.add(label)
        assert sorted(started) == sorted(changing)


def test_cycle_ends():
    """A closure is finite even if labels depend on one another, which a build does not allow."""
    assert closure_of({"a": ["b"], "b": ["a"]}, "a") == {"b"}


def test_a_cycle_goes_together_after_what_it_waits_for():
    """Targets of a cycle do not wait for one another; what depends on them waits for all of them, and they for what they depend on."""
    graph = {"base": [], "a": ["b", "base"], "b": ["c"], "c": ["a"], "top": ["c"], "self": ["self"]}

    assert waves(graph, list(graph)) == [{"base", "self"}, {"a", "b", "c"}, {"top"}]


def test_any_graph_starts_everything_once():
    """For random graphs with cycles, every target starts once, after everything that does not depend on it in turn."""
    draw = random.Random(8)
    for _ in range(300):
        labels = [f"t{number}" for number in range(draw.randint(1, 9))]
        graph = {label: draw.sample(labels, draw.randint(0, min(3, len(labels)))) for label in labels}
        order, ready, started = DependencyOrder(graph, labels), set(), []
        while level := order.take_startable():
            for label in level:
                assert {dep for dep in closure_of(graph, label) if label not in closure_of(graph, dep)} <= ready
                started.append(label)
            for label in level:
                order.mark_ready(label)
                ready.add(label)
        assert sorted(started) == labels
