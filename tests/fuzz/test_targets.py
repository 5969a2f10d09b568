"""The fuzzing targets hold for their seeds, for bytes at random and for spoiled seeds; `run.py` goes further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_end_quietly(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@given(st.sampled_from(sorted(TARGETS)), st.binary(max_size=400))
def test_bytes_at_random_end_quietly(name: str, data: bytes) -> None:
    TARGETS[name](data)


@given(st.data())
def test_spoiled_seeds_end_quietly(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TARGETS)))
    seed = data.draw(st.sampled_from(SEEDS[name]))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 8)))
    TARGETS[name](seed[:start] + data.draw(st.binary(max_size=8)) + seed[end:])
