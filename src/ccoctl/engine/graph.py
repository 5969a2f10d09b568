"""The order of steps: needs first, otherwise as given; and what hangs on what."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

import msgspec

from ccoctl.engine.plan import Step


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in order, and their edges; reading them out of the calls is done once."""

    steps: tuple[Step, ...]
    """Each after what it needs, as near to the given order as that allows."""
    needs: Mapping[str, tuple[str, ...]]
    below: Mapping[str, tuple[Step, ...]]
    """For each step's id the steps that need it, in the given order."""
    heights: Mapping[str, int]
    """For each step's id the number of steps in the longest chain that hangs on it."""


def graph(steps: Iterable[Step]) -> Graph:
    """The graph of steps in any order.

    Raises:
        ValueError: two steps share an id, a need is no step, or the needs go in a circle. That is a bug of the planner.
    """
    given = tuple(steps)
    needs = {step.id: step.needs for step in given}
    if len(needs) != len(given):
        raise ValueError("two steps of a plan share an id")
    for name, needed in needs.items():
        if unknown := [need for need in needed if need not in needs]:
            raise ValueError(f"step {name} needs {unknown}, which the plan does not have")
    ordered = _ordered(given, needs)
    return Graph(steps=ordered, needs=needs, below=_below(given, needs), heights=_heights(ordered, needs))


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps so that each comes after what it needs, as near to the given order as that allows.

    Raises:
        ValueError: as `graph`.
    """
    return graph(steps).steps


def heights(steps: Iterable[Step]) -> Mapping[str, int]:
    """For each step's id the number of steps in the longest chain that hangs on it.

    Raises:
        ValueError: as `graph`.
    """
    return graph(steps).heights


def _ordered(given: tuple[Step, ...], needs: Mapping[str, tuple[str, ...]]) -> tuple[Step, ...]:
    position = {step.id: number for number, step in enumerate(given)}
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    ready: list[int] = []
    ordered: list[Step] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, position[name])
        step = given[heapq.heappop(ready)]
        ordered.append(step)
        sorter.done(step.id)
    return tuple(ordered)


def _below(given: tuple[Step, ...], needs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Step, ...]]:
    below: dict[str, list[Step]] = {step.id: [] for step in given}
    for step in given:
        for need in needs[step.id]:
            below[need].append(step)
    return {name: tuple(followers) for name, followers in below.items()}


def _heights(ordered: tuple[Step, ...], needs: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    height = {step.id: 0 for step in ordered}
    for step in reversed(ordered):
        for need in needs[step.id]:
            height[need] = max(height[need], height[step.id] + 1)
    return height
