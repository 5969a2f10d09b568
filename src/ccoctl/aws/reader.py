"""Reads of an account, several at a time; what may not be read becomes a value that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pages import Pages, entries
from ccoctl.engine.pool import pool
from ccoctl.errors import CloudError, ErrorKind

T = TypeVar("T")
Perform = Callable[[Call], Answer]


class Reader:
    """Asks an account; `perform` retries what is worth it."""

    def __init__(self, perform: Perform, threads: ThreadPoolExecutor) -> None:
        """The threads bound how many questions are under way."""
        self._perform = perform
        self._pool = threads

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
            return _unseen(error, call)

    def see_all(self, page: Callable[[str], Call], place: Pages) -> list[Mapping[str, Any]] | Unseen:
        """All of what `pages` gives, and `Unseen` where the caller may not look."""
        try:
            return list(self.pages(page, place))
        except CloudError as error:
            return _unseen(error, page(""))

    def pages(self, page: Callable[[str], Call], place: Pages) -> Iterator[Mapping[str, Any]]:
        """The entries of a list that comes in pages; whoever takes them keeps what is needed.

        Args:
            page: the question for the page after a marker; the first has an empty one.
            place: where an answer holds its entries and the marker of the next page.

        Raises:
            CloudError: whatever the cloud says, or the list has no end.
        """
        return entries(self._perform, page, place)

    def start(self, function: Callable[[], T]) -> Future[T]:
        """Ask in the background; such a function waits for others only through `beside` and `together`."""
        return self._pool.submit(function)

    def beside(self, function: Callable[[], T]) -> Callable[[], T]:
        """Ask in a thread that is free; what is returned gives the answer, and asks itself where none was free so far.

        So whoever waits, waits for what is under way and never for a thread; what is in the background may do so, too.
        """
        future = self._pool.submit(function)
        return lambda: function() if future.cancel() else future.result()

    def together(self, *functions: Callable[[], T]) -> list[T]:
        """Ask several things, the first of them here and the others `beside` it; the answers in their order."""
        others = [self.beside(function) for function in functions[1:]]
        return [functions[0](), *(other() for other in others)]

    def all(self, functions: Iterable[Callable[[], T]]) -> list[T]:
        """Ask several things at a time, the answers in the order of the questions."""
        return [future.result() for future in [self._pool.submit(function) for function in functions]]


def _unseen(error: CloudError, call: Call) -> Unseen:
    """What stands for an answer that the caller may not have; any other error goes on."""
    if error.kind is ErrorKind.DENIED:
        return Unseen(", ".join(error.actions) or call.name)
    raise error


@contextmanager
def reader(perform: Perform, concurrency: int) -> Iterator[Reader]:
    """A Reader; when it is left early, questions that were not asked yet are dropped."""
    with pool(concurrency, "observe") as threads:
        yield Reader(perform, threads)
