"""The order of steps: needs first, otherwise as given; and what hangs on what."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from ccoctl.engine.plan import Step


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps so that each comes after what it needs, as near to the given order as that allows.

    Raises:
        ValueError: two steps share an id, a need is no step, or the needs go in a circle. That is a bug of the planner.
    """
    given = tuple(steps)
    by_id = {step.id: step for step in given}
    if len(by_id) != len(given):
        raise ValueError("two steps of a plan share an id")
    for step in given:
        if unknown := [need for need in step.needs if need not in by_id]:
            raise ValueError(f"step {step.id} needs {unknown}, which the plan does not have")
    position = {step.id: number for number, step in enumerate(given)}
    sorter = TopologicalSorter({step.id: step.needs for step in given})
    sorter.prepare()
    ordered: list[Step] = []
    ready = sorted(sorter.get_ready(), key=position.__getitem__)
    while ready:
        name = ready.pop(0)
        ordered.append(by_id[name])
        sorter.done(name)
        ready = sorted([*ready, *sorter.get_ready()], key=position.__getitem__)
    return tuple(ordered)


def dependents(steps: Iterable[Step]) -> dict[str, tuple[Step, ...]]:
    """For each step's id the steps that need it, in the given order."""
    below: dict[str, list[Step]] = {}
    for step in steps:
        below.setdefault(step.id, [])
        for need in step.needs:
            below.setdefault(need, []).append(step)
    return {name: tuple(followers) for name, followers in below.items()}


def heights(steps: tuple[Step, ...]) -> dict[str, int]:
    """For each step's id the number of steps in the longest chain that hangs on it; the steps are in order."""
    height: dict[str, int] = {step.id: 0 for step in steps}
    for step in reversed(steps):
        for need in step.needs:
            height[need] = max(height[need], height[step.id] + 1)
    return height
