"""Threads for questions: whoever interrupts waits for nothing."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from ccoctl.engine.pool import pool


def test_the_end_of_the_block_waits_for_what_is_under_way() -> None:
    begun, done = threading.Event(), list[int]()

    def ask() -> None:
        begun.set()
        threading.Event().wait(0.1)
        done.append(1)

    with pool(2, "ask") as threads:
        threads.submit(ask)
        begun.wait(10)
    assert done == [1]


def test_an_error_waits_for_what_is_under_way_and_drops_the_rest() -> None:
    begun, go, done = threading.Event(), threading.Event(), list[int]()

    def ask(number: int) -> None:
        begun.set()
        go.wait(10)
        done.append(number)

    def leave() -> None:
        with pool(1, "ask") as threads:
            for number in range(3):
                threads.submit(ask, number)
            begun.wait(10)
            threading.Timer(0.1, go.set).start()
            raise ValueError("no more of it")

    with pytest.raises(ValueError, match="no more of it"):
        leave()
    assert done == [0]


def test_an_interrupt_leaves_behind_what_hangs() -> None:
    begun, never = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        never.wait(60)

    def interrupt() -> None:
        with pool(1, "ask") as threads:
            under_way.append(threads.submit(hang))
            begun.wait(10)
            raise KeyboardInterrupt

    under_way: list[Future[None]] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not under_way[0].done()
    never.set()
