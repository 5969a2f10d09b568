"""Reads of an account, several at a time; what may not be read becomes a value that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.engine.diff import Unseen
from ccoctl.engine.pool import pool
from ccoctl.errors import CloudError, ErrorKind

T = TypeVar("T")
Perform = Callable[[Call], Answer]

MOST_PAGES = 1000
MOST_ENTRIES = 20_000
"""Of a list, all pages together: an account has 5,000 roles at most, and a bucket of ours a few objects."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where an answer has what belongs to its page, dotted."""

    entries: str
    marker: str
    """That of the next page."""
    more: str
    """What is true where there is one."""


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
            if error.kind is ErrorKind.DENIED:
                return Unseen(", ".join(error.actions) or call.name)
            raise

    def pages(self, page: Callable[[str], Call], place: Pages) -> Iterator[Mapping[str, Any]]:
        """The entries of a list that comes in pages; whoever takes them keeps what is needed.

        Args:
            page: the question for the page after a marker; the first has an empty one.
            place: where an answer holds its entries and the marker of the next page.

        Raises:
            CloudError: whatever the cloud says, or the list has no end.
        """
        markers = {""}
        marker, left = "", MOST_ENTRIES
        while len(markers) <= MOST_PAGES and left >= 0:
            answer = self.get(page(marker))
            listed = at_path(answer, place.entries)
            entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
            yield from entries
            left -= len(entries)
            marker = str(at_path(answer, place.marker) or "") if at_path(answer, place.more) else ""
            if not marker:
                return
            if marker in markers:
                break
            markers.add(marker)
        name = page("").name
        remedy = "Check what answers there: AWS_ENDPOINT_URL and HTTPS_PROXY."
        raise CloudError(f"{name}: the list has no end", kind=ErrorKind.PERMANENT, operation=name, remedy=remedy)

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


@contextmanager
def reader(perform: Perform, concurrency: int) -> Iterator[Reader]:
    """A Reader; when it is left early, questions that were not asked yet are dropped."""
    with pool(concurrency, "observe") as threads:
        yield Reader(perform, threads)
