"""Threads for questions that are asked at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def pool(size: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads until the block ends, which waits for what is under way; when it is left early, the rest is dropped.

    Whoever interrupts waits for nothing: a call that hangs is left behind, and ends with the process.
    """
    threads = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
    waits = True
    try:
        yield threads
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        threads.shutdown(wait=waits, cancel_futures=True)


__all__ = ["pool"]
