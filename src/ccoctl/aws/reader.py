"""Reads of an account, several at a time; what may not be read becomes a value that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.diff import Unseen
from ccoctl.errors import CloudError, ErrorKind

T = TypeVar("T")
Perform = Callable[[Call], Answer]


class Reader:
    """Asks an account; `perform` retries what is worth it."""

    def __init__(self, perform: Perform, pool: ThreadPoolExecutor) -> None:
        """The pool bounds how many questions are under way."""
        self._perform = perform
        self._pool = pool

    def get(self, call: Call) -> Answer:
        """The answer.

        Raises:
            CloudError: whatever the cloud says.
        """
        return self._perform(call)

    def find(self, call: Call, *absent: str) -> Answer | None:
        """The answer, or None where what is asked for does not exist; `absent` are error codes that say so too."""
        try:
            return self._perform(call)
        except CloudError as error:
            if error.kind is ErrorKind.MISSING or error.code in absent:
                return None
            raise

    def see(self, call: Call, *absent: str) -> Answer | Unseen | None:
        """As `find`, and `Unseen` where the caller may not look."""
        try:
            return self.find(call, *absent)
        except CloudError as error:
            if error.kind is ErrorKind.DENIED:
                return Unseen(", ".join(error.actions) or call.name)
            raise

    def start(self, function: Callable[[], T]) -> Future[T]:
        """Ask in the background; such a function must not start others and wait for them."""
        return self._pool.submit(function)

    def all(self, functions: Iterable[Callable[[], T]]) -> list[T]:
        """Ask several things at a time, the answers in the order of the questions."""
        return [future.result() for future in [self._pool.submit(function) for function in functions]]


@contextmanager
def reader(perform: Perform, concurrency: int) -> Iterator[Reader]:
    """A Reader; when it is left early, questions that were not asked yet are dropped."""
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="observe")
    try:
        yield Reader(perform, pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
