"""Lists that come in pages, each of which names the next: bounded, since whoever answers may never end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from ccoctl.engine.call import Answer, Call, at_path
from ccoctl.errors import CloudError, ErrorKind

MOST_PAGES = 1000
MOST_ENTRIES = 20_000
"""Of a list, all pages together: an account has 5,000 roles at most, and a bucket of ours a few objects."""


class Pages(msgspec.Struct, frozen=True):
    """Where an answer has what belongs to its page, dotted."""

    entries: str
    marker: str
    """That of the next page."""
    more: str
    """What is true where there is one."""


def entries(ask: Callable[[Call], Answer], page: Callable[[str], Call], place: Pages) -> Iterator[Mapping[str, Any]]:
    """The entries of a list; whoever takes them keeps what is needed.

    Args:
        ask: gives the answer to a question.
        page: the question for the page after a marker; the first has an empty one.
        place: where an answer holds its entries and the marker of the next page.

    Raises:
        CloudError: as `ask`, or the list has no end.
    """
    markers = {""}
    marker, left = "", MOST_ENTRIES
    while len(markers) <= MOST_PAGES and left >= 0:
        answer = ask(page(marker))
        listed = at_path(answer, place.entries)
        found = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
        yield from found
        left -= len(found)
        marker = str(at_path(answer, place.marker) or "") if at_path(answer, place.more) else ""
        if not marker:
            return
        if marker in markers:
            break
        markers.add(marker)
    name = page("").name
    remedy = "Check what answers there: AWS_ENDPOINT_URL and HTTPS_PROXY."
    raise CloudError(f"{name}: the list has no end", kind=ErrorKind.PERMANENT, operation=name, remedy=remedy)


__all__ = ["Pages", "entries"]
